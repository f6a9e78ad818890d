"""The control routes under `/_sandbox/` on the proxy's own address.

GET health · POST reset · GET state · GET, DELETE journal (`?since=N`) · GET, POST, DELETE faults ·
GET, POST limits `{"enabled": true}` · GET, POST clock `{"advance": "PT5M"}` ·
POST keep, restore `{"name"}` remember the world and put it back ·
GET, POST identities `{"name", "objectId"?, "clientId"?, "secret"?}` · POST token `{"clientId"?,
"audience", "lifetime"?}` mints a token, also one that has expired (`"lifetime": "PT0S"`).
Services may add routes of their own (`Service.control`). None of these is journalled.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sandbox.clock import iso, parse_duration
from sandbox.identities import RECONCILER, Identity
from sandbox.service import CloudError, Request, Response, Route, Service, arm_error
from sandbox.world import World


def service(world: World) -> Service:
    """The control routes and those that services add."""
    routes = _ROUTES + tuple(route for played in world.services for route in played.control)
    return Service("control", (), routes, (), arm_error)


def _health(world: World, request: Request) -> Response:
    return Response(200, {"status": "ok", "now": iso(world.now()), "lag": world.lag.enabled})


def _reset(world: World, request: Request) -> Response:
    world.reset()
    return Response(204)


def _keep(world: World, request: Request) -> Response:
    world.keep(_name(request))
    return Response(204)


def _restore(world: World, request: Request) -> Response:
    try:
        world.restore(_name(request))
    except KeyError:
        raise _bad(f"nothing was kept as {_name(request)!r} since this sandbox was started") from None
    return Response(204)


def _name(request: Request) -> str:
    name = _body(request).get("name")
    if not isinstance(name, str) or not name:
        raise _bad('this takes {"name"}')
    return name


def _state(world: World, request: Request) -> Response:
    return Response(200, world.state())


def _journal(world: World, request: Request) -> Response:
    since = request.query.get("since", "0")
    if not since.isdecimal():
        raise _bad(f"since is a number, not '{since}'")
    return Response(200, world.journal.since(int(since)))


def _clear_journal(world: World, request: Request) -> Response:
    world.journal.clear()
    return Response(204)


def _faults(world: World, request: Request) -> Response:
    return Response(200, [asdict(fault) for fault in world.faults.all()])


def _add_fault(world: World, request: Request) -> Response:
    try:
        added = world.faults.add(_body(request))
    except ValueError as wrong:
        raise _bad(str(wrong)) from None
    if added.do == "stale":
        world.remember()
    return Response(201, asdict(added))


def _clear_faults(world: World, request: Request) -> Response:
    world.faults.clear()
    return Response(204)


def _limits(world: World, request: Request) -> Response:
    return Response(200, {"enabled": world.limits.enabled})


def _set_limits(world: World, request: Request) -> Response:
    enabled = _body(request).get("enabled")
    if not isinstance(enabled, bool):
        raise _bad('limits takes {"enabled": true} or {"enabled": false}')
    world.limits.clear()
    world.limits.enabled = enabled
    return _limits(world, request)


def _clock(world: World, request: Request) -> Response:
    return Response(200, {"now": iso(world.now())})


def _advance(world: World, request: Request) -> Response:
    try:
        world.clock.advance(parse_duration(str(_body(request).get("advance"))))
    except ValueError as wrong:
        raise _bad(str(wrong)) from None
    world.settle()
    return _clock(world, request)


def _identities(world: World, request: Request) -> Response:
    return Response(200, [_shown(identity) for identity in world.identities.all()])


def _add_identity(world: World, request: Request) -> Response:
    body = _body(request)
    name, secret = body.get("name"), body.get("secret")
    if not isinstance(name, str) or not name or not isinstance(secret, str | None):
        raise _bad('identities takes {"name", "objectId"?, "clientId"?, "secret"?}')
    made = world.identities.create(name, secret, "Application" if secret else "ManagedIdentity")
    object_id, client_id = body.get("objectId") or made.object_id, body.get("clientId") or made.client_id
    if (object_id, client_id) != (made.object_id, made.client_id):
        world.identities.remove(made.object_id)
        made = world.identities.add(Identity(name, str(object_id), str(client_id), secret, made.kind))
    return Response(201, _shown(made))


def _token(world: World, request: Request) -> Response:
    body = _body(request)
    identity = world.identities.by_client_id(str(body.get("clientId") or RECONCILER.client_id))
    audience = body.get("audience")
    if identity is None or not isinstance(audience, str):
        raise _bad('token takes {"clientId"?, "audience", "lifetime"?} with the client id of an identity')
    try:
        lifetime = parse_duration(body["lifetime"]) if "lifetime" in body else timedelta(hours=1)
    except (TypeError, ValueError) as wrong:
        raise _bad(str(wrong)) from None
    return Response(200, {"access_token": world.tokens.issue(identity, audience, lifetime)})


def _shown(identity: Identity) -> dict[str, Any]:
    return {
        "name": identity.name,
        "objectId": identity.object_id,
        "clientId": identity.client_id,
        "kind": identity.kind,
        "hasSecret": identity.secret is not None,
    }


def _body(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise _bad("the body is a JSON object")
    return body


def _bad(message: str) -> CloudError:
    return CloudError(400, "BadRequest", message)


_ROUTES = (
    Route("GET|HEAD", "/_sandbox/health", _health),
    Route("POST", "/_sandbox/reset", _reset),
    Route("POST", "/_sandbox/keep", _keep),
    Route("POST", "/_sandbox/restore", _restore),
    Route("GET", "/_sandbox/state", _state),
    Route("GET", "/_sandbox/journal", _journal),
    Route("DELETE", "/_sandbox/journal", _clear_journal),
    Route("GET", "/_sandbox/faults", _faults),
    Route("POST", "/_sandbox/faults", _add_fault),
    Route("DELETE", "/_sandbox/faults", _clear_faults),
    Route("GET", "/_sandbox/limits", _limits),
    Route("POST", "/_sandbox/limits", _set_limits),
    Route("GET", "/_sandbox/clock", _clock),
    Route("POST", "/_sandbox/clock", _advance),
    Route("GET", "/_sandbox/identities", _identities),
    Route("POST", "/_sandbox/identities", _add_identity),
    Route("POST", "/_sandbox/token", _token),
)
