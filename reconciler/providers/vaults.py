"""One client for every call to key vaults' secrets: sign-in, retries, errors."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler.errors import Busy, CloudError, SignInError, Unreachable
from reconciler.providers import connections
from reconciler.providers.azure import error_of
from reconciler.providers.retries import patient
from reconciler.redaction import remember

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient, SecretProperties

T = TypeVar("T")
DELETED = "ObjectIsDeletedButRecoverable"
"""Code of a refusal: the name belongs to a secret that was deleted and can be taken back
(https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview)."""
DISABLED = "SecretDisabled"
MOVING = ("ObjectIsBeingDeleted", "ObjectIsBeingRecovered")


class Vaults:
    """Calls to any number of vaults under one identity. Safe under threads.

    calls: counts them, under "read" and "write". Every method raises CloudError and its kinds."""

    def __init__(self, credential: TokenCredential, calls: Counter[str]) -> None:
        self._credential = credential
        self._calls = calls
        self._lock = threading.Lock()

    def listed(self, vault: str, *, once: bool = False) -> list[SecretProperties]:
        """All secrets of a vault as the list shows them: without versions and values.

        once: a vault that is not reached is not asked again."""
        return self._all(vault, lambda client: client.list_properties_of_secrets(), once)

    def newest(self, vault: str, name: str) -> SecretProperties | None:
        """The newest version of a secret, disabled or not, by the list of its versions."""
        found = self._all(vault, lambda client: client.list_properties_of_secret_versions(name), False)
        return max(found, key=lambda each: each.created_on or datetime.min.replace(tzinfo=UTC), default=None)

    def get(self, vault: str, name: str, version: str = "") -> KeyVaultSecret:
        """A secret with its value: the newest version, or one. A disabled one is refused (DISABLED)."""
        found = self._do(vault, name, "read", lambda client: client.get_secret(name, version or None))
        remember(found.value or "")
        return found

    def set(self, vault: str, name: str, value: str, fields: Mapping[str, Any]) -> SecretProperties:
        """Make a new version. Refused (code DELETED) while a deleted secret has the name."""
        made = self._do(vault, name, "write", lambda client: client.set_secret(name, value, **fields))
        return made.properties

    def update(self, vault: str, name: str, fields: Mapping[str, Any], version: str = "") -> SecretProperties:
        """Change what stands beside the value of a version, else the newest; what is not named stays."""

        def work(client: SecretClient) -> SecretProperties:
            return client.update_secret_properties(name, version or None, **fields)

        return self._do(vault, name, "write", work)

    def delete(self, vault: str, name: str) -> None:
        """Begin to delete it; it can be recovered. Nothing is purged."""
        self._do(vault, name, "write", lambda client: client.begin_delete_secret(name))

    def recover(self, vault: str, name: str) -> None:
        """Begin to take back what was deleted; it takes a while until it can be read."""
        self._do(vault, name, "write", lambda client: client.begin_recover_deleted_secret(name))

    def _all(self, vault: str, ask: Callable[[SecretClient], Any], once: bool) -> list[SecretProperties]:
        found: list[SecretProperties] = []
        token: str | None = None
        while True:
            items, token = self._do(vault, "", "read", partial(_page, ask, token), once)
            found += items
            if not token:
                return found

    def _do(
        self, vault: str, name: str, kind: str, work: Callable[[SecretClient], T], once: bool = False
    ) -> T:
        where = f"{vault}/{name}" if name else vault

        def attempt() -> T:
            from azure.core.exceptions import AzureError, HttpResponseError

            with self._lock:
                self._calls[kind] += 1
            try:
                return work(self._client(vault))
            except HttpResponseError as error:
                if error.response is None:  # the credential's own refusal
                    raise SignInError(f"No sign-in to Key Vault: {error.message}", where=where) from None
                raise _told(error, where) from None
            except AzureError as error:
                message = f"{_url(vault)} was not reached: {type(error).__name__}. Is the vault there?"
                raise Unreachable(message, where=where) from None

        return attempt() if once else patient(repeatable=True)(attempt)

    def _client(self, vault: str) -> SecretClient:
        return connections.secrets(self._credential, _url(vault))


def _url(vault: str) -> str:
    return f"https://{vault.lower()}.vault.azure.net"


def _page(ask: Callable[[Any], Any], token: str | None, client: Any) -> tuple[list[Any], str | None]:
    pages: Iterator[Any] = ask(client).by_page(token)
    items = list(next(pages, ()))
    return items, getattr(pages, "continuation_token", None)


def _told(error: HttpResponseError, where: str) -> CloudError:
    """The error that an answer of Key Vault stands for, with the innermost code."""
    detail = error.error
    inner = (detail.innererror or {}) if detail is not None else {}
    code = str(inner.get("code") or (detail.code if detail is not None else "") or "")
    message = str(detail.message if detail is not None else error.reason or "")
    response: Any = error.response
    wait = response.headers.get("Retry-After", "") if response is not None else ""
    body = {"code": code or None, "message": " ".join(message.split()) or None}
    found = error_of(error.status_code or 500, {"error": body}, float(wait) if wait.isdigit() else 0, where)
    if code in MOVING:
        return Busy(found.message, where=where, code=code, status=found.status, wait=found.wait)
    return found
