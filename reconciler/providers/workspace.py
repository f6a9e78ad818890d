"""One client for every call to Databricks workspaces: sign-in by Azure identity, retries, errors."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from reconciler.errors import CloudError, Conflict, Forbidden, NotFound, SignInError, Throttled, Unreachable
from reconciler.providers import retries
from reconciler.providers.databricks_sdk import leave_out_services
from reconciler.providers.retries import patient
from reconciler.record import Entry
from reconciler.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Hashable

    from azure.core.credentials import AccessToken, TokenCredential
    from databricks.sdk.core import ApiClient, DatabricksError

LOGIN_APP = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"
"""The application that stands for Azure Databricks in Entra ID
(https://learn.microsoft.com/azure/databricks/dev-tools/auth/aad-token-manual)."""
MANAGEMENT = "https://management.core.windows.net//.default"
RESOURCE_ID = "X-Databricks-Azure-Workspace-Resource-Id"
MANAGEMENT_TOKEN = "X-Databricks-Azure-SP-Management-Token"
"""With these a Contributor of the workspace gets in whom the workspace does not know yet
(https://learn.microsoft.com/azure/databricks/dev-tools/api/latest/aad/service-prin-aad-token)."""
EXPIRING = 300.0
"""A token that has so many seconds left is not used any more."""
WORKSPACES = 512
"""Workspaces whose clients are kept."""
READS = ("GET", "HEAD")
ENTRY = (
    " Does `databricks.resourceId` name this workspace? By it a Contributor gets in whom the workspace does "
    "not know. See `reconciler doctor`."
)

CODES: Mapping[str, type[CloudError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "NOT_FOUND": NotFound,
    "PERMISSION_DENIED": Forbidden,
    "RESOURCE_ALREADY_EXISTS": Conflict,
    "ALREADY_EXISTS": Conflict,
    "DIRECTORY_NOT_EMPTY": Conflict,
    "REQUEST_LIMIT_EXCEEDED": Throttled,
    "RESOURCE_EXHAUSTED": Throttled,
    "TEMPORARILY_UNAVAILABLE": Unreachable,
    "INTERNAL_ERROR": Unreachable,
    "DEADLINE_EXCEEDED": Unreachable,
}
"""Error codes of Databricks that say more than their HTTP status (https://docs.databricks.com/api/workspace)."""


@dataclass(frozen=True)
class Place:
    """A workspace: its host, and its id in Azure where that is known."""

    host: str
    resource_id: str = ""

    @classmethod
    def of(cls, at: Mapping[str, Any]) -> Place:
        return cls(str(at["host"]), str(at.get("resourceId") or ""))


def by_place(wanted: Iterable[Resource | Entry]) -> list[tuple[Place, list[Resource | Entry]]]:
    """What is asked for in each workspace, in the order of their hosts."""
    found: dict[Place, list[Resource | Entry]] = {}
    for each in wanted:
        found.setdefault(Place.of(each.at), []).append(each)
    return sorted(found.items(), key=lambda item: item[0].host)


class _SignIn:
    """The headers by which one identity is let into workspaces. Safe under threads."""

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential
        self._tokens: dict[str, AccessToken] = {}
        self._lock = threading.Lock()

    def headers(self, place: Place) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._token(LOGIN_APP)}"}
        if place.resource_id:
            headers[RESOURCE_ID] = place.resource_id
            headers[MANAGEMENT_TOKEN] = self._token(MANAGEMENT)
        return headers

    def _token(self, scope: str) -> str:
        """Kept while it lasts: `az login` keeps none, and asking it starts a process each time."""
        from azure.core.exceptions import AzureError

        with self._lock:
            known = self._tokens.get(scope)
            if known is None or known.expires_on - time.time() < EXPIRING:
                try:
                    known = self._tokens[scope] = self._credential.get_token(scope)
                except AzureError as error:
                    raise SignInError(f"No sign-in to Databricks: {error.message}") from error
            return known.token


@lru_cache(maxsize=8)
def _sign_in(credential: Any) -> _SignIn:
    return _SignIn(credential)


class Workspaces:
    """Calls to any number of workspaces under one identity. Safe under threads.

    calls: counts them, under "read" and "write"."""

    def __init__(self, credential: TokenCredential, calls: Counter[str]) -> None:
        self._credential = credential
        self._calls = calls
        self._lock = threading.Lock()

    def call(
        self,
        place: Place,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        file: bytes | None = None,
        where: str = "",
        repeatable: bool = True,
    ) -> dict[str, Any]:
        """Make one call and give back its JSON. Raises CloudError and its kinds.

        data: sent as it is. file: sent as `content` of a form whose fields are those of `body`.

        A call that is not `repeatable` is made once: one whose answer was lost may have had its effect."""

        def once() -> dict[str, Any]:
            return self._once(place, method, path, query, body, data, file, where)

        return patient(repeatable=repeatable)(once)

    def pages(
        self, place: Place, path: str, items: str, *, query: Mapping[str, Any] | None = None, where: str = ""
    ) -> Iterator[dict[str, Any]]:
        """The items of a list call, page after page."""
        asked = dict(query or {})
        while True:
            answer = self.call(place, "GET", path, query=asked, where=where)
            yield from answer.get(items) or ()
            if not answer.get("next_page_token"):
                return
            asked["page_token"] = answer["next_page_token"]

    def download(self, place: Place, path: str, *, where: str = "") -> bytes:
        """The bytes that a GET gives. Raises CloudError and its kinds."""
        return patient(repeatable=True)(lambda: self._bytes(place, path, where))

    def _bytes(self, place: Place, path: str, where: str) -> bytes:
        with self._told("GET", place, where):
            answer = self._client(place).do("GET", path, raw=True)
            assert isinstance(answer, dict)
            content: bytes = answer["contents"].read()
            return content

    def _once(
        self,
        place: Place,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        data: bytes | None,
        file: bytes | None,
        where: str,
    ) -> dict[str, Any]:
        with self._told(method, place, where):
            answer = self._client(place).do(
                method,
                path,
                query=dict(query) if query else None,
                body=dict(body) if body is not None and file is None else None,
                data=data if file is None else dict(body or {}),
                files=None if file is None else {"content": file},
                headers={"Content-Type": "application/octet-stream"} if data is not None else None,
            )
            return answer if isinstance(answer, dict) else {"items": answer}

    def _told(self, method: str, place: Place, where: str) -> _Told:
        with self._lock:
            self._calls["read" if method in READS else "write"] += 1
        return _Told(place.host, where)

    def _client(self, place: Place) -> ApiClient:
        return _client(cast("Hashable", self._credential), place)


@lru_cache(maxsize=WORKSPACES)
def _client(credential: Any, place: Place) -> ApiClient:
    """The SDK's client, told everything by us: it reads no DATABRICKS_* variable and no ~/.databrickscfg,
    asks the host nothing about itself, and makes no call again (it repeats also a POST without an answer).
    Its session, which it has no argument for, is replaced by ours."""
    leave_out_services()
    from databricks.sdk.clock import Clock
    from databricks.sdk.core import ApiClient, Config
    from databricks.sdk.credentials_provider import CredentialsStrategy

    from reconciler.providers.session import Session

    class Once(Clock):
        def time(self) -> float:
            return 0.0

        def sleep(self, seconds: float) -> None:
            raise _Again

    class AzureIdentity(CredentialsStrategy):
        def auth_type(self) -> str:
            return "azure-identity"

        def __call__(self, cfg: Config) -> Callable[[], dict[str, str]]:
            return partial(_sign_in(credential).headers, place)

    class Told(Config):
        def _load_from_env(self) -> None:
            pass

        def _known_file_config_loader(self) -> None:
            pass

        def _resolve_host_metadata(self) -> None:
            pass

    Config.attributes()  # where a subclass is the first to look for them, it finds only its own
    config = Told(
        host=f"https://{place.host}",
        credentials_strategy=AzureIdentity(),
        clock=Once(),
        product="reconciler",
        http_timeout_seconds=retries.ANSWER_SECONDS,
    )
    client = ApiClient(config)
    session = Session()
    session.auth = client._api_client._session.auth
    client._api_client._session = session
    return client


class _Again(Exception):
    """The SDK would make the call again; what it met is this one's context."""


class _Told:
    """Turns what the SDK raises into our errors, with Databricks' own code and words."""

    def __init__(self, host: str, where: str) -> None:
        self.host, self.where = host, where

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from databricks.sdk.core import DatabricksError
        from requests import RequestException

        met = error.__context__ if isinstance(error, _Again) else error
        if isinstance(met, DatabricksError):
            raise error_of(met, self.where) from None
        if isinstance(met, (RequestException, TimeoutError)):
            message = f"{self.host} was not reached: {type(met).__name__}. Is it there? Is HTTPS_PROXY right?"
            raise Unreachable(message, where=self.where) from None


def error_of(error: DatabricksError, where: str = "") -> CloudError:
    """The error that an answer of Databricks stands for."""
    from databricks.sdk import errors

    kinds: tuple[tuple[type[Exception], type[CloudError]], ...] = (
        (errors.NotFound, NotFound),
        (errors.Unauthenticated, SignInError),
        (errors.PermissionDenied, Forbidden),
        (errors.ResourceConflict, Conflict),
        (errors.TooManyRequests, Throttled),
        (errors.InternalError, Unreachable),
        (errors.TemporarilyUnavailable, Unreachable),
        (errors.DeadlineExceeded, Unreachable),
    )
    code = str(error.error_code or "")
    by_class = next((ours for theirs, ours in kinds if isinstance(error, theirs)), CloudError)
    kind = CODES.get(code, by_class)
    message = str(error).partition(". Config: ")[0]
    hint = ENTRY if kind in (Forbidden, SignInError) else ""
    wait = float(error.retry_after_secs or 0)
    text = f"{code}: {message}{hint}" if code else f"{message}{hint}"
    return kind(text, where=where, code=code or None, wait=wait)
