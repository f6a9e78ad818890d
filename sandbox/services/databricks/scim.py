"""The workspace's SCIM API (preview v2): Me, Users, ServicePrincipals, Groups."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sandbox.service import Request, Response, Route
from sandbox.services.databricks import access, errors, hosts, principals, scim_shapes
from sandbox.services.databricks.body import body
from sandbox.world import World

_KINDS = {"users": "users", "serviceprincipals": "servicePrincipals", "groups": "groups"}
_NAMES = {"users": "userName", "servicePrincipals": "applicationId", "groups": "displayName"}
_WORDS = {"users": "User", "servicePrincipals": "Service principal", "groups": "Group"}

Document = dict[str, Any]


def _me(world: World, request: Request) -> Response:
    number = hosts.workspace(world, request.host)["properties"]["workspaceId"]
    shown = scim_shapes.myself(world, request.host, access.me(world, request))
    return Response(200, shown, {"X-Databricks-Org-Id": number})


def _list(world: World, request: Request) -> Response:
    condition = request.query.get("filter")
    found = [
        scim_shapes.resource(world, request.host, one)
        for one in principals.of_kind(world, request.host, _kind(request))
        if not condition or scim_shapes.matches(one, condition)
    ]
    return Response(200, scim_shapes.page(found, request.query))


def _get(world: World, request: Request) -> Response:
    return Response(200, scim_shapes.resource(world, request.host, _found(world, request)))


def _create(world: World, request: Request) -> Response:
    access.require_admin(world, request, "create users, service principals and groups")
    kind, asked = _kind(request), body(request)
    fields = scim_shapes.written(kind, asked)
    if kind == "servicePrincipals":
        # One that no application of Entra stands behind is managed by Databricks.
        fields.setdefault("applicationId", str(uuid4()))
    if not fields.get(_NAMES[kind]):
        raise errors.scim(400, f"Attribute {_NAMES[kind]} is required.", "invalidValue")
    name = str(fields[_NAMES[kind]])
    if principals.named(world, request.host, kind, name) is not None:
        raise errors.scim(409, f"{_WORDS[kind]} with name {name} already exists.", "uniqueness")
    _check(world, request, kind, fields)
    if kind != "groups":
        fields = {"active": True, "displayName": name, **fields}
    made = principals.add(world, request.host, kind, fields)
    for group in asked.get("groups") or []:
        _join(world, request, str(group.get("value")), made)
    return Response(201, scim_shapes.resource(world, request.host, made))


def _replace(world: World, request: Request) -> Response:
    access.require_admin(world, request, "change users, service principals and groups")
    document = _found(world, request)
    fields = scim_shapes.written(document["kind"], body(request))
    kept = {key: document[key] for key in ("kind", "id", _NAMES[document["kind"]])}
    return _save(
        world, request, {**kept, **({} if document["kind"] == "groups" else {"active": True}), **fields}
    )


def _patch(world: World, request: Request) -> Response:
    access.require_admin(world, request, "change users, service principals and groups")
    operations = body(request).get("Operations") or []
    return _save(world, request, scim_shapes.patched(_found(world, request), operations))


def _delete(world: World, request: Request) -> Response:
    access.require_admin(world, request, "delete users, service principals and groups")
    document = _found(world, request)
    if document["kind"] == "groups" and document["displayName"] in (principals.ADMINS, principals.USERS):
        raise errors.scim(403, f"The group {document['displayName']} cannot be deleted.")
    principals.remove(world, request.host, document)
    return Response(204)


def _save(world: World, request: Request, document: Document) -> Response:
    _check(world, request, document["kind"], document)
    principals.save(world, request.host, document)
    return Response(200, scim_shapes.resource(world, request.host, document))


def _check(world: World, request: Request, kind: str, fields: Document) -> None:
    """A group's members must exist."""
    for number in fields["members"] if kind == "groups" else ():
        if not any(principals.get(world, request.host, one, number) for one in _NAMES):
            raise errors.scim(404, f"Member with id {number} not found.")


def _join(world: World, request: Request, number: str, made: Document) -> None:
    group = principals.get(world, request.host, "groups", number)
    if group is None:
        raise errors.scim(404, f"Group with id {number} not found.")
    principals.join(world, request.host, group["displayName"], made)


def _found(world: World, request: Request) -> Document:
    kind, number = _kind(request), request.params["id"]
    document = principals.get(world, request.host, kind, number)
    if document is None:
        raise errors.scim(404, f"{_WORDS[kind]} with id {number} not found.")
    return document


def _kind(request: Request) -> str:
    kind = _KINDS.get(request.params["kind"].lower())
    if kind is None:
        raise errors.not_played(f"SCIM's {request.params['kind']}")
    return kind


_BASE = "/api/2.0/preview/scim/v2"

ROUTES = (
    Route("GET", f"{_BASE}/Me", _me),
    Route("GET", f"{_BASE}/{{kind}}", _list),
    Route("POST", f"{_BASE}/{{kind}}", _create),
    Route("GET", f"{_BASE}/{{kind}}/{{id}}", _get),
    Route("PUT", f"{_BASE}/{{kind}}/{{id}}", _replace),
    Route("PATCH", f"{_BASE}/{{kind}}/{{id}}", _patch),
    Route("DELETE", f"{_BASE}/{{kind}}/{{id}}", _delete),
)
