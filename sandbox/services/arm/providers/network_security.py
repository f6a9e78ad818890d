"""Microsoft.Network/networkSecurityGroups with their security rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.services.arm import records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.network import NETWORKS
from sandbox.services.arm.providers.network_family import (
    CHILD,
    PARENT,
    children,
    embedded,
    enveloped,
    error,
    etag,
    named_once,
    replace,
)
from sandbox.services.arm.providers.network_rules import default_security_rules, filled_rule
from sandbox.world import World

GROUPS = "Microsoft.Network/networkSecurityGroups"


def _check_group(world: World, write: Write) -> None:
    rules = (write.merged.get("properties") or {}).get("securityRules")
    for rule in named_once(rules, "securityRules", write.target):
        _check_rule_body(write.target.child("securityRules", str(rule["name"])), rule.get("properties"))


def _check_rule(world: World, write: Write) -> None:
    _check_rule_body(write.target, write.merged.get("properties"))
    parent = write.target.parent
    assert parent is not None
    sent = write.merged["properties"]
    for other in children(world, parent.id, f"{GROUPS}/securityRules"):
        same = all(other["properties"].get(key) == sent.get(key) for key in ("priority", "direction"))
        if same and other["name"].lower() != write.target.name.lower():
            raise error(
                "SecurityRuleConflict",
                f"Security rule {write.target.name} conflicts with rule {other['name']}. Rules cannot have "
                "the same "
                "Priority and Direction.",
            )


def _check_rule_body(target: ResourceId, properties: Any) -> None:
    sent = properties if isinstance(properties, Mapping) else {}
    missed = [key for key in ("protocol", "access", "direction", "priority") if sent.get(key) is None]
    if missed:
        message = f"Required security rule parameters are missing for security rule with Id: {target.id}. "
        raise error("SecurityRuleParameterNotSpecified", f"{message}Missing parameters: {', '.join(missed)}.")
    priority = sent["priority"]
    if not isinstance(priority, int) or not 100 <= priority <= 4096:
        message = f"Security rule has invalid priority. Value provided: {priority}. Allowed range 100-4096."
        raise error("SecurityRuleInvalidPriority", message)


def _fill_group(world: World, write: Write) -> Document:
    guid = ((write.previous or {}).get("properties") or {}).get("resourceGuid")
    return enveloped(write, {"resourceGuid": guid or forms.guid("nsg", write.target.id, write.now)})


def _store_group(world: World, write: Write, document: Document) -> None:
    replace(world, write, "securityRules", lambda child, sent: filled_rule(sent))


def _answer_group(world: World, document: Document, api_version: str) -> Document:
    rules = embedded(world, document["id"], f"{GROUPS}/securityRules")
    used = [
        {"id": one["id"]}
        for one in records.of_type(world, f"{NETWORKS}/subnets")
        if str(forms.lookup(one, "properties.networkSecurityGroup.id")).lower() == document["id"].lower()
    ]
    lists: Document = {
        "securityRules": rules,
        "defaultSecurityRules": default_security_rules(document["id"], document["etag"]),
    }
    return {
        **document,
        "properties": {**document["properties"], **lists, **({"subnets": used} if used else {})},
    }


def _check_unused(world: World, target: ResourceId, document: Document) -> None:
    used = [one["id"] for one in _answer_group(world, document, "")["properties"].get("subnets", ())]
    if used:
        raise error(
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {target.id} cannot be deleted because it is in use by the following "
            "resources: "
            f"{', '.join(used)}. In order to delete the Network security group, remove the association with "
            "the "
            "resource(s). To learn how to do this, see aka.ms/deletensg.",
        )


def _fill_rule(world: World, write: Write) -> Document:
    return {"etag": etag(write.target.id, write.now), "properties": filled_rule(write.merged["properties"])}


KINDS = (
    Kind(
        GROUPS,
        check=_check_group,
        fill=_fill_group,
        stored=_store_group,
        answer=_answer_group,
        check_delete=_check_unused,
        **PARENT,
    ),
    Kind(f"{GROUPS}/securityRules", check=_check_rule, fill=_fill_rule, **CHILD),
)
