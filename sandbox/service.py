"""What a played service is made of: requests, answers, errors, routes.

A service is a value: its hosts, its table of routes, the token audiences it takes and the shape of
its errors. Handlers are plain functions `(world, request) -> Response`. They are short and
synchronous and run one at a time, so a handler needs no lock. What a handler wrote is kept when it
returns (also when it returns an error) and undone when it raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from sandbox.world import World

NO_DELAY = timedelta(0)


@dataclass(frozen=True)
class Caller:
    """Who a valid token speaks for."""

    object_id: str
    client_id: str
    tenant_id: str
    name: str
    audience: str


@dataclass(frozen=True)
class OperationFault:
    """What a fault asks of the long operation that this request starts.

    `delay` is added to `ready_at` (in the world's clock), `fails` lets it end Failed.
    """

    delay: timedelta = NO_DELAY
    fails: bool = False


@dataclass(frozen=True)
class Request:
    """One request as handlers see it.

    `path` is decoded, `query` and `headers` have lower-case names, `params` are the decoded parts
    of the route's pattern in the case they were sent in.
    """

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    params: Mapping[str, str]
    caller: Caller | None
    url: str
    operation: OperationFault = OperationFault()
    request_id: str = ""
    correlation_id: str = ""

    def json(self) -> Any:
        """The body as JSON; an empty body is None. Raises CloudError 400 InvalidRequestContent."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body)
        except (ValueError, UnicodeDecodeError) as fault:
            message = f"The request content was invalid and could not be deserialized: '{fault}'."
            raise CloudError(400, "InvalidRequestContent", message) from None


@dataclass
class Response:
    """Mapping and list bodies are sent as JSON, str and bytes as they are, None as nothing."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class CloudError(Exception):
    """A refusal. The service's own `error` gives it its shape; `extra` joins the error object."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.details = list(details)
        self.extra = dict(extra or {})


class TokenError(Exception):
    """Why a bearer token is refused; `kind` is one of `missing malformed expired audience tenant`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


Handler = Callable[["World", Request], Response]
Effect = Callable[["World", dict[str, Any]], None]


@dataclass(frozen=True)
class Route:
    """A line of a service's table; the first match in table order answers.

    `/subscriptions/{subscription}/resourceGroups/{group}` matches without regard to case and keeps
    the case in `params`; `{rest:path}` takes slashes (at least one character). A closing slash is
    allowed. `method` may name several, as `GET|HEAD`. `write` tells the journal; None = by method.
    `auth=False` serves without a token.
    """

    method: str
    pattern: str
    handler: Handler
    write: bool | None = None
    auth: bool = True

    def match(self, method: str, raw_path: str) -> dict[str, str] | None:
        """The decoded parameters, or None when this route is not meant."""
        if method not in self.method.split("|"):
            return None
        found = _compiled(self.pattern).fullmatch(raw_path)
        return {k: unquote(v) for k, v in found.groupdict().items()} if found else None


@dataclass(frozen=True)
class Service:
    """One played service.

    hosts: fnmatch patterns of the host name. audiences: accepted `aud` values of a token, () = no
    token is asked. error: the shape of its errors. before: runs after the token check and before
    the route is looked up; a Response ends the request. challenge: turns a TokenError into this
    service's 401 (default: ARM's). authenticate: replaces the bearer check (shared keys, own
    tokens); raises CloudError. effects: what `World.schedule` may name. seed: fills an empty world.
    knows: whether a host that `hosts` matches exists now (a vault's name resolves only while there is
    the vault); one that does not is refused like a host that is not played.
    merge_slashes: `//` in a path counts as `/`. control: further routes below `/_sandbox/`, for tests.
    """

    name: str
    hosts: tuple[str, ...]
    routes: tuple[Route, ...]
    audiences: tuple[str, ...]
    error: Callable[[CloudError], Response]
    before: Callable[[World, Request], Response | None] | None = None
    challenge: Callable[[World, Request, TokenError], CloudError] | None = None
    authenticate: Callable[[World, Request], Caller | None] | None = None
    effects: Mapping[str, Effect] = field(default_factory=dict)
    seed: Callable[[World], None] | None = None
    knows: Callable[[World, str], bool] | None = None
    merge_slashes: bool = True
    control: tuple[Route, ...] = ()


def arm_error(fault: CloudError) -> Response:
    """`{"error": {"code", "message", …}}`, the shape of ARM, Key Vault and Graph."""
    error: dict[str, Any] = {"code": fault.code, "message": fault.message, **fault.extra}
    if fault.details:
        error["details"] = [dict(detail) for detail in fault.details]
    return Response(fault.status, {"error": error}, fault.headers)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(:path)?\}", pattern)
    text = re.escape(parts[0])
    for name, takes_slashes, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += f"(?P<{name}>{'.+?' if takes_slashes else '[^/]+'})" + re.escape(literal)
    return re.compile(text + "/?", re.IGNORECASE)
