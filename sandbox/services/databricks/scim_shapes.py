"""Users, service principals and groups as the SCIM API shows them, its filters and its patches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.services.databricks import errors, principals
from sandbox.world import World

_CORE = "urn:ietf:params:scim:schemas:core:2.0:"
_SCHEMAS = {"users": "User", "servicePrincipals": "ServicePrincipal", "groups": "Group"}
_REFERENCE = {"users": "Users", "servicePrincipals": "ServicePrincipals", "groups": "Groups"}
_CONDITION = re.compile(r'\s*([\w.]+)\s+(eq|ne|co|sw)\s+"?([^"]*?)"?\s*', re.IGNORECASE)
_MEMBER = re.compile(r'(\w+)\[value eq "([^"]*)"\]')
# What a client may write; the rest is the service's.
WRITABLE = {
    "users": ("userName", "displayName", "active", "externalId", "entitlements", "name", "emails", "roles"),
    "servicePrincipals": ("applicationId", "displayName", "active", "externalId", "entitlements", "roles"),
    "groups": ("displayName", "members", "externalId", "entitlements", "roles"),
}

Document = dict[str, Any]


def resource(world: World, host: str, document: Document) -> Document:
    """One principal."""
    kind = document["kind"]
    body = {
        "schemas": [f"{_CORE}{_SCHEMAS[kind]}"],
        **{key: value for key, value in document.items() if key not in ("kind", "members")},
        "groups": [_member(one) | {"type": "direct"} for one in _direct(world, host, document)],
    }
    if kind == "groups":
        body["meta"] = {"resourceType": "WorkspaceGroup"}
        members = [_member(one) for one in _members(world, host, document)]
        body |= {"members": members} if members else {}
    if kind == "users":
        name = document["userName"]
        body["emails"] = document.get("emails") or [{"type": "work", "value": name, "primary": True}]
    return body


def myself(world: World, host: str, document: Document) -> Document:
    """The caller; a service principal is shown as a user whose name is its application id."""
    body = resource(world, host, document)
    if document["kind"] == "servicePrincipals":
        del body["applicationId"]
        body |= {"schemas": [f"{_CORE}User"], "userName": principals.name(document)}
    return body


def page(found: list[Document], query: Mapping[str, str]) -> Document:
    """A list with `startIndex` (from 1) and `count`."""
    start, count = (query.get(name.lower(), "") for name in ("startIndex", "count"))
    first = max(int(start), 1) if start.isdecimal() else 1
    shown = found[first - 1 :][: int(count) if count.isdecimal() else None]
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(found),
        "startIndex": first,
        "itemsPerPage": len(shown),
        "Resources": [_chosen(one, query) for one in shown],
    }


def matches(document: Document, condition: str) -> bool:
    """Whether a filter holds: `attribute eq|ne|co|sw "value"`, joined by `and` or `or`. Raises 400."""
    alternatives = re.split(r"\s+or\s+", condition, flags=re.IGNORECASE)
    return any(
        all(_holds(document, one) for one in re.split(r"\s+and\s+", part, flags=re.IGNORECASE))
        for part in alternatives
    )


def patched(document: Document, operations: list[Mapping[str, Any]]) -> Document:
    """The document after `add`, `remove` and `replace` (RFC 7644, 3.5.2). Raises 400."""
    changed = dict(document)
    for one in operations:
        verb, path, value = str(one.get("op", "")).lower(), one.get("path"), one.get("value")
        selected = _MEMBER.fullmatch(path) if path else None
        if verb == "remove" and selected:
            _edit(changed, verb, selected[1], [{"value": selected[2]}])
        elif path:
            _edit(changed, verb, path, value)
        elif isinstance(value, Mapping):
            for name, part in value.items():
                _edit(changed, verb, name, part)
        else:
            raise errors.scim(400, "A patch operation needs a path or an object as its value.", "invalidPath")
    return changed


def written(kind: str, body: Mapping[str, Any]) -> Document:
    """What of a body is kept; members by their ids."""
    kept = {key: body[key] for key in WRITABLE[kind] if key in body}
    if kind == "groups":
        kept["members"] = [str(one["value"]) for one in body.get("members") or []]
    return kept


def _edit(changed: Document, verb: str, name: str, value: Any) -> None:
    if name not in WRITABLE[changed["kind"]] or verb not in ("add", "remove", "replace"):
        raise errors.scim(400, f"Cannot {verb} {name} of this resource.", "invalidPath")
    if name not in ("members", "entitlements", "roles"):
        changed[name] = None if verb == "remove" else value
        return
    given = [one["value"] if isinstance(one, Mapping) else one for one in value or []]
    before = [one["value"] if isinstance(one, Mapping) else one for one in changed.get(name) or []]
    if verb == "remove":
        after = [one for one in before if given and one not in given]
    else:
        after = given if verb == "replace" else [*before, *(one for one in given if one not in before)]
    changed[name] = after if name == "members" else [{"value": one} for one in after]


def _holds(document: Document, condition: str) -> bool:
    found = _CONDITION.fullmatch(condition)
    if not found:
        raise errors.scim(400, f"Given filter operator is not supported: {condition}", "invalidFilter")
    name, operator, value = found[1].lower(), found[2].lower(), found[3].lower()
    held = next((str(held).lower() for key, held in document.items() if key.lower() == name), "")
    return {
        "eq": held == value,
        "ne": held != value,
        "co": value in held,
        "sw": held.startswith(value),
    }[operator]


def _chosen(resource: Document, query: Mapping[str, str]) -> Document:
    only = {part.strip().split(".")[0] for part in query.get("attributes", "").split(",") if part}
    without = {part.strip().split(".")[0] for part in query.get("excludedattributes", "").split(",") if part}
    kept = ("id", "schemas")
    return {
        key: value
        for key, value in resource.items()
        if key in kept or ((not only or key in only) and key not in without)
    }


def _direct(world: World, host: str, document: Document) -> list[Document]:
    return [
        one
        for one in principals.of_kind(world, host, "groups")
        if document["id"] in one["members"]
        or (one["displayName"] == principals.USERS and document["kind"] != "groups")
    ]


def _members(world: World, host: str, group: Document) -> list[Document]:
    kinds = ("users", "servicePrincipals", "groups")
    every = [one for kind in kinds for one in principals.of_kind(world, host, kind)]
    if group["displayName"] == principals.USERS:
        return [one for one in every if one["kind"] != "groups"]
    return [one for one in every if one["id"] in group["members"]]


def _member(document: Document) -> Document:
    reference = f"{_REFERENCE[document['kind']]}/{document['id']}"
    return {
        "display": document.get("displayName") or principals.name(document),
        "value": document["id"],
        "$ref": reference,
    }
