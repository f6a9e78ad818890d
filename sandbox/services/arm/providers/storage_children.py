"""What a storage account holds in ARM: its services, containers, shares, queues, tables, lifecycle policy.

A container made through the blob API is the same document as one made through ARM.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sandbox.service import CloudError
from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.storage import ACCOUNTS
from sandbox.services.storage import blobs
from sandbox.world import World

CONTAINERS = f"{ACCOUNTS}/blobServices/containers"

_SERVICES: Mapping[str, Mapping[str, Any]] = {
    "blobServices": {
        "cors": {"corsRules": []},
        "deleteRetentionPolicy": {"allowPermanentDelete": False, "enabled": False},
    },
    "fileServices": {
        "protocolSettings": {"smb": {}},
        "cors": {"corsRules": []},
        "shareDeleteRetentionPolicy": {"enabled": True, "days": 7},
    },
    "queueServices": {"cors": {"corsRules": []}},
    "tableServices": {"cors": {"corsRules": []}},
}
_DASHED = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
_ACCESS = ("None", "Container", "Blob")


def new_container(resource_id: str, name: str, properties: Mapping[str, Any], now: datetime) -> Document:
    """A container's document without the private fields of the ARM front."""
    sent = dict(properties)
    document: Document = {
        "deleted": False,
        "remainingRetentionDays": 0,
        "defaultEncryptionScope": sent.get("defaultEncryptionScope") or "$account-encryption-key",
        "denyEncryptionScopeOverride": bool(sent.get("denyEncryptionScopeOverride", False)),
        "publicAccess": forms.spelled(sent.get("publicAccess") or "None", _ACCESS),
        "leaseStatus": "Unlocked",
        "leaseState": "Available",
        "lastModifiedTime": _whole(now),
        "legalHold": {"hasLegalHold": False, "tags": []},
        "hasImmutabilityPolicy": False,
        "hasLegalHold": False,
    }
    if sent.get("metadata"):
        document["metadata"] = sent["metadata"]
    return {
        "id": resource_id,
        "name": name,
        "type": CONTAINERS,
        "etag": _etag(resource_id, now),
        "properties": document,
    }


def _whole(now: datetime) -> str:
    return f"{now:%Y-%m-%dT%H:%M:%S}.0000000Z"


def _etag(resource_id: str, now: datetime) -> str:
    return f'"0x{hashlib.sha256(f"{resource_id}{now}".encode()).hexdigest()[:15].upper()}"'


def _named(pattern: re.Pattern[str], noun: str) -> Callable[[World, Write], None]:
    def check(world: World, write: Write) -> None:
        if not pattern.fullmatch(write.target.name) and write.target.name not in ("$root", "$web", "$logs"):
            message = f"The specified resource name contains invalid characters. {noun}: {write.target.name}"
            raise CloudError(400, "InvalidResourceName", message)

    return check


def _check_container(world: World, write: Write) -> None:
    _named(_DASHED, "Container")(world, write)
    access = (write.merged.get("properties") or {}).get("publicAccess")
    if access is not None and forms.spelled(access, _ACCESS) is None:
        message = "Values for request parameters are invalid: publicAccess."
        raise CloudError(400, "InvalidValuesForRequestParameters", message)
    account = records.get(world, write.target.parent.parent.id)  # type: ignore[union-attr]
    if (
        account
        and str(access or "none").lower() != "none"
        and not account["properties"].get("allowBlobPublicAccess")
    ):
        raise CloudError(
            409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account."
        )


def _fill_container(world: World, write: Write) -> Document:
    properties = write.merged.get("properties") or {}
    return new_container(write.target.id, write.target.name, properties, write.now)


def _deleted_container(world: World, target: ResourceId, document: Document) -> None:
    blobs.forget(world, target.names[0], target.name)


def _stored_container(world: World, write: Write, document: Document) -> None:
    blobs.make(world, write.target.names[0], write.target.name)


