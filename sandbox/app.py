"""The ASGI application: finds the service, checks the token, lets faults strike, journals.

Handlers run on the event loop, one at a time and to their end: that is the lock. A request is one
transaction of the store, its journal entry included.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from datetime import timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from sandbox import control
from sandbox.challenge import arm_challenge
from sandbox.faults import Fault
from sandbox.proxy import ADDRESS
from sandbox.service import CloudError, OperationFault, Request, Response, Route, Service, TokenError
from sandbox.throttle import throttle
from sandbox.world import World

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_OWN_HOSTS = (ADDRESS, "localhost")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_log = logging.getLogger("sandbox")


@dataclass(frozen=True)
class _Answer:
    """What became of a request; None as response = the connection is cut."""

    response: Response | None
    delay: float = 0


class App:
    """One world, served."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._control = control.service(world)
        self._match = lru_cache(1024)(self._matching)

    def plays(self, host: str) -> bool:
        """Whether the sandbox answers in the name of this host."""
        return host not in _OWN_HOSTS and self._service(host) is not None

    def refuse(self, target: str) -> None:
        """Journal a CONNECT to a host that is not played."""
        self._world.journal.add("CONNECT", target, "", {}, 502, False, None)
        self._world.store.commit()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if body is None:
            return
        request, raw_path = _request(scope, body)
        own = request.host in _OWN_HOSTS and raw_path.startswith("/_sandbox/")
        answer = self._controlled(request, raw_path) if own else self._answer(request, raw_path)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.response is None:
            scope["extensions"]["sandbox.abort"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await self._send(request, answer.response, send)

    def _controlled(self, request: Request, raw_path: str) -> _Answer:
        if "origin" in request.headers:
            return _Answer(Response(403, "The control routes do not answer web pages.\n"))
        self._world.settle()
        route, params = _route(self._control, request.method, raw_path)
        response = self._handle(self._control, route, replace(request, params=params))
        self._world.store.commit()
        return _Answer(response)

    def _answer(self, request: Request, raw_path: str) -> _Answer:
        world = self._world
        service = self._service(request.host)
        if service is None:
            self._journal(request, None, 502)
            return _Answer(Response(502, f"The sandbox does not play {request.host}.\n"))
        world.settle()
        path = _merged(raw_path) if service.merge_slashes else raw_path
        route, params = _route(service, request.method, path)
        request = replace(request, params=params, path=unquote(path))
        hits = world.faults.take(request.method, request.host, request.path)
        if any(_cuts(fault, "before") for fault in hits):
            self._journal(request, route, None)
            _kill(hits)
            return _Answer(None)
        # Clients of Key Vault ask for the challenge with a write that has no body: nothing to quote yet.
        asks = not request.body and request.method not in _READS
        refusals = ("status",) if asks else ("status", "echo")
        refused = next((fault for fault in hits if fault.do in refusals), None)
        if refused:
            response = _refusal(service, refused, request)
        else:
            slow = sum(fault.seconds for fault in hits if fault.do == "slow-operation")
            fails = any(fault.do == "fail-operation" for fault in hits)
            request = replace(request, operation=OperationFault(timedelta(seconds=slow), fails))
            age = max((fault.seconds for fault in hits if fault.do == "stale"), default=0)
            with world.late(timedelta(seconds=age)):
                response = self._handle(service, route, request)
        cut = any(_cuts(fault, "after") for fault in hits)
        self._journal(request, route, None if cut else response.status)
        _kill(hits)
        for fault in hits:
            if fault.retry_after is not None:
                response.headers["Retry-After"] = str(fault.retry_after)
        delay = sum(fault.seconds for fault in hits if fault.do == "latency")
        return _Answer(None if cut else response, delay)

    def _handle(self, service: Service, route: Route | None, request: Request) -> Response:
        world = self._world
        headers: dict[str, str] = {}
        try:
            if route is None or route.auth:
                request = replace(request, caller=_authenticate(world, service, request))
            headers = throttle(world, service, request)
            early = service.before(world, request) if service.before else None
            if early is not None:
                response = early
            elif route is None:
                raise CloudError(
                    501, "NotImplemented", f"The sandbox does not play {request.method} {request.path}."
                )
            else:
                response = route.handler(world, request)
        except CloudError as refusal:
            world.store.rollback()
            response = service.error(refusal)
        except Exception:
            world.store.rollback()
            _log.exception("%s %s%s", request.method, request.host, request.path)
            response = service.error(
                CloudError(500, "InternalServerError", "A fault of the sandbox; see its log.")
            )
        response.headers = {**headers, **response.headers}
        return response

    def _journal(self, request: Request, route: Route | None, status: int | None) -> None:
        world = self._world
        write = request.method not in _READS
        if route is not None and route.write is not None:
            write = route.write
        caller = world.tokens.peek(request.headers.get("authorization"))
        name = caller.name if caller else None
        world.journal.add(request.method, request.host, request.path, request.query, status, write, name)
        world.store.commit()

    async def _send(self, request: Request, response: Response, send: Send) -> None:
        body, kind = _encode(response.body)
        headers = {
            "Date": format_datetime(self._world.now(), usegmt=True),
            "x-ms-request-id": request.request_id,
            **({"Content-Type": kind} if kind else {}),
            **response.headers,
        }
        names = {name.lower() for name in headers}
        if "content-length" not in names and response.status not in (204, 304):
            headers["Content-Length"] = str(len(body))
        pairs = [
            (name.lower().encode("latin-1"), str(value).encode("utf-8")) for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": pairs})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})

    def _service(self, host: str) -> Service | None:
        service = self._match(host)
        if service is not None and service.knows is not None and not service.knows(self._world, host):
            return None
        return service

    def _matching(self, host: str) -> Service | None:
        return next((s for s in self._world.services if any(fnmatchcase(host, p) for p in s.hosts)), None)


def _route(service: Service, method: str, raw_path: str) -> tuple[Route | None, dict[str, str]]:
    for route in service.routes:
        params = route.match(method, raw_path)
        if params is not None:
            return route, params
    return None, {}


def _authenticate(world: World, service: Service, request: Request) -> Any:
    if service.authenticate:
        return service.authenticate(world, request)
    if not service.audiences:
        return None
    try:
        return world.tokens.check(request.headers.get("authorization"), service.audiences)
    except TokenError as fault:
        raise (service.challenge or arm_challenge)(world, request, fault) from None


def _cuts(fault: Fault, when: str) -> bool:
    return fault.do == f"drop-{when}" or (fault.do == "kill" and fault.when == when)


def _kill(hits: list[Fault]) -> None:
    for fault in hits:
        if fault.do == "kill":
            try:
                os.kill(fault.pid, signal.SIGKILL)
            except ProcessLookupError:
                _log.warning("there is no process %d to kill", fault.pid)


def _refusal(service: Service, fault: Fault, request: Request) -> Response:
    code = fault.code or {429: "TooManyRequests", 503: "ServerBusy"}.get(fault.status, "FaultAskedFor")
    message = fault.message or "A fault that was asked for."
    if fault.do == "echo":
        message += f" The request was: {request.body.decode('utf-8', 'replace')}"
    return service.error(CloudError(fault.status, code, message))


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None when the client went away before it had sent it."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _request(scope: Message, body: bytes) -> tuple[Request, str]:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    raw_path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    netloc = headers.get("host", "")
    identifier = str(uuid4())
    request = Request(
        method=scope["method"],
        host=netloc.rsplit(":", 1)[0].lower(),
        path=unquote(raw_path),
        query={name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)},
        headers=headers,
        body=body,
        params={},
        caller=None,
        url=f"{scope['scheme']}://{netloc}{raw_path}" + (f"?{query}" if query else ""),
        request_id=identifier,
        correlation_id=headers.get("x-ms-correlation-request-id", identifier),
    )
    return request, raw_path


def _merged(raw_path: str) -> str:
    while "//" in raw_path:
        raw_path = raw_path.replace("//", "/")
    return raw_path


def _encode(body: Any) -> tuple[bytes, str | None]:
    if body is None:
        return b"", None
    if isinstance(body, bytes):
        return body, "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, separators=(",", ":")).encode(), "application/json; charset=utf-8"
