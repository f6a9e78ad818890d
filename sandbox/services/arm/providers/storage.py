"""Microsoft.Storage/storageAccounts: names, kinds, immutable fields, defaults, keys.

Sources: the REST reference "Storage Accounts - Create / Update", the error codes of both, and recorded
traffic for bodies, status codes and headers.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, records, scopes
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Action, Document, Kind, Write, style
from sandbox.services.arm.providers import forms, identity
from sandbox.services.storage import blobs
from sandbox.world import World

ACCOUNTS = "Microsoft.Storage/storageAccounts"

_NAME = re.compile(r"[a-z0-9]{3,24}")
_NAME_WORDS = (
    "{} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
    "length and use numbers and lower-case letters only."
)
_SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "PremiumV2_LRS",
    "PremiumV2_ZRS",
    "StandardV2_LRS",
    "StandardV2_GRS",
    "StandardV2_ZRS",
    "StandardV2_GZRS",
)
_KINDS = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "accessTier": ("Hot", "Cool", "Cold", "Premium"),
    "minimumTlsVersion": ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"),
    "publicNetworkAccess": ("Enabled", "Disabled", "SecuredByPerimeter"),
    "networkAcls.defaultAction": ("Allow", "Deny"),
    "encryption.keySource": ("Microsoft.Storage", "Microsoft.Keyvault"),
    "largeFileSharesState": ("Enabled", "Disabled"),
    "dnsEndpointType": ("Standard", "AzureDnsZone"),
}
_FLAGS = (
    "isHnsEnabled",
    "supportsHttpsTrafficOnly",
    "allowBlobPublicAccess",
    "allowSharedKeyAccess",
    "isNfsV3Enabled",
    "isSftpEnabled",
    "isLocalUserEnabled",
    "allowCrossTenantReplication",
    "defaultToOAuthAuthentication",
)
# Can be set on creation alone ("cannot be updated as it is read-only").
_FIXED = ("isHnsEnabled", "isNfsV3Enabled", "dnsEndpointType", "encryption.requireInfrastructureEncryption")
_READ_ONLY = (
    "provisioningState",
    "creationTime",
    "keyCreationTime",
    "primaryEndpoints",
    "secondaryEndpoints",
    "primaryLocation",
    "secondaryLocation",
    "statusOfPrimary",
    "statusOfSecondary",
    "privateEndpointConnections",
)
# From which API version a field is answered.
_SINCE = {"keyCreationTime": "2021-02-01", "allowCrossTenantReplication": "2021-04-01"}
# Some regions' pairs (learn.microsoft.com, cross-region replication); another region is its own pair here.
_PAIRS = {
    "westeurope": "northeurope",
    "northeurope": "westeurope",
    "eastus": "westus",
    "westus": "eastus",
    "eastus2": "centralus",
    "centralus": "eastus2",
    "southcentralus": "northcentralus",
    "westus2": "westcentralus",
    "northcentralus": "southcentralus",
    "eastus2euap": "centraluseuap",
    "centraluseuap": "eastus2euap",
}
_GEO = ("GRS", "RAGRS", "GZRS", "RAGZRS")


def check(world: World, write: Write) -> None:
    """Raise what the service refuses: a bad or taken name, bad values, a change of what is fixed …"""
    name, properties = write.target.name, dict(write.merged.get("properties") or {})
    if write.created:
        _check_name(world, write.target)
    wrong = [key for key, allowed in _CHOICES.items() if _refused(forms.lookup(properties, key), allowed)]
    wrong += [key for key in _FLAGS if not isinstance(properties.get(key), (bool, type(None)))]
    sku = forms.spelled(forms.lookup(write.merged, "sku.name"), _SKUS)
    kind = forms.spelled(write.merged.get("kind"), _KINDS)
    wrong = [*([] if sku else ["sku.name"]), *([] if kind else ["kind"]), *wrong]
    if wrong:
        raise CloudError(
            400,
            "InvalidValuesForRequestParameters",
            f"Values for request parameters are invalid: {','.join(wrong)}. "
            "For more information, see - https://aka.ms/storageaccountinvalidparameter",
        )
    assert sku and kind
    premium = sku.startswith("Premium")
    if (premium and kind in ("Storage", "BlobStorage")) or (
        not premium and kind in ("FileStorage", "BlockBlobStorage")
    ):
        raise CloudError(400, "InvalidAccountType", f"The AccountType {sku} is invalid for a {kind} account.")
    if kind == "BlobStorage" and not properties.get("accessTier"):
        raise CloudError(400, "InvalidAccessTier", "The access tier is required for a BlobStorage account.")
    if write.previous is not None:
        _check_fixed(name, write, sku, kind, properties)


def _check_name(world: World, target: ResourceId) -> None:
    name = target.name
    if not _NAME.fullmatch(name):
        raise CloudError(
            400,
            "AccountNameInvalid",
            _NAME_WORDS.format(name),
        )
    other = records.find(world, ACCOUNTS, name)
    if other is None:
        return
    if f"/subscriptions/{target.subscription}/".lower() in other["id"].lower():
        message = f"The account {name} is already in another resource group in this subscription."
        raise CloudError(409, "StorageAccountInAnotherResourceGroup", message)
    raise CloudError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")


def _check_fixed(name: str, write: Write, sku: str, kind: str, properties: Mapping[str, Any]) -> None:
    before = write.previous or {}
    live = before.get("properties") or {}
    changed = [
        path
        for path in _FIXED
        if forms.lookup(properties, path) is not None
        and forms.lookup(properties, path)
        != (forms.lookup(live, path) or (False if path != "dnsEndpointType" else None))
    ]
    if kind != before["kind"] and (before["kind"], kind) not in (
        ("Storage", "StorageV2"),
        ("BlobStorage", "StorageV2"),
    ):
        changed.append("kind")
    if changed:
        raise CloudError(
            400,
            "AccountPropertyCannotBeUpdated",
            f"The property '{changed[0].rsplit('.', 1)[-1]}' was specified in the input, but it cannot be "
            "updated as it "
            "is read-only. For more information, see - https://aka.ms/storageaccountupdate",
        )
    if sku.split("_")[0] != before["sku"]["name"].split("_")[0]:
        message = f"Storage account {name} cannot be changed from {before['sku']['name']} to {sku}."
        raise CloudError(400, "StorageAccountTypeConversionNotAllowed", message)


def _refused(value: Any, allowed: tuple[str, ...]) -> bool:
    return value is not None and forms.spelled(value, allowed) is None


def fill(world: World, write: Write) -> Document:
    """The account as it will be answered; keys are kept in `_keys`."""
    document = forms.writable(write.merged)
    before = (write.previous or {}).get("properties") or {}
    sku = forms.spelled(document["sku"]["name"], _SKUS) or ""
    kind = forms.spelled(document["kind"], _KINDS) or ""
    place = forms.normal_location(document.get("location") or (write.previous or {}).get("location", ""))
    keys = (write.previous or {}).get("_keys") or [_key(n, forms.stamp(write.now)) for n in ("key1", "key2")]
    properties = forms.without(document["properties"], _READ_ONLY)
    for path in _FIXED[:3]:
        if properties.get(path) is None and path in before:
            properties[path] = before[path]
    created = before.get("creationTime", forms.stamp(write.now))
    properties = forms.filled(properties, _defaults(kind, write.api_version, created))
    for path, allowed in _CHOICES.items():
        *parents, last = path.split(".")
        at = forms.lookup(properties, ".".join(parents)) if parents else properties
        if isinstance(at, dict) and last in at:
            at[last] = forms.spelled(at[last], allowed)
    properties |= {
        "creationTime": created,
        "keyCreationTime": {k["keyName"]: k["creationTime"] for k in keys},
    }
    properties |= _places(write.target.name, place, sku, kind)
    _fill_key_source(properties["encryption"], write)
    document |= {
        "sku": {"name": sku, "tier": "Premium" if sku.startswith("Premium") else "Standard"},
        "kind": kind,
        "location": place,
        "tags": dict(document.get("tags") or {}),
        "properties": properties,
        "_keys": keys,
    }
    return {key: value for key, value in document.items() if value is not None}


def _fill_key_source(encryption: Document, write: Write) -> None:
    """A key of the customer's is shown with the version in use; without one there is nothing of a vault."""
    source = encryption.pop("keyvaultproperties", None) or encryption.pop("keyVaultProperties", None)
    if encryption["keySource"] != "Microsoft.Keyvault" or not isinstance(source, Mapping):
        return
    version = source.get("keyversion") or forms.guid("key", source.get("keyname")).replace("-", "")
    identifier = f"{str(source.get('keyvaulturi')).rstrip('/')}/keys/{source.get('keyname')}/{version}"
    encryption["keyvaultproperties"] = {
        **source,
        "currentVersionedKeyIdentifier": identifier,
        "lastKeyRotationTimestamp": forms.stamp(write.now),
        "currentVersionedKeyExpirationTimestamp": "1970-01-01T00:00:00.0000000Z",
    }


