"""Microsoft.KeyVault beyond the vault: deleted vaults, purge, names, access policies, secrets in ARM."""

from __future__ import annotations

from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, operations, records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.keyvault import DELETED, VAULTS, check_policies, not_deleted, settled
from sandbox.services.keyvault import secrets
from sandbox.world import World

_SUBSCRIPTION = "/subscriptions/{subscription}"
_PROVIDER = f"{_SUBSCRIPTION}/providers/Microsoft.KeyVault"
_SECRETS = f"{_SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.KeyVault/vaults/{{vault}}/secrets"


def _require(world: World, request: Request, permission: str, scope: str = "") -> None:
    """Raises 403 without `Microsoft.KeyVault/PERMISSION` at `scope`, by default the subscription."""
    scope = scope or f"/subscriptions/{request.params['subscription']}"
    authorization.require(world, actor.of(request), f"Microsoft.KeyVault/{permission}", scope)


def _shown(entry: Document) -> Document:
    document, properties = entry["document"], entry["document"]["properties"]
    scope = "/".join(document["id"].split("/")[:3])
    shown: Document = {
        "vaultId": document["id"],
        "location": document["location"],
        "tags": document.get("tags") or {},
        "deletionDate": entry["deletionDate"][:19] + "Z",
        "scheduledPurgeDate": entry["scheduledPurgeDate"][:19] + "Z",
    }
    if properties.get("enablePurgeProtection"):
        shown["purgeProtectionEnabled"] = True
    place = f"{scope}/providers/Microsoft.KeyVault/locations/{document['location']}"
    place = f"{place}/deletedVaults/{document['name']}"
    return {
        "id": place,
        "name": document["name"],
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": shown,
    }


def _list(world: World, request: Request) -> Response:
    _require(world, request, "deletedVaults/read")
    wanted = f"/subscriptions/{request.params['subscription']}/".lower()
    entries = [settled(world, name) for name in world.store.keys(DELETED)]
    found = [
        _shown(entry) for entry in entries if entry and entry["document"]["id"].lower().startswith(wanted)
    ]
    return Response(200, {"value": found})


def _list_deleted_hsms(world: World, request: Request) -> Response:
    """`az keyvault list-deleted` asks for both; the sandbox makes no managed HSMs, so none was deleted."""
    return Response(200, {"value": []})


def _find(world: World, request: Request) -> Document:
    entry = settled(world, request.params["vault"])
    wanted = f"/subscriptions/{request.params['subscription']}/".lower()
    place = forms.normal_location(request.params["location"])
    if (
        entry is None
        or not entry["document"]["id"].lower().startswith(wanted)
        or entry["document"]["location"] != place
    ):
        raise not_deleted(request.params["vault"])
    return entry


def _get(world: World, request: Request) -> Response:
    _require(world, request, "locations/deletedVaults/read")
    return Response(200, _shown(_find(world, request)))


def _purge(world: World, request: Request) -> Response:
    _require(world, request, "locations/deletedVaults/purge/action")
    entry = _find(world, request)
    name = entry["document"]["name"]
    if entry["document"]["properties"].get("enablePurgeProtection"):
        raise CloudError(
            400,
            "MethodNotAllowed",
            f'Operation "DeletedVaultPurge" is not allowed on the vault "{name}" because purge protection is '
            "enabled.",
        )
    now = world.now()
    ready_at = now + request.operation.delay
    status = {"createdDateTime": f"{now:%Y-%m-%d %H:%M:%SZ}", "status": "Succeeded"}
    error = (
        {"code": "InternalServerError", "message": "The purge failed."} if request.operation.fails else None
    )
    headers = operations.start(
        world,
        entry["document"]["id"],
        style("202 nobody +Location"),
        request.query["api-version"],
        ready_at,
        error=error,
        result={**status, "lastActionDateTime": f"{ready_at:%Y-%m-%d %H:%M:%SZ}"},
        location=entry["document"]["location"],
    )
    if not request.operation.fails:
        world.schedule(ready_at, "keyvault.purge", {"vault": name})
    return Response(202, None, headers)


def _purge_effect(world: World, data: dict[str, Any]) -> None:
    world.store.delete(DELETED, data["vault"].lower())
    secrets.purge_vault(world, data["vault"])


def _check_availability(world: World, request: Request) -> Response:
    _require(world, request, "checkNameAvailability/read")
    name = str((request.json() or {}).get("name", ""))
    if records.find(world, VAULTS, name) is None and settled(world, name) is None:
        return Response(200, {"nameAvailable": True})
    return Response(
        200,
        {
            "nameAvailable": False,
            "reason": "AlreadyExists",
            "message": f"The vault name '{name}' is already in use. Vault names are globally unique so it is "
            "possible that the name is already taken.",
        },
    )


def _merge_policies(live: list[Document], sent: list[Document], verb: str) -> list[Document]:
    """`add` joins permissions, `remove` takes them away, `replace` sets the whole policy of the named
    principals."""
    result = {_who(policy): policy for policy in live}
    for policy in sent:
        old = result.get(_who(policy), {**policy, "permissions": {}})
        kinds = {**old["permissions"], **policy["permissions"]}
        joined: Document = {}
        for kind in kinds:
            have, named = old["permissions"].get(kind) or [], policy["permissions"].get(kind) or []
            folded = {word.lower() for word in named}
            match verb:
                case "add":
                    joined[kind] = [*have, *(w for w in named if w.lower() not in {h.lower() for h in have})]
                case "remove":
                    joined[kind] = [word for word in have if word.lower() not in folded]
                case _:
                    joined[kind] = list(named)
        if verb == "remove" and not any(joined.values()):
            result.pop(_who(policy), None)
        else:
            result[_who(policy)] = {**policy, "permissions": joined}
    return list(result.values())


