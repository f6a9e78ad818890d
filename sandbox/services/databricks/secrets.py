"""The Secrets API 2.0: scopes, secrets, access control lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.arm import records
from sandbox.services.databricks import access, errors, hosts, principals, secret_store, switches
from sandbox.services.databricks.body import body, decoded, text
from sandbox.world import World

_PERMISSIONS = ("READ", "WRITE", "MANAGE")

Document = dict[str, Any]


def _create_scope(world: World, request: Request) -> Response:
    asked = body(request)
    backend = asked.get("scope_backend_type") or "DATABRICKS"
    manager = asked.get("initial_manage_principal")
    if manager not in (None, "", principals.USERS):
        raise errors.bad(f"The initial_manage_principal must be '{principals.USERS}', not '{manager}'.")
    if _standard(world, request) and manager != principals.USERS:
        raise errors.refusal(
            "BAD_REQUEST",
            "Premium Tier is disabled in this workspace. Secret scopes can only be created with "
            'initial_manage_principal "users".',
        )
    own = principals.name(access.me(world, request))
    document = {
        "name": asked.get("scope"),
        "backend_type": backend,
        "acls": {manager or own: "MANAGE"},
        **_vault(world, asked, backend),
    }
    secret_store.create_scope(world, request.host, document)
    return Response(200, {})


def _vault(world: World, asked: Mapping[str, Any], backend: str) -> Document:
    if backend == "DATABRICKS":
        return {}
    if backend != "AZURE_KEYVAULT":
        raise errors.bad(f"Invalid scope_backend_type {backend}: DATABRICKS or AZURE_KEYVAULT.")
    given = asked.get("backend_azure_keyvault") or {}
    resource_id, address = given.get("resource_id"), given.get("dns_name")
    if not resource_id or not address:
        raise errors.bad("Scope with Azure KeyVault must have AzureKeyVaultSecretScopeMetadata defined!")
    # Everybody who signs in to the sandbox is a service principal.
    if not switches.on(world, "keyvault-scopes", False):
        raise errors.bad("Scope with Azure KeyVault must have userAADToken defined!")
    vault = records.get(world, str(resource_id))
    if vault is None or vault["type"].lower() != "microsoft.keyvault/vaults":
        raise errors.bad(f"The key vault {resource_id} does not exist.")
    return {"keyvault_metadata": {"resource_id": resource_id, "dns_name": address}}


def _list_scopes(world: World, request: Request) -> Response:
    shown = ("name", "backend_type", "keyvault_metadata")
    found = secret_store.scopes(world, request.host)
    scopes = [{key: one[key] for key in shown if key in one} for one in found]
    return Response(200, {"scopes": scopes} if scopes else {})


def _delete_scope(world: World, request: Request) -> Response:
    name = text(body(request), "scope")
    _require(world, request, name, "MANAGE")
    secret_store.delete_scope(world, request.host, name)
    return Response(200, {})


def _put(world: World, request: Request) -> Response:
    asked = body(request)
    name, key = text(asked, "scope"), text(asked, "key")
    _require(world, request, name, "WRITE")
    given = [asked.get(field) is not None for field in ("string_value", "bytes_value")]
    if sum(given) != 1:
        raise errors.refusal(
            "MALFORMED_REQUEST", "Exactly one of string_value and bytes_value must be specified."
        )
    value = str(asked["string_value"]) if given[0] else decoded(asked["bytes_value"])
    secret_store.put(world, request.host, name, key, value)
    return Response(200, {})


def _list(world: World, request: Request) -> Response:
    name = text(request.query, "scope")
    _require(world, request, name, "READ")
    found = secret_store.listed(world, request.host, name)
    return Response(200, {"secrets": found} if found else {})


def _delete(world: World, request: Request) -> Response:
    asked = body(request)
    name, key = text(asked, "scope"), text(asked, "key")
    _require(world, request, name, "WRITE")
    secret_store.delete(world, request.host, name, key)
    return Response(200, {})


def _get(world: World, request: Request) -> Response:
    """docs.databricks.com, Secrets API, get: only from inside a command execution."""
    raise errors.denied("Secret values can only be read from within a notebook, with dbutils.secrets.get.")


def _put_acl(world: World, request: Request) -> Response:
    asked = body(request)
    name, wanted, permission = text(asked, "scope"), text(asked, "principal"), asked.get("permission")
    document = _require(world, request, name, "MANAGE")
    who = principals.find(world, request.host, wanted)
    if permission not in _PERMISSIONS:
        raise errors.bad(f"Invalid permission {permission}: one of {', '.join(_PERMISSIONS)}.")
    if who is None:
        raise errors.bad(f"Principal {wanted} is not a user, group or service principal of this workspace.")
    document["acls"][principals.name(who)] = permission
    secret_store.save_scope(world, request.host, document)
    return Response(200, {})


def _get_acl(world: World, request: Request) -> Response:
    name, wanted = text(request.query, "scope"), text(request.query, "principal")
    acls = _require(world, request, name, "MANAGE")["acls"]
    return Response(200, {"principal": wanted, "permission": acls[_of(acls, name, wanted)]})


def _list_acls(world: World, request: Request) -> Response:
    acls = _require(world, request, text(request.query, "scope"), "MANAGE")["acls"]
    items = [{"principal": who, "permission": permission} for who, permission in sorted(acls.items())]
    return Response(200, {"items": items} if items else {})


def _delete_acl(world: World, request: Request) -> Response:
    asked = body(request)
    name, wanted = text(asked, "scope"), text(asked, "principal")
    document = _require(world, request, name, "MANAGE")
    del document["acls"][_of(document["acls"], name, wanted)]
    secret_store.save_scope(world, request.host, document)
    return Response(200, {})


def _of(acls: Mapping[str, str], name: str, wanted: str) -> str:
    found = next((one for one in acls if one.lower() == wanted.lower()), None)
    if found is None:
        raise errors.missing(f"Failed to get secret acl for principal {wanted} for scope {name}.")
    return found


def _require(world: World, request: Request, name: str, permission: str) -> Document:
    """The scope, when the caller holds the permission on it; admins manage all."""
    document = secret_store.load_scope(world, request.host, name)
    who = access.me(world, request)
    groups = [one["displayName"] for one in principals.groups(world, request.host, who)]
    held = [document["acls"][one] for one in (principals.name(who), *groups) if one in document["acls"]]
    least = _PERMISSIONS.index(permission)
    if principals.ADMINS in groups or any(_PERMISSIONS.index(one) >= least for one in held):
        return document
    raise errors.denied(f"User {principals.name(who)} does not have {permission} permission on scope {name}.")


def _standard(world: World, request: Request) -> bool:
    """Access control of secrets is of the premium tier (docs.databricks.com, Secrets API, create scope)."""
    return bool(hosts.workspace(world, request.host)["sku"]["name"] == "standard")


ROUTES = (
    Route("POST", "/api/2.0/secrets/scopes/create", _create_scope),
    Route("GET", "/api/2.0/secrets/scopes/list", _list_scopes),
    Route("POST", "/api/2.0/secrets/scopes/delete", _delete_scope),
    Route("POST", "/api/2.0/secrets/put", _put),
    Route("GET", "/api/2.0/secrets/list", _list),
    Route("POST", "/api/2.0/secrets/delete", _delete),
    Route("GET", "/api/2.0/secrets/get", _get),
    Route("POST", "/api/2.0/secrets/acls/put", _put_acl),
    Route("GET", "/api/2.0/secrets/acls/get", _get_acl),
    Route("GET", "/api/2.0/secrets/acls/list", _list_acls),
    Route("POST", "/api/2.0/secrets/acls/delete", _delete_acl),
)