def _put_container(world: World, document: Document, write: Write) -> Document:
    """The PUT's own answer shows only what was sent, and what has no default."""
    shown = forms.without(document, ("_none",))
    names = (
        "deleted",
        "remainingRetentionDays",
        *(write.body.get("properties") or {}),
        "hasImmutabilityPolicy",
    )
    shown["properties"] = {k: v for k, v in document["properties"].items() if k in (*names, "hasLegalHold")}
    return shown


def _service(service: str) -> Kind:
    defaults = _SERVICES[service]

    def check(world: World, write: Write) -> None:
        if write.target.name.lower() != "default":
            message = f"The value '{write.target.name}' is not allowed for property {service}."
            raise CloudError(400, "InvalidRequestPropertyValue", message)

    def absent(world: World, target: ResourceId) -> Document | None:
        if target.name.lower() != "default":
            return None
        properties = forms.filled({}, defaults)
        return {"id": target.id, "name": "default", "type": target.type, "properties": properties}

    def fill(world: World, write: Write) -> Document:
        sent = dict(write.merged.get("properties") or {})
        if service == "blobServices":
            _fill_tracking(sent)
        kept = {k: v for k, v in forms.filled(sent, {"cors": {"corsRules": []}}).items() if v is not None}
        missing = {k: v for k, v in defaults.items() if k not in kept}
        return {"properties": {**forms.filled(missing, {}), **kept}}

    def answer(world: World, document: Document, api_version: str) -> Document:
        if service not in ("blobServices", "fileServices"):
            return document
        account = records.get(world, document["id"].rsplit("/", 2)[0])
        shown = {"sku": account["sku"] if account else None, **document}
        if service == "blobServices":
            shown["properties"] = _read_again(shown["properties"], api_version)
        return shown

    def put_answer(world: World, document: Document, write: Write) -> Document:
        kept = (records.get(world, write.target.id) or {}).get("properties", {})
        return {**forms.without(document, ("sku",)), "properties": kept}

    return Kind(
        f"{ACCOUNTS}/{service}",
        check=check,
        fill=fill,
        answer=answer,
        put_answer=put_answer,
        absent=absent,
        create=style("200 body"),
        update=style("200 body"),
        tracked=False,
        state=False,
    )


def _read_again(properties: Document, api_version: str) -> Document:
    """A GET adds to what the PUT answered: an empty text in empty header lists, a flag of the soft delete."""
    shown: Document = forms.filled(properties, {})
    for rule in shown.get("cors", {}).get("corsRules", ()):
        for key in ("exposedHeaders", "allowedHeaders"):
            rule[key] = rule.get(key) or [""]
    if api_version >= "2021-06-01" and "deleteRetentionPolicy" in shown:
        shown["deleteRetentionPolicy"] = {"allowPermanentDelete": False, **shown["deleteRetentionPolicy"]}
    return shown


def _fill_tracking(sent: Document) -> None:
    policy = sent.get("lastAccessTimeTrackingPolicy")
    if isinstance(policy, dict) and policy.get("enable"):
        extra = {"name": "AccessTimeTracking", "trackingGranularityInDays": 1, "blobType": ["blockBlob"]}
        sent["lastAccessTimeTrackingPolicy"] = {**extra, **policy}
    elif "lastAccessTimeTrackingPolicy" in sent:
        del sent["lastAccessTimeTrackingPolicy"]


def _fill_share(world: World, write: Write) -> Document:
    account = records.get(world, write.target.parent.parent.id) or {}  # type: ignore[union-attr]
    premium = (account.get("sku") or {}).get("tier") == "Premium"
    defaults: Document = {
        "leaseStatus": "unlocked",
        "leaseState": "available",
        "signedIdentifiers": [],
        "enabledProtocols": "SMB",
        "accessTier": "Premium" if premium else "TransactionOptimized",
        "shareQuota": 100 if premium else 5120,
        "accessTierChangeTime": _whole(write.now),
    }
    properties = forms.filled(write.merged.get("properties") or {}, defaults)
    properties["lastModifiedTime"] = _whole(write.now)
    return {"etag": _etag(write.target.id, write.now), "properties": properties}


