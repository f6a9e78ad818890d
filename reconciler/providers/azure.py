"""One client for every call to Azure Resource Manager: sign-in, pacing, retries, errors, Azure's clock."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconciler.errors import (
    Busy,
    CloudError,
    Conflict,
    Denied,
    Forbidden,
    NotFound,
    SignInError,
    Throttled,
    Unreachable,
)
from reconciler.providers import connections
from reconciler.providers.pace import Pace, kind_of, remaining
from reconciler.providers.retries import patient
from reconciler.providers.waysout import shortened, way_out

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

HOST = "https://management.azure.com"
READS = ("GET", "HEAD")
LISTS = ("/listKeys",)
"""Actions that are asked for by POST and change nothing."""

ERRORS: Mapping[str, type[CloudError]] = {
    "DeploymentActive": Busy,
    "AnotherOperationInProgress": Busy,
    "OperationNotAllowedOnResourceBeingDeleted": Busy,
    "ResourceGroupBeingDeleted": Busy,
    "RequestDisallowedByPolicy": Denied,
    "ScopeLocked": Denied,
    "SubscriptionNotFound": CloudError,
    "InvalidSubscriptionId": CloudError,
    "InvalidResourceType": CloudError,
    "InvalidResourceNamespace": CloudError,
    "NoRegisteredProviderFound": CloudError,
}
"""Codes that mean something else than their HTTP status says; a 404 of these is not an absent resource."""

STATUSES: Mapping[int, type[CloudError]] = {
    401: SignInError,
    403: Forbidden,
    404: NotFound,
    408: Unreachable,
    409: Conflict,
    410: NotFound,
    429: Throttled,
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any = field(repr=False)

    @property
    def wait(self) -> float | None:
        """Seconds of its Retry-After; None where it has none."""
        return _seconds(self.headers.get("Retry-After"))


def _seconds(value: str | None) -> float | None:
    """Seconds of a Retry-After, which may also be a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    try:
        seconds = float(value)
        return max(0.0, seconds) if isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def error_of(status: int, body: Any, wait: float = 0, where: str = "") -> CloudError:
    """The error that an answer stands for; it keeps Azure's code and words, and adds the way out if known."""
    detail = body.get("error", body) if isinstance(body, dict) else {}
    detail = detail if isinstance(detail, dict) else {}
    first, *others = _innermost(detail)
    code = str(first.get("code") or f"HTTP{status}")
    message = str(first.get("message") or f"Azure answered {status} without a reason.")
    told = [
        f"{code}: {shortened(message)}",
        *(f"{other.get('code')}: {other.get('message')}" for other in others),
    ]
    known = ERRORS.get(code) or STATUSES.get(status) or (Unreachable if status >= 500 else CloudError)
    text = f"{' '.join(dict.fromkeys(told))} {way_out(code, message, status)}".rstrip()
    return known(text, where=where, code=code, status=status, wait=wait)


WRAPPERS = ("InvalidTemplateDeployment", "DeploymentFailed", "MultipleErrorsOccurred")
"""Codes that say nothing themselves: "see inner errors for details"."""


