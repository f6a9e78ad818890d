"""Role assignments and role definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sandbox.clock import iso
from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, conditions, ids, records, roles, scopes, shapes
from sandbox.services.arm.authorization import ASSIGNMENTS, DEFINITIONS
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.roles import Role
from sandbox.world import World

_PRINCIPAL_TYPES = {"User", "Group", "ServicePrincipal", "ForeignGroup", "Device"}


def _properties(write: Write) -> dict[str, Any]:
    properties = write.merged.get("properties")
    if not isinstance(properties, Mapping):
        raise shapes.invalid_content("Required property 'properties' not found in JSON")
    return dict(properties)


def _author(write: Write) -> str:
    return write.caller.object_id if write.caller else ""


# Role assignments


def _check_assignment(world: World, write: Write) -> None:
    if not _guid(write.target.name):
        raise CloudError(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{write.target.name}' is not valid. The role assignment ID must be a"
            " GUID.",
        )
    properties = _properties(write)
    for field in ("roleDefinitionId", "principalId"):
        if not properties.get(field):
            raise CloudError(
                400,
                "InvalidCreateRoleAssignmentRequest",
                f"The role assignment create request is not valid: '{field}' is missing.",
            )
    principal = str(properties["principalId"])
    if not _guid(principal):
        raise CloudError(
            400,
            "InvalidPrincipalId",
            f"The Principal ID '{principal}' is not valid. Principal ID must be a GUID.",
        )
    role = str(properties["roleDefinitionId"]).rstrip("/").rsplit("/", 1)[-1]
    if authorization.role_of(world, role) is None:
        raise _no_role(role)
    told = properties.get("principalType")
    if told is not None and told not in _PRINCIPAL_TYPES:
        raise CloudError(400, "InvalidPrincipalType", f"The principal type '{told}' is not valid.")
    known = world.identities.by_object_id(principal)
    flat = principal.replace("-", "")
    if known is None and told is None:
        raise CloudError(
            400,
            "PrincipalNotFound",
            f"Principal {flat} does not exist in the directory {world.tenant_id}. Check that you have the"
            " correct principal ID. If you are creating this principal and then immediately assigning a"
            " role, this error might be related to a replication delay. In this case, set the role"
            " assignment principalType property to a value, such as ServicePrincipal, User, or Group.  See"
            " https://aka.ms/docs-principaltype",
        )
    if known and told not in (None, "ServicePrincipal"):
        raise CloudError(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{flat}' has type 'ServicePrincipal' , which is different from specified"
            f" PrinciaplType '{told}'.",
        )
    _check_condition(properties)
    _check_conflicts(world, write, principal, role)


def _check_condition(properties: Mapping[str, Any]) -> None:
    condition = properties.get("condition")
    if not condition:
        return
    if properties.get("conditionVersion") != "2.0":
        raise CloudError(
            400,
            "InvalidCreateRoleAssignmentRequest",
            "The role assignment create request is not valid: 'conditionVersion' must be '2.0'.",
        )
    try:
        conditions.parse(str(condition))
    except ValueError as wrong:
        message = f"The sandbox does not play this condition: {wrong}."
        raise CloudError(501, "NotImplemented", message) from None


def _check_conflicts(world: World, write: Write, principal: str, role: str) -> None:
    def same(properties: Mapping[str, Any]) -> bool:
        held = str(properties["roleDefinitionId"]).rsplit("/", 1)[-1]
        return properties["principalId"].lower() == principal.lower() and held.lower() == role.lower()

    if write.previous:
        if not same(write.previous["properties"]):
            raise CloudError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        return
    prefix = f"{write.target.scope}/providers/{ASSIGNMENTS}/".lower()
    for _, other in world.store.items(records.RESOURCES, prefix):
        if same(other["properties"]):
            raise CloudError(409, "RoleAssignmentExists", "The role assignment already exists.")


def _fill_assignment(world: World, write: Write) -> Document:
    sent, before = _properties(write), (write.previous or {}).get("properties", {})
    role = str(sent["roleDefinitionId"]).rstrip("/").rsplit("/", 1)[-1]
    subscription = write.target.subscription
    base = f"/subscriptions/{subscription}" if subscription else ""
    return {
        "properties": {
            "roleDefinitionId": f"{base}/providers/{DEFINITIONS}/{role}",
            "principalId": sent["principalId"],
            "principalType": sent.get("principalType") or "ServicePrincipal",
            "scope": write.target.scope or "/",
            "condition": sent.get("condition"),
            "conditionVersion": sent.get("conditionVersion"),
            "createdOn": before.get("createdOn") or iso(write.now),
            "updatedOn": iso(write.now),
            "createdBy": before.get("createdBy") or _author(write),
            "updatedBy": _author(write),
            "delegatedManagedIdentityResourceId": sent.get("delegatedManagedIdentityResourceId"),
            "description": sent.get("description"),
        }
    }


def _put_unauthored(world: World, body: Document, write: Write) -> Document:
    # The PUT's own answer does not know yet who made it.
    return {**body, "properties": {**body["properties"], "createdBy": None}} if write.created else body


def _no_assignment(target: ResourceId) -> CloudError:
    return CloudError(404, "RoleAssignmentNotFound", f"The role assignment '{target.name}' is not found.")


def _list_assignments(world: World, request: Request) -> Response:
    """At a scope: assignments at, above and below it; ``$filter`` atScope(), principalId eq, assignedTo()."""
    scope = _scope(world, request, ASSIGNMENTS)
    text = request.query.get("$filter", "")
    at_scope = bool(re.search(r"atScope\(\s*\)", text, re.IGNORECASE))
    principal = re.search(r"(?:principalId\s+eq\s+'|assignedTo\(\s*')([^']+)'", text, re.IGNORECASE)
    if text and not at_scope and not principal:
        raise CloudError(400, "UnsupportedQuery", f"The filter '{text}' is not supported.")
    shown = list(world.seen_items(records.RESOURCES, f"{scope}/".lower()))
    prefixes = [f"{place}/providers/{ASSIGNMENTS}/".lower() for place in ids.ancestors(scope)]
    above = [item for prefix in prefixes[1:] for item in world.seen_items(records.RESOURCES, prefix)]
    below = shown if not at_scope else [item for item in shown if item[0].startswith(prefixes[0])]
    found = [
        records.public(document)
        for _, document in (*above, *below)
        if document["type"] == ASSIGNMENTS
        and (not principal or document["properties"]["principalId"].lower() == principal[1].lower())
    ]
    return Response(200, {"value": found})


def _permissions(world: World, request: Request) -> Response:
    """What the caller may do at a scope: an entry for each role that it holds there."""
    scope = "/" + request.params["scope"].strip("/")
    scopes.check(world, scope)
    held = authorization.held_at(world, request.caller.object_id if request.caller else "", scope)
    return Response(200, {"value": [_permission(role) for role, _ in held]})


# Role definitions


def _no_role(name: str) -> CloudError:
    return CloudError(
        404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{name}' does not exist."
    )


def _role_document(scope: str, role: Role) -> Document:
    subscription = ids.subscription_of(scope)
    base = f"/subscriptions/{subscription}" if subscription else ""
    return {
        "id": f"{base}/providers/{DEFINITIONS}/{role.id}",
        "type": DEFINITIONS,
        "name": role.id,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [
                _permission(role),
            ],
            "createdOn": "2015-02-02T21:55:09.8806423Z",
            "updatedOn": "2023-07-10T15:10:53.9471645Z",
            "createdBy": None,
            "updatedBy": None,
        },
    }


def _permission(role: Role) -> dict[str, list[str]]:
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


def _absent_role(world: World, target: ResourceId) -> Document | None:
    role = roles.built_in(target.name)
    return _role_document(target.scope, role) if role else None


def _check_role(world: World, write: Write) -> None:
    if not _guid(write.target.name):
        raise CloudError(
            400, "RoleDefinitionNotAGuid", f"The role definition ID '{write.target.name}' must be a GUID."
        )
    properties = _properties(write)
    if not properties.get("roleName") or not properties.get("assignableScopes"):
        raise CloudError(
            400, "InvalidRoleDefinitionRequest", "A role definition needs 'roleName' and 'assignableScopes'."
        )
    others = [*roles.BUILT_IN]
    if any(one.name.lower() == str(properties["roleName"]).lower() for one in others):
        raise CloudError(
            409,
            "RoleDefinitionWithSameNameExists",
            "A role definition cannot be updated with a name that already exists:"
            f" '{properties['roleName']}'.",
        )


def _fill_role(world: World, write: Write) -> Document:
    sent, before = _properties(write), (write.previous or {}).get("properties", {})
    lists = ("actions", "notActions", "dataActions", "notDataActions")
    return {
        "properties": {
            "roleName": sent["roleName"],
            "type": "CustomRole",
            "description": sent.get("description"),
            "assignableScopes": sent["assignableScopes"],
            "permissions": [
                {name: list(one.get(name) or ()) for name in lists} for one in sent.get("permissions") or [{}]
            ],
            "createdOn": before.get("createdOn") or iso(write.now),
            "updatedOn": iso(write.now),
            "createdBy": before.get("createdBy") or _author(write),
            "updatedBy": _author(write),
        }
    }


def _answer_role(world: World, document: Document, api_version: str) -> Document:
    # Whatever the scope it was made at, a role is shown at its subscription.
    subscription = ids.subscription_of(document["id"])
    base = f"/subscriptions/{subscription}" if subscription else ""
    return {**document, "id": f"{base}/providers/{DEFINITIONS}/{document['name']}"}


def _list_roles(world: World, request: Request) -> Response:
    scope = _scope(world, request, DEFINITIONS)
    text = request.query.get("$filter", "")
    named = re.search(r"roleName\s+eq\s+'((?:[^']|'')*)'", text, re.IGNORECASE)
    typed = re.search(r"type\s+eq\s+'([^']*)'", text, re.IGNORECASE)
    every = [_role_document(scope, role) for role in roles.BUILT_IN]
    for place in ids.ancestors(scope):
        prefix = f"{place}/providers/{DEFINITIONS}/".lower()
        for _, document in world.seen_items(records.RESOURCES, prefix):
            every.append(_answer_role(world, records.public(document), ""))
    found = [
        one
        for one in every
        if (not named or one["properties"]["roleName"].lower() == named[1].replace("''", "'").lower())
        and (not typed or one["properties"]["type"].lower() == typed[1].lower())
    ]
    return Response(200, {"value": found})


def _scope(world: World, request: Request, type_: str) -> str:
    text = "/" + request.params["scope"].strip("/") if "scope" in request.params else ""
    authorization.require(world, actor.of(request), f"{type_}/read", text)
    scopes.check(world, text)
    return scopes.scope(world, text) if text else ""


def _guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


KINDS = (
    Kind(
        ASSIGNMENTS,
        check=_check_assignment,
        fill=_fill_assignment,
        put_answer=_put_unauthored,
        missing=_no_assignment,
        create=style("201 body"),
        update=style("201 body"),
        patch=None,
        delete=style("200 body"),
        state=False,
        tracked=False,
    ),
    Kind(
        DEFINITIONS,
        check=_check_role,
        fill=_fill_role,
        answer=_answer_role,
        put_answer=_put_unauthored,
        absent=_absent_role,
        missing=lambda target: _no_role(target.name),
        create=style("201 body"),
        update=style("201 body"),
        patch=None,
        delete=style("200 body"),
        state=False,
        tracked=False,
    ),
)
ROUTES = (
    Route("GET", f"/providers/{ASSIGNMENTS}", _list_assignments),
    Route("GET", f"/{{scope:path}}/providers/{ASSIGNMENTS}", _list_assignments),
    Route("GET", "/{scope:path}/providers/Microsoft.Authorization/permissions", _permissions),
    Route("GET", f"/providers/{DEFINITIONS}", _list_roles),
    Route("GET", f"/{{scope:path}}/providers/{DEFINITIONS}", _list_roles),
)
