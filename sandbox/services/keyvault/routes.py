"""The routes of a vault's secrets (REST reference, API versions 7.x)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.keyvault import rules, secrets, shapes
from sandbox.world import World

_PAGE = 25  # the default and the most (REST reference, maxresults)


def _set(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "set", name)
    document = secrets.put(world, vault["name"], name, _body(request))
    return Response(200, shapes.bundle(vault, document, document["versions"][-1], value=True))


def _get(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "get", name)
    document = secrets.get(world, vault["name"], name)
    one = secrets.version(document, request.params.get("version"))
    if not one["attributes"]["enabled"]:
        raise CloudError(
            403,
            "Forbidden",
            "Operation get is not allowed on a disabled secret.",
            extra={"innererror": {"code": "SecretDisabled"}},
        )
    return Response(200, shapes.bundle(vault, document, one, value=True))


def _update(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "update", name)
    one = secrets.update(world, vault["name"], name, request.params.get("version"), _body(request))
    document = secrets.get(world, vault["name"], name)
    return Response(200, shapes.bundle(vault, document, one, value=False))


def _delete(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "delete", name)
    return Response(200, shapes.gone(vault, secrets.delete(world, vault["name"], name, shapes.days(vault))))


def _list(world: World, request: Request) -> Response:
    vault = rules.permit(world, request, "list")
    return _page(request, [shapes.newest(vault, one) for one in secrets.listed(world, vault["name"])])


def _versions(world: World, request: Request) -> Response:
    vault = rules.permit(world, request, "list", request.params["name"])
    document = secrets.live(world, vault["name"], request.params["name"])
    versions = sorted(document["versions"], key=lambda one: str(one["version"])) if document else []
    base = f"{vault['properties']['vaultUri']}secrets/{document['name']}/" if document else ""
    return _page(
        request, [shapes.item(vault, document or {}, one, base + one["version"]) for one in versions]
    )


def _list_deleted(world: World, request: Request) -> Response:
    vault = rules.permit(world, request, "list")
    found = secrets.listed(world, vault["name"], gone=True)
    return _page(request, [shapes.gone(vault, one, listed=True) for one in found])


def _get_deleted(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "get", name)
    return Response(200, shapes.gone(vault, secrets.deleted(world, vault["name"], name)))


def _recover(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "recover", name)
    document = secrets.recover(world, vault["name"], name)
    return Response(200, shapes.bundle(vault, document, document["versions"][-1], value=False))


def _purge(world: World, request: Request) -> Response:
    name = request.params["name"]
    vault = rules.permit(world, request, "purge", name)
    if vault["properties"].get("enablePurgeProtection"):
        raise CloudError(
            403,
            "Forbidden",
            'Operation "purge" is not allowed on this vault because purge protection is enabled.',
            extra={"innererror": {"code": "ForbiddenByPolicy"}},
        )
    secrets.purge(world, vault["name"], name)
    return Response(204)


def _body(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise secrets.bad("The request body is missing or is not an object.")
    return body


def _page(request: Request, items: Iterable[Any]) -> Response:
    """`maxresults` items from where `$skiptoken` stands, with the link to go on."""
    found = list(items)
    text = request.query.get("maxresults", str(_PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= _PAGE:
        raise secrets.bad("maxresults")
    size, start = int(text), _start(request.query.get("$skiptoken"))
    more = start + size < len(found)
    return Response(
        200, {"value": found[start : start + size], "nextLink": _next(request, start, size) if more else None}
    )


def _next(request: Request, start: int, size: int) -> str:
    token = base64.urlsafe_b64encode(str(start + size).encode()).decode().rstrip("=")
    version = request.query["api-version"]
    # The service names its port in this link (recorded).
    base = f"https://{request.host}:443{quote(request.path)}"
    return f"{base}?api-version={version}&$skiptoken={token}&maxresults={size}"


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error):
        raise secrets.bad("Invalid skiptoken") from None


def _not_played(world: World, request: Request) -> Response:
    raise CloudError(501, "NotImplemented", f"The sandbox does not play {request.method} {request.path}.")


ROUTES = (
    Route("POST", "/secrets/{name}/backup", _not_played, write=False),
    Route("POST", "/secrets/restore", _not_played),
    Route("GET", "/secrets", _list),
    Route("GET", "/secrets/{name}/versions", _versions),
    Route("PUT", "/secrets/{name}", _set),
    Route("DELETE", "/secrets/{name}", _delete),
    Route("GET", "/secrets/{name}", _get),
    Route("PATCH", "/secrets/{name}", _update),
    Route("GET", "/secrets/{name}/{version}", _get),
    Route("PATCH", "/secrets/{name}/{version}", _update),
    Route("GET", "/deletedsecrets", _list_deleted),
    Route("GET", "/deletedsecrets/{name}", _get_deleted),
    Route("DELETE", "/deletedsecrets/{name}", _purge),
    Route("POST", "/deletedsecrets/{name}/recover", _recover),
)