def _fill_queue(world: World, write: Write) -> Document:
    return {"properties": {"metadata": dict((write.merged.get("properties") or {}).get("metadata") or {})}}


def _answer_queue(world: World, document: Document, api_version: str) -> Document:
    return {**document, "properties": {**document["properties"], "approximateMessageCount": 0}}


def _put_queue(world: World, document: Document, write: Write) -> Document:
    return {**document, "properties": forms.without(document["properties"], ("approximateMessageCount",))}


def _fill_table(world: World, write: Write) -> Document:
    return {"properties": {"tableName": write.target.name, "signedIdentifiers": []}}


def _check_policy(world: World, write: Write) -> None:
    rules = forms.lookup(write.merged, "properties.policy.rules")
    if write.target.name.lower() != "default":
        message = f"The value '{write.target.name}' is not allowed for property managementPolicyName."
        raise CloudError(400, "InvalidRequestPropertyValue", message)
    if not isinstance(rules, list) or not rules:
        message = "Values for request parameters are invalid: policy.rules."
        raise CloudError(400, "InvalidValuesForRequestParameters", message)


def _fill_policy(world: World, write: Write) -> Document:
    policy = _floats(write.merged["properties"]["policy"])
    policy["rules"] = [{"enabled": True, **rule} for rule in policy["rules"]]
    return {
        "name": "DefaultManagementPolicy",
        "properties": {"policy": policy, "lastModifiedTime": forms.stamp(write.now)},
    }


def _floats(value: Any) -> Any:
    """Days come back as 30.0, keys that hold null vanish."""
    if isinstance(value, Mapping):
        return {k: _floats(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _answer_policy(world: World, document: Document, api_version: str) -> Document:
    return {**document, "name": "DefaultManagementPolicy"}


def _missing(code: str, words: Callable[[ResourceId], str]) -> Callable[[ResourceId], CloudError]:
    """What the provider itself says of a child that is not there."""
    return lambda target: CloudError(404, code, words(target))


def _data_words(text: str) -> Callable[[ResourceId], str]:
    return lambda target: f"{text}\nRequestId:{forms.guid(target.id)}"


_PLAIN: Mapping[str, Any] = {"tracked": False, "state": False}

KINDS = (
    *(_service(name) for name in _SERVICES),
    Kind(
        CONTAINERS,
        check=_check_container,
        fill=_fill_container,
        stored=_stored_container,
        deleted=_deleted_container,
        put_answer=_put_container,
        **_PLAIN,
        missing=_missing("ContainerNotFound", _data_words("The specified container does not exist.")),
    ),
    Kind(
        f"{ACCOUNTS}/fileServices/shares",
        check=_named(_DASHED, "Share"),
        fill=_fill_share,
        **_PLAIN,
        missing=_missing("ShareNotFound", _data_words("The specified share does not exist.")),
    ),
    Kind(
        f"{ACCOUNTS}/queueServices/queues",
        check=_named(_DASHED, "Queue"),
        fill=_fill_queue,
        answer=_answer_queue,
        put_answer=_put_queue,
        create=style("200 body"),
        delete=style("204 nobody"),
        **_PLAIN,
        missing=_missing("QueueNotFound", _data_words("The specified queue does not exist.")),
    ),
    Kind(
        f"{ACCOUNTS}/tableServices/tables",
        check=_named(_TABLE, "Table"),
        fill=_fill_table,
        create=style("200 body"),
        delete=style("204 nobody"),
        **_PLAIN,
        missing=_missing("TableNotFound", _data_words("The table specified does not exist.")),
    ),
    Kind(
        f"{ACCOUNTS}/managementPolicies",
        check=_check_policy,
        fill=_fill_policy,
        answer=_answer_policy,
        create=style("200 body"),
        **_PLAIN,
        missing=_missing(
            "ManagementPolicyNotFound", lambda t: f"No ManagementPolicy found for account {t.names[0]}"
        ),
    ),
)