def _innermost(detail: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The errors that say what was wrong, of one that may only wrap others; at least one."""
    inner = detail.get("details") if detail.get("code") in WRAPPERS else None
    inner = [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
    return [leaf for one in inner for leaf in _innermost(one)] or [detail]


def _unreached(message: str) -> str:
    """Why no connection came about, out of what the HTTP library prints of its objects."""
    addresses = re.findall(r"host='([^']+)', port=(\d+)", message)
    address = addresses[-1] if addresses else ()  # the innermost: a proxy, where one was asked
    reason = re.search(r"\[Errno -?\d+\] ([^'\")\]]+)", message)
    if not address or not reason:
        return f"Azure Resource Manager was not reached: {message}"
    told = f"{address[0]}:{address[1]}: {reason[1].strip()}"
    hint = " Is the sandbox running?" if address[0] in LOOPBACK else ""
    return f"Azure Resource Manager was not reached: {told}.{hint} Is HTTPS_PROXY right?"


LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Arm:
    """Calls to management.azure.com with the SDK's own pipeline. Safe under threads."""

    def __init__(self, credential: TokenCredential, subscription: str) -> None:
        self._credential = credential
        self._subscription = subscription
        self._offset = timedelta(0)
        self._lock = threading.Lock()
        self._pace = Pace()
        self.calls: Counter[str] = Counter()
        """How many calls were made, under "read" and "write"."""

    def now(self) -> datetime:
        """Azure's clock: ours, set by the Date header of the last answer."""
        return datetime.now(UTC) + self._offset

    def call(
        self,
        method: str,
        path: str,
        api_version: str = "",
        body: Any = None,
        *,
        query: str = "",
        where: str = "",
        repeatable: bool = False,
    ) -> Answer:
        """Make one call and give back its answer (2xx). Raises CloudError and its kinds.

        path: from the slash on, or a whole URL of Azure Resource Manager (long operations, next pages).
        Throttled and unreachable calls are made again, a POST only where it is `repeatable`; what Azure asks
        us to wait is waited, up to PATIENCE."""
        path = path.replace(f"{HOST}:443/", f"{HOST}/", 1)  # as some services write their links
        url = path if path.startswith(HOST + "/") else f"{HOST}{path}"
        if not url.startswith(HOST + "/"):
            raise CloudError(f"{url} is no address of Azure Resource Manager; it is not called.", where=where)
        if api_version:
            url += ("&" if "?" in url else "?") + f"api-version={api_version}"
        if query:
            url += ("&" if "?" in url else "?") + query
        retrying = patient(repeatable=method != "POST" or repeatable)
        return retrying(self._once, method, url, body, where)

    def pages(self, path: str, api_version: str, *, query: str = "", where: str = "") -> Iterator[Any]:
        """The items of a list call, page after page."""
        answer = self.call("GET", path, api_version, query=query, where=where)
        while True:
            yield from answer.body.get("value", [])
            following = answer.body.get("nextLink")
            if not following:
                return
            answer = self.call("GET", following, where=where)

    def _once(self, method: str, url: str, body: Any, where: str) -> Answer:
        """One call at its turn."""
        bucket, left, wait = kind_of(method), None, 0.0
        if pause := self._pace.take(bucket):
            time.sleep(pause)
        try:
            response = self._sent(method, url, body, where)
            left = remaining(response.headers, bucket)
            wait = _seconds(response.headers.get("Retry-After")) or 0.0
        finally:
            self._pace.ended(bucket, left, wait if left == 0 else 0.0)
        self._learn(response.headers)
        text = response.content
        try:
            document = json.loads(text) if text else None
        except ValueError:
            document = None
        if text and document is None and response.status_code in (404, 410):
            raise Unreachable(f"What answered {response.status_code} is not Azure.", where=where)
        if response.status_code >= 400:
            raise error_of(response.status_code, document, wait, where)
        return Answer(response.status_code, response.headers, document)

    def _sent(self, method: str, url: str, body: Any, where: str) -> Any:
        """The response of one call. Raises SignInError and Unreachable."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        kind = "read" if method in READS or urlsplit(url).path.endswith(LISTS) else "write"
        with self._lock:
            self.calls[kind] += 1
        try:
            request = HttpRequest(method, url, json=body) if body is not None else HttpRequest(method, url)
            return connections.management(self._credential).send_request(request)
        except ClientAuthenticationError as error:
            raise SignInError(f"No sign-in to Azure: {error.message}", where=where) from error
        except AzureError as error:
            raise Unreachable(_unreached(str(error.message)), where=where) from error

    def _learn(self, headers: Mapping[str, str]) -> None:
        with suppress(TypeError, ValueError, OverflowError):  # else the clock stays as it is
            date = parsedate_to_datetime(headers.get("Date", ""))
            self._offset = date.astimezone(UTC) - datetime.now(UTC)
