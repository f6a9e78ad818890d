"""Microsoft.KeyVault/vaults: access models, soft delete, recover, purge; secrets as child resources.

Sources: the REST reference of vaults (control plane), learn.microsoft.com "access-control-default" for API
version 2026-02-01, recorded traffic for bodies, states and error codes. Secret values live with the data
plane (`sandbox.services.keyvault.secrets`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sandbox.clock import iso, parse_iso
from sandbox.service import CloudError
from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.services.keyvault import secrets
from sandbox.world import World

VAULTS = "Microsoft.KeyVault/vaults"
DELETED = "keyvault.deleted"

RBAC_BY_DEFAULT = "2026-02-01"
_NAME = re.compile(r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]")
PERMISSIONS: Mapping[str, tuple[str, ...]] = {
    "keys": (
        "all",
        "encrypt",
        "decrypt",
        "wrapKey",
        "unwrapKey",
        "sign",
        "verify",
        "get",
        "list",
        "create",
        "update",
        "import",
        "delete",
        "backup",
        "restore",
        "recover",
        "purge",
        "release",
        "rotate",
        "getrotationpolicy",
        "setrotationpolicy",
    ),
    "secrets": ("all", "get", "list", "set", "delete", "backup", "restore", "recover", "purge"),
    "certificates": (
        "all",
        "get",
        "list",
        "delete",
        "create",
        "import",
        "update",
        "managecontacts",
        "getissuers",
        "listissuers",
        "setissuers",
        "deleteissuers",
        "manageissuers",
        "recover",
        "purge",
        "backup",
        "restore",
    ),
    "storage": (
        "all",
        "get",
        "list",
        "delete",
        "set",
        "update",
        "regeneratekey",
        "recover",
        "purge",
        "backup",
        "restore",
        "setsas",
        "listsas",
        "getsas",
        "deletesas",
    ),
}
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_OPEN_RULES = ("ipRules", "virtualNetworkRules")


def check(world: World, write: Write) -> None:
    """Raise what the service refuses: VaultNameNotValid, VaultAlreadyExists, ConflictError …"""
    name, properties = write.target.name, write.merged.get("properties")
    if not _NAME.fullmatch(name):
        raise CloudError(
            400,
            "VaultNameNotValid",
            f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric "
            "characters. The "
            "name must begin with a letter, end with a letter or digit, and not contain consecutive hyphens. "
            "Follow "
            "this link for more information: https://go.microsoft.com/fwlink/?linkid=2147742",
        )
    if not isinstance(properties, Mapping):
        raise _bad("The parameter properties is not specified.")
    mode = str(properties.get("createMode") or "default").lower()
    if write.created:
        _check_free(world, write, mode)
    if mode == "recover" and write.created:
        return
    for parameter in ("tenantId", "sku"):
        if not properties.get(parameter):
            raise _bad(f"The parameter {parameter} is not specified.")
    if forms.spelled(forms.lookup(properties, "sku.name"), ("standard", "premium")) is None:
        raise _bad("An invalid value was provided for 'sku'.")
    policies = properties.get("accessPolicies")
    if policies is None and not _rbac(write):
        raise _bad("The parameter accessPolicies is not specified.")
    check_policies(policies or [])
    _check_protection(properties, (write.previous or {}).get("properties") or {})
    action = forms.lookup(properties, "networkAcls.defaultAction")
    if properties.get("networkAcls") and forms.spelled(action, ("Allow", "Deny")) is None:
        raise _bad("An invalid value was provided for 'networkAcls'.")


def check_policies(policies: Any) -> None:
    """Raise BadRequest for an access policy that the service does not take."""
    valid = (
        isinstance(policies, list) and len(policies) <= 1024 and all(_policy_valid(one) for one in policies)
    )
    if not valid:
        raise _bad("An invalid value was provided for 'accessPolicies'.")


def _policy_valid(policy: Any) -> bool:
    permissions = policy.get("permissions") if isinstance(policy, Mapping) else None
    if not isinstance(permissions, Mapping):
        return False
    if not all(_GUID.fullmatch(str(policy.get(key))) for key in ("objectId", "tenantId")):
        return False
    return all(
        forms.spelled(word, PERMISSIONS.get(kind, ())) is not None
        for kind, words in permissions.items()
        for word in words or ()
    )


def _check_free(world: World, write: Write, mode: str) -> None:
    name, deleted = write.target.name, settled(world, write.target.name)
    if records.find(world, VAULTS, name) is not None:
        raise _taken(name)
    if deleted is None:
        if mode == "recover":
            raise not_deleted(name)
        return
    if deleted["document"]["id"].lower() != write.target.key:
        raise _taken(name)
    if mode not in ("recover", "createorrecover"):
        raise CloudError(
            409,
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either recover or purge "
            "existing "
            "key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more "
            "information on soft "
            "delete.",
        )


def _check_protection(properties: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    if properties.get("enablePurgeProtection") is False:
        raise _bad(
            'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for '
            "a vault is an irreversible action."
        )
    days = properties.get("softDeleteRetentionInDays")
    if days is None:
        return
    if not isinstance(days, int) or not 7 <= days <= 90:
        raise _bad("An invalid value was provided for 'softDeleteRetentionInDays'.")
    if before and days != before.get("softDeleteRetentionInDays", secrets.RETENTION):
        raise _bad('The property "softDeleteRetentionInDays" has been set already and it can\'t be modified.')


def _rbac(write: Write) -> bool:
    sent = (write.merged.get("properties") or {}).get("enableRbacAuthorization")
    if sent is None and write.previous is not None:
        sent = write.previous["properties"].get("enableRbacAuthorization", False)
    return bool(write.api_version >= RBAC_BY_DEFAULT if sent is None else sent)


def fill(world: World, write: Write) -> Document:
    """The vault as it will be answered. A recovered vault is what it was when it was deleted."""
    mode = str(write.merged["properties"].get("createMode") or "default").lower()
    recovered = world.store.get(DELETED, write.target.name.lower()) if write.created else None
    if recovered is not None and mode in ("recover", "createorrecover"):
        kept: Document = {k: v for k, v in recovered["document"].items() if not k.startswith("_")}
        kept["systemData"] = _modified(kept["systemData"], write)
        return {**kept, "_recovered": True}
    before = (write.previous or {}).get("properties") or {}
    sent = forms.without(
        write.merged["properties"], ("createMode", "provisioningState", "vaultUri", "hsmPoolResourceId")
    )
    properties = {k: v for k, v in forms.filled(sent, _defaults(write.api_version)).items() if v is not None}
    properties["enableSoftDelete"] = True  # forced since 2021, whatever is sent
    # The retention is answered by default only where soft delete was not named (recorded both ways).
    if write.created and "enableSoftDelete" not in sent and write.api_version >= "2021-06-01":
        properties.setdefault("softDeleteRetentionInDays", secrets.RETENTION)
    # An existing vault keeps its access model unless it is named, and its retention for ever.
    for kept_name in ("enableRbacAuthorization", "softDeleteRetentionInDays", "enablePurgeProtection"):
        if kept_name not in properties and kept_name in before:
            properties[kept_name] = before[kept_name]
    if write.created and write.api_version >= RBAC_BY_DEFAULT:
        properties.setdefault("enableRbacAuthorization", True)
    properties["sku"] = {"family": "A", "name": str(sent["sku"]["name"]).lower()}
    policies = sent.get("accessPolicies")
    if policies is None:
        policies = before.get("accessPolicies", []) if mode == "recover" else []
    properties["accessPolicies"] = [_policy(one) for one in policies]
    acls = _network(properties.pop("networkAcls", None))
    if acls:
        properties["networkAcls"] = acls
    if "publicNetworkAccess" in properties:
        access = forms.spelled(properties["publicNetworkAccess"], ("Enabled", "Disabled"))
        properties["publicNetworkAccess"] = access or "Enabled"
    properties["vaultUri"] = f"https://{write.target.name.lower()}.vault.azure.net/"
    return {
        "location": forms.normal_location(
            write.merged.get("location") or (write.previous or {}).get("location", "")
        ),
        "tags": dict(write.merged.get("tags") or {}),
        "systemData": _modified((write.previous or {}).get("systemData"), write),
        "properties": properties,
    }


def _defaults(api_version: str) -> Document:
    defaults: Document = {"enabledForDeployment": False, "publicNetworkAccess": "Enabled"}
    if api_version >= "2024-11-01":
        defaults |= {"enabledForDiskEncryption": False, "enabledForTemplateDeployment": False}
    return defaults


def _policy(policy: Mapping[str, Any]) -> Document:
    ids = {
        key: str(policy[key]).lower() for key in ("tenantId", "objectId", "applicationId") if policy.get(key)
    }
    permissions = {kind: list(words) for kind, words in policy["permissions"].items() if words is not None}
    return {**ids, "permissions": permissions}


def _network(acls: Any) -> Document | None:
    """Rules that let everyone in are not kept: the answer has no `networkAcls` then (118 of 118 recorded)."""
    if not isinstance(acls, Mapping):
        return None
    rules = {key: list(acls.get(key) or []) for key in _OPEN_RULES}
    open_to_all = str(acls.get("defaultAction")).lower() == "allow" and not any(rules.values())
    if open_to_all and str(acls.get("bypass") or "AzureServices").lower() == "azureservices":
        return None
    rules["virtualNetworkRules"] = [
        {**rule, "id": str(rule["id"]).lower()} for rule in rules["virtualNetworkRules"]
    ]
    ips = [
        {"value": one["value"] if "/" in one["value"] else f"{one['value']}/32"} for one in rules["ipRules"]
    ]
    action = forms.spelled(acls.get("defaultAction"), ("Allow", "Deny"))
    return {"bypass": acls.get("bypass") or "AzureServices", "defaultAction": action, **rules, "ipRules": ips}


def _modified(before: Mapping[str, Any] | None, write: Write) -> Document:
    who = write.caller.object_id if write.caller else ""
    at = f"{write.now:%Y-%m-%dT%H:%M:%S}.{write.now.microsecond // 1000:03d}Z"
    made = {key: (before or {}).get(key) for key in ("createdBy", "createdByType", "createdAt")}
    if not before:
        made = {"createdBy": who, "createdByType": "Application", "createdAt": at}
    return {**made, "lastModifiedBy": who, "lastModifiedByType": "Application", "lastModifiedAt": at}


def _stored(world: World, write: Write, document: Document) -> None:
    if write.created and document.pop("_recovered", None):
        world.store.delete(DELETED, write.target.name.lower())
        records.save(world, document)


def _put_answer(world: World, document: Document, write: Write) -> Document:
    if not write.created:
        return document
    # The name is not in the DNS yet: the creating answer says so, and has the URI without its closing slash.
    uri = document["properties"]["vaultUri"].rstrip("/")
    return {
        **document,
        "properties": {**document["properties"], "vaultUri": uri, "provisioningState": "RegisteringDns"},
    }


def _deleted(world: World, target: ResourceId, document: Document) -> None:
    days = document["properties"].get("softDeleteRetentionInDays", secrets.RETENTION)
    now = world.now()
    entry = {
        "document": document,
        "deletionDate": iso(now),
        "scheduledPurgeDate": iso(now + timedelta(days=days)),
    }
    world.store.put(DELETED, target.name.lower(), entry)


def settled(world: World, name: str) -> Document | None:
    """The entry of a deleted vault; None, and gone for good, once its scheduled purge date has passed."""
    entry = world.store.get(DELETED, name.lower())
    if entry and parse_iso(entry["scheduledPurgeDate"]) <= world.now():
        world.store.delete(DELETED, name.lower())
        secrets.purge_vault(world, name)
        return None
    return entry


def not_deleted(name: str) -> CloudError:
    return CloudError(
        404,
        "DeletedVaultNotFound",
        f"The specified deleted vault '{name}' does not exist. Ensure that the vault was indeed deleted and "
        "that it is "
        "in recoverable state. If soft delete was not enabled then the vault is permanently deleted. Follow "
        "this link "
        "for more information: https://go.microsoft.com/fwlink/?linkid=2149745",
    )


def _taken(name: str) -> CloudError:
    return CloudError(
        409,
        "VaultAlreadyExists",
        f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that "
        "the name is "
        "already taken. If you are sure that the vault name was not taken then it is possible that a vault "
        "with the "
        "same name was recently deleted but not purged after being placed in a recoverable state. If the "
        "vault is in a "
        "recoverable state then the vault will need to be purged before reusing the name. For more "
        "information about "
        "VaultAlreadyExists, soft delete and purging a vault follow this link "
        "https://go.microsoft.com/fwlink/?linkid=2147740.",
    )


def _bad(message: str) -> CloudError:
    return CloudError(400, "BadRequest", message)


KINDS = (
    Kind(
        VAULTS,
        check=check,
        fill=fill,
        stored=_stored,
        put_answer=_put_answer,
        deleted=_deleted,
        create=style("200 body"),
        update=style("200 body"),
    ),
)