def _answer(world: World, document: Document, api_version: str) -> Document:
    """Older API versions do not know the newer fields."""
    hidden = [name for name, since in _SINCE.items() if api_version < since]
    return {**document, "properties": forms.without(document["properties"], hidden)}


def _defaults(kind: str, api_version: str, created: str) -> Document:
    service = {"keyType": "Account", "enabled": True, "lastEnabledTime": created}
    acls: Document = {
        "bypass": "AzureServices",
        "virtualNetworkRules": [],
        "ipRules": [],
        "defaultAction": "Allow",
    }
    defaults: Document = {
        "privateEndpointConnections": [],
        "networkAcls": {"ipv6Rules": [], **acls} if api_version >= "2024-01-01" else acls,
        "supportsHttpsTrafficOnly": api_version >= "2019-04-01",
        "encryption": {"services": {"file": service, "blob": service}, "keySource": "Microsoft.Storage"},
    }
    if api_version >= "2021-01-01":
        defaults |= {
            "minimumTlsVersion": "TLS1_0",
            "allowBlobPublicAccess": False,
            "allowCrossTenantReplication": False,
        }
    if kind in ("StorageV2", "BlobStorage"):
        defaults["accessTier"] = "Hot"
    return defaults


def _places(name: str, place: str, sku: str, kind: str) -> Document:
    services = {
        "Storage": ("blob", "queue", "table", "file"),
        "FileStorage": ("file",),
        "BlobStorage": ("dfs", "blob", "table"),
        "BlockBlobStorage": ("dfs", "web", "blob"),
    }.get(kind, ("dfs", "web", "blob", "queue", "table", "file"))
    zone = int(hashlib.sha256(place.encode()).hexdigest(), 16) % 40 + 1

    def endpoints(host: str, names: tuple[str, ...]) -> Document:
        middle = {"web": f"z{zone}.web"}
        return {s: f"https://{host}.{middle.get(s, s)}.core.windows.net/" for s in names}

    places: Document = {
        "primaryEndpoints": endpoints(name, services),
        "primaryLocation": place,
        "statusOfPrimary": "available",
    }
    replication = sku.split("_")[1]
    if replication in _GEO:
        places |= {"secondaryLocation": _PAIRS.get(place, place), "statusOfSecondary": "available"}
    if replication.startswith("RA"):
        places["secondaryEndpoints"] = endpoints(
            f"{name}-secondary", tuple(s for s in services if s != "file")
        )
    return places