def _who(policy: Document) -> tuple[str, str]:
    return str(policy["objectId"]).lower(), str(policy.get("applicationId") or "").lower()


def _check_access(world: World, write: Write) -> None:
    if write.target.name.lower() not in ("add", "replace", "remove"):
        message = f"The operation '{write.target.name}' is not supported on access policies."
        raise CloudError(400, "BadRequest", message)
    check_policies((write.merged.get("properties") or {}).get("accessPolicies"))


def _fill_access(world: World, write: Write) -> Document:
    return {"properties": {"accessPolicies": write.merged["properties"]["accessPolicies"]}}


def _store_access(world: World, write: Write, document: Document) -> None:
    """The operation is no resource: only the vault keeps what it did."""
    records.remove(world, write.target.id)
    parent = write.target.parent
    assert parent is not None
    vault = records.load(world, parent.id)
    policies = vault["properties"]["accessPolicies"]
    sent = document["properties"]["accessPolicies"]
    vault["properties"]["accessPolicies"] = _merge_policies(policies, sent, write.target.name.lower())
    records.save(world, vault)


def _answer_access(world: World, document: Document, write: Write) -> Document:
    parent = write.target.parent
    assert parent is not None
    policies = records.load(world, parent.id)["properties"]["accessPolicies"]
    return {
        "id": f"{parent.id}/accessPolicies/",
        "type": f"{VAULTS}/accessPolicies",
        "properties": {"accessPolicies": policies},
    }


def _check_secret(world: World, write: Write) -> None:
    if not isinstance(write.merged.get("properties"), dict):
        raise CloudError(400, "BadRequest", "The parameter properties is not specified.")
    if write.method == "PUT" and not isinstance(write.merged["properties"].get("value"), str):
        raise CloudError(400, "BadRequest", "The parameter value is not specified.")
    secrets.attributes(write.merged["properties"])


def _fill_secret(world: World, write: Write) -> Document:
    vault = write.target.names[0]
    body = {**write.merged["properties"], "tags": write.merged.get("tags")}
    if write.method == "PUT":
        secrets.put(world, vault, write.target.name, body)
    else:
        secrets.update(world, vault, write.target.name, None, body)
    return _secret(world, write.target) or {}


def _secret(world: World, target: ResourceId) -> Document | None:
    """A secret as ARM shows it: without its value."""
    found = secrets.live(world, target.names[0], target.name)
    parent = target.parent
    vault = records.get(world, parent.id) if parent else None
    if found is None or vault is None:
        return None
    newest = found["versions"][-1]
    uri = f"{vault['properties']['vaultUri']}secrets/{found['name']}"
    attributes = {key: value for key, value in newest["attributes"].items() if value is not None}
    properties: Document = {
        "attributes": attributes,
        "secretUri": uri,
        "secretUriWithVersion": f"{uri}/{newest['version']}",
    }
    if newest.get("contentType"):
        properties["contentType"] = newest["contentType"]
    shown = {
        "id": f"{vault['id']}/secrets/{found['name']}",
        "name": found["name"],
        "type": f"{VAULTS}/secrets",
    }
    return {
        **shown,
        "location": vault["location"],
        "tags": newest.get("tags") or {},
        "properties": properties,
    }


def _store_secret(world: World, write: Write, document: Document) -> None:
    """The data plane is the only keeper; ARM reads it anew each time."""
    records.remove(world, write.target.id)


def _list_secrets(world: World, request: Request) -> Response:
    p = request.params
    scope = f"/subscriptions/{p['subscription']}/resourceGroups/{p['group']}"
    vault = ResourceId(scope, VAULTS, (p["vault"],))
    _require(world, request, "vaults/secrets/read", vault.id)
    records.load(world, vault.id)
    shown = (_secret(world, vault.child("secrets", one["name"])) for one in secrets.listed(world, p["vault"]))
    return Response(200, {"value": [one for one in shown if one]})


def _refuse_delete(world: World, request: Request) -> Response:
    raise CloudError(
        405,
        "MethodNotAllowed",
        f"The resource type '{VAULTS}/secrets' does not support deletion in ARM; delete it in the vault.",
    )


KINDS = (
    Kind(
        f"{VAULTS}/accessPolicies",
        check=_check_access,
        fill=_fill_access,
        stored=_store_access,
        put_answer=_answer_access,
        create=style("200 body"),
        tracked=False,
        state=False,
    ),
    Kind(
        f"{VAULTS}/secrets",
        check=_check_secret,
        fill=_fill_secret,
        stored=_store_secret,
        absent=_secret,
        create=style("200 body"),
        tracked=False,
        state=False,
    ),
)
ROUTES = (
    Route("GET", f"{_PROVIDER}/deletedVaults", _list),
    Route("GET", f"{_PROVIDER}/deletedManagedHSMs", _list_deleted_hsms),
    Route("GET", f"{_PROVIDER}/locations/{{location}}/deletedVaults/{{vault}}", _get),
    Route("POST", f"{_PROVIDER}/locations/{{location}}/deletedVaults/{{vault}}/purge", _purge),
    Route("POST", f"{_PROVIDER}/checkNameAvailability", _check_availability, write=False),
    Route(
        "GET",
        _SECRETS,
        _list_secrets,
    ),
    Route(
        "DELETE",
        f"{_SECRETS}/{{secret}}",
        _refuse_delete,
    ),
)
EFFECTS = {"keyvault.purge": _purge_effect}
