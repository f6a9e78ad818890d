"""The key for hashes as a secret of a key vault: not beside the hashes that it makes hard to guess."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.credentials import TokenCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.keyvault.secrets import SecretClient

from reconciler.errors import SettingsError, StateError

ADDRESS = re.compile(r"(https://[A-Za-z0-9-]{3,24}\.vault\.azure\.net)/secrets/([0-9A-Za-z-]{1,127})/?")
BYTES = 32
WAY_OUT = "Restore an earlier version of the secret."


class VaultKey:
    """Reads and makes the secret at an address like https://VAULT.vault.azure.net/secrets/NAME."""

    def __init__(self, address: str, credential: TokenCredential) -> None:
        """Raises SettingsError where it is no such address. Makes no call."""
        found = ADDRESS.fullmatch(address)
        if not found:
            message = "name the Key Vault secret for hashes: https://VAULT.vault.azure.net/secrets/NAME."
            raise SettingsError(message, where="RECONCILER_KEY")
        self._address, self._name = address, found[2]
        self._client = SecretClient(found[1], credential)

    def read(self) -> bytes | None:
        """The key; None where there is no such secret. Raises StateError."""
        with self._failing():
            try:
                text = self._client.get_secret(self._name).value or ""
            except ResourceNotFoundError:
                return None
        try:
            key = base64.b64decode(text, validate=True)
        except binascii.Error:
            key = b""
        if len(key) != BYTES:
            raise StateError(f"the key is damaged. {WAY_OUT}", where=self._address)
        return key

    def make(self) -> bytes:
        """Make the secret. Raises StateError."""
        key = secrets.token_bytes(BYTES)
        with self._failing():
            self._client.set_secret(
                self._name, base64.b64encode(key).decode(), content_type="key for hashes of secrets, base64"
            )
        return key

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except ClientAuthenticationError:
            message = "sign-in to the key vault failed. Check the identity of the app, or `az login`."
            raise StateError(message, where=self._address) from None
        except HttpResponseError as error:
            raise StateError(_meaning(error), where=self._address) from None
        except AzureError as error:
            message = f"the key vault was not reached ({type(error).__name__}). Check its name and firewall."
            raise StateError(message, where=self._address) from None


def _meaning(error: HttpResponseError) -> str:
    code = error.error.code if error.error else error.reason
    if error.status_code == 403:
        role = "Give the identity the role Key Vault Secrets Officer; once the key is made, User is enough."
        return f"Key Vault refused the key for hashes: {code} (403). {role}"
    if error.status_code == 409:
        return "the key for hashes was deleted, and its name is still taken. Recover the secret, or purge it."
    return f"Key Vault refused the key for hashes: {code} ({error.status_code}). Run again."
