"""A diff without noise: what Azure answered to a write, compared with what was sent, and no baseline."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from support.noise import labelled, pairs, plain, within
from support.recordings import CORPUS

from reconciler.diff import explain

pytestmark = pytest.mark.skipif(not CORPUS, reason="RECONCILER_CORPUS names no corpus")


def explained(pair: dict[str, Any], baseline: Any = None) -> dict[str, Any]:
    return explain(pair["resource_type"], pair["put_body"], pair["get_body"], baseline)


def test_what_came_back_with_additions_or_in_another_form_is_no_change() -> None:
    tried: Counter[str] = Counter()
    false = []
    for pair in pairs():
        if pair["level"] in ("additive", "normalised"):
            tried[pair["level"]] += 1
            false += [(pair["resource_type"], change) for change in explained(pair)["changes"]]
    print(f"\npairs tried: {dict(tried)}, false changes: {len(false)}")
    assert false == []
    assert tried["additive"] > 1000
    assert tried["normalised"] > 200


def test_what_came_back_different_is_told_or_known_by_a_rule_and_nothing_else_is_told() -> None:
    """Where an expected difference is not told, the answer names the rule under which it is equal."""
    told: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    silent, invented = [], []
    for pair in pairs():
        if pair["level"] != "lossy":
            continue
        found, labels = explained(pair), labelled(pair)
        changes = {plain(change["path"]): change["reason"] for change in found["changes"]}
        equal = {plain(each["path"]): each["rule"] for each in found["equal"]}
        for path, label in labels.items():
            if any(within(path, change) for change in changes):
                continue
            rule = next((rule for at, rule in equal.items() if within(path, at)), "")
            rules[f"{label}: {rule or 'none'}"] += 1
            if not rule:
                silent.append((pair["resource_type"], label, path))
        told.update(changes.values())
        invented += [
            (pair["resource_type"], path)
            for path in changes
            if not any(within(path, each) for each in labels)
        ]
    print(f"\ntold: {dict(told)}; not told, by rule: {dict(rules)}")
    assert invented == []
    # Items that the recorder paired otherwise than by what they hold.
    assert {type for type, _, _ in silent} <= {
        "Microsoft.EventHub/namespaces",
        "Microsoft.Sql/managedInstances/startStopSchedules",
    }, silent


def test_against_a_baseline_nothing_is_drift() -> None:
    for pair in pairs():
        reasons = Counter(change["reason"] for change in explained(pair, pair["get_body"])["changes"])
        assert not reasons.keys() - {"notAccepted", "missing"}, pair["resource_type"]


@pytest.mark.parametrize(
    ("type", "path", "reason"),
    [
        ("Microsoft.ServiceBus/namespaces", "properties.minimumTlsVersion", "notAccepted"),
        (
            "Microsoft.Compute/diskAccesses/privateEndpointConnections",
            "properties.privateLinkServiceConnectionState.status",
            "notAccepted",
        ),
        ("Microsoft.ManagedIdentity/userAssignedIdentities", "location", "notAccepted"),
        ("Microsoft.KeyVault/vaults", "properties.enableSoftDelete", "notAccepted"),
        ("Microsoft.Web/serverfarms", "sku.size", "notAccepted"),
        ("Microsoft.Compute/virtualMachineScaleSets/virtualmachines", "tags", "missing"),
    ],
)
def test_a_really_different_value_is_told(type: str, path: str, reason: str) -> None:
    found = [
        (change["path"], change["reason"])
        for pair in pairs()
        if pair["resource_type"] == type and pair["level"] == "lossy"
        for change in explained(pair)["changes"]
    ]
    assert (path, reason) in found