def _key(name: str, created: str) -> Document:
    # Random: an account that is deleted and made again must not take the old account's keys.
    value = base64.b64encode(hashlib.sha512(uuid4().bytes).digest()).decode()
    return {"creationTime": created, "keyName": name, "value": value, "permissions": "FULL"}


def _list_keys(
    world: World, request: Request, target: ResourceId, document: Document
) -> tuple[Response, None]:
    if records.state(document, world.now()):
        message = "The storage account provisioning state must be 'Succeeded' before executing the operation."
        raise CloudError(409, "StorageAccountIsNotProvisioned", message)
    hidden = ("creationTime",) if request.query["api-version"] < _SINCE["keyCreationTime"] else ()
    return Response(200, {"keys": [forms.without(key, hidden) for key in document["_keys"]]}), None


def _regenerate(
    world: World, request: Request, target: ResourceId, document: Document
) -> tuple[Response, Document]:
    names = [key["keyName"] for key in document["_keys"]]
    wanted = forms.spelled((request.json() or {}).get("keyName"), names)
    if wanted is None:
        message = "Values for request parameters are invalid: keyName."
        raise CloudError(400, "InvalidValuesForRequestParameters", message)
    now = forms.stamp(world.now())
    keys = [_key(wanted, now) if key["keyName"] == wanted else key for key in document["_keys"]]
    document["_keys"] = keys
    document["properties"]["keyCreationTime"] = {key["keyName"]: key["creationTime"] for key in keys}
    return Response(200, {"keys": keys}), document


def _list_keys_read(world: World, request: Request) -> Response:
    """As the action; a route of its own because it changes nothing, and the journal should say so."""
    p = request.params
    scope = f"/subscriptions/{p['subscription']}/resourceGroups/{p['group']}"
    target = ResourceId(scope, ACCOUNTS, (p["account"],))
    authorization.require(world, actor.of(request), f"{ACCOUNTS}/listKeys/action", target.id)
    scopes.check(world, scope)
    return _list_keys(world, request, target, records.load(world, target.id))[0]


def _deleted(world: World, target: ResourceId, document: Document) -> None:
    blobs.forget(world, target.name)
    identity.forget(world, document)


def _check_availability(world: World, request: Request) -> Response:
    scope = f"/subscriptions/{request.params['subscription']}"
    authorization.require(world, actor.of(request), "Microsoft.Storage/checkNameAvailability/read", scope)
    body = request.json() or {}
    name = str(body.get("name", ""))
    if not _NAME.fullmatch(name):
        return Response(
            200,
            {
                "nameAvailable": False,
                "reason": "AccountNameInvalid",
                "message": _NAME_WORDS.format(name),
            },
        )
    if records.find(world, ACCOUNTS, name) is None:
        return Response(200, {"nameAvailable": True})
    message = f"The storage account named {name} is already taken."
    return Response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})


KINDS = (
    Kind(
        ACCOUNTS,
        check=check,
        fill=fill,
        answer=_answer,
        create=style("202 nobody +Location"),
        update=style("200 body"),
        deleted=_deleted,
        actions={"listKeys": Action(_list_keys), "regenerateKey": Action(_regenerate)},
    ),
)
ROUTES = (
    Route(
        "POST",
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/"
        "{account}/listKeys",
        _list_keys_read,
        write=False,
    ),
    Route(
        "POST",
        "/subscriptions/{subscription}/providers/Microsoft.Storage/checkNameAvailability",
        _check_availability,
        write=False,
    ),
)
