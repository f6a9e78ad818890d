"""What a write would lose, what is a secret, what only Azure knows, what is ignored."""

import json
import time
from typing import Any

from reconciler.armtemplate import Unknown
from reconciler.diff import compare, explain
from reconciler.resource import Secret
from reconciler.rules import for_type, masked

ANY = for_type("Contoso.Any/things")
VAULT = for_type("Microsoft.KeyVault/vaults")
NETWORK = for_type("Microsoft.Network/virtualNetworks")


def network(*subnets: str, **more: Any) -> dict[str, Any]:
    return {"properties": {"subnets": [{"name": name} for name in subnets], **more}}


def test_a_setting_made_by_hand_since_our_write_is_listed_and_what_azure_added_is_not() -> None:
    applied, baseline = {"sku": {"name": "S"}}, {"sku": {"name": "S"}, "mode": "auto", "etag": "1"}
    live = {**baseline, "mode": "manual", "extra": {"deep": 1}, "etag": "2"}
    found = compare(applied, live, ANY, applied=applied, baseline=baseline)
    assert found.changes == ()
    assert [(each.path, each.live) for each in found.resets] == [("mode", "manual"), ("extra.deep", 1)]


def test_a_subnet_made_by_another_call_is_drift_and_a_reset() -> None:
    found = compare(network("a"), network("a", "b"), NETWORK, applied=network("a"), baseline=network("a"))
    assert [(each.path, each.cause.value) for each in found.changes] == [("properties.subnets[b]", "drift")]
    assert [each.path for each in found.resets] == ["properties.subnets[b]"]


def test_subnets_of_a_network_that_desired_does_not_list_are_resets_alone() -> None:
    desired = {"properties": {}}
    found = compare(desired, network("b"), NETWORK, applied=desired, baseline={"properties": {"subnets": []}})
    assert found.changes == ()
    assert [each.path for each in found.resets] == ["properties.subnets[b]"]


def test_adopting_lists_settings_but_no_defaults_and_nothing_that_is_azures_own() -> None:
    live = {
        "id": "/x",
        "tags": {"owner": "me", "reconciler": "dev"},
        "properties": {"enableSoftDelete": True, "vaultUri": "https://x", "enablePurgeProtection": True},
    }
    found = compare({"properties": {}}, live, VAULT)
    assert {each.path for each in found.resets} == {"tags.owner", "properties.enablePurgeProtection"}


def test_the_ownership_mark_is_neither_change_nor_reset() -> None:
    found = compare({"tags": {"reconciler": "dev"}}, {"tags": {}}, ANY)
    assert (found.changes, found.resets) == ((), ())
    assert compare({}, {"tags": {"reconciler": "dev"}}, ANY).resets == ()


def test_an_unknown_is_never_a_change() -> None:
    found = compare({"a": Unknown("reference('x').y"), "b": {"c": Unknown("z")}}, {"a": "live"}, ANY)
    assert found.changes == ()
    assert {(each.path, each.rule) for each in found.equal} == {("a", "unknown"), ("b", "unknown")}


def test_no_secret_is_in_any_part_of_a_comparison() -> None:
    desired = {"x": Secret("f1"), "list": [{"name": "n", "deep": Secret("f2")}], "adminPassword": "TOP-1"}
    live = {"x": "TOP-2", "list": "TOP-3", "adminPassword": "TOP-4", "new": {"password": "TOP-5"}}
    for applied in (None, {"x": Secret("f0"), "list": [], "adminPassword": "TOP-6"}):
        found = compare(desired, live, ANY, applied=applied, baseline={} if applied else None)
        assert found.changes
        assert "TOP" not in repr(found)


def test_a_secret_that_git_drops_shows_no_live_value() -> None:
    found = compare({}, {"x": "TOP"}, ANY, applied={"x": Secret("f")}, baseline={"x": "TOP"})
    assert [each.path for each in found.changes] == ["x"]
    assert "TOP" not in repr(found)


def test_masked_keeps_no_secret_and_shows_whether_it_moved() -> None:
    key = b"k"
    read = {"adminPassword": "TOP", "sas": "TOP", "mask": "****", "plain": 1}
    kept = masked(read, ANY, key, paths=["sas"])
    assert "TOP" not in json.dumps(kept)
    assert (kept["mask"], kept["plain"]) == ("****", 1)
    again = masked({**read, "adminPassword": "OTHER"}, ANY, key, paths=["sas"])
    assert again["adminPassword"] != kept["adminPassword"]
    assert again["sas"] == kept["sas"]
    found = compare({"adminPassword": "NEW"}, read, ANY, applied={"adminPassword": "NEW"}, baseline=kept)
    assert found.changes == (), "a hash cannot be held against a plain value"


def test_with_the_key_a_secret_changed_behind_our_back_is_drift() -> None:
    key, read = b"k", {"parameter": "TOP-1", "adminPassword": "TOP-1"}
    sent = {"parameter": Secret("f"), "adminPassword": "TOP-1"}
    kept = masked(read, ANY, key, paths=["parameter"])
    assert compare(sent, read, ANY, applied=sent, baseline=kept, key=key).changes == ()
    moved = {"parameter": "TOP-2", "adminPassword": "TOP-2"}
    found = compare(sent, moved, ANY, applied=sent, baseline=kept, key=key)
    assert [(each.path, each.cause.value) for each in found.changes] == [
        ("parameter", "drift"),
        ("adminPassword", "drift"),
    ]
    assert "TOP" not in repr(found)


def test_a_secure_string_is_a_secret_by_its_form() -> None:
    value = {"any": {"type": "SecureString", "value": "TOP"}}
    assert "TOP" not in json.dumps(masked(value, ANY, b"k"))
    assert compare(value, {}, ANY).changes == ()
    found = compare(value, {"any": {"type": "SecureString", "value": "**********"}}, ANY)
    assert (found.changes, [each.rule for each in found.equal]) == ((), ["masked"])
    shown = compare({"list": [{**value, "more": 1}]}, {"list": []}, ANY)
    assert [change.path for change in shown.changes] == ["list[0]"]
    assert "TOP" not in repr(shown)


def test_ignored_paths_are_listed_as_equal() -> None:
    found = compare(
        {"tags": {"cost": "1", "team": "a"}}, {"tags": {"cost": "2", "team": "b"}}, ANY, ignore=["tags.cost"]
    )
    assert [each.path for each in found.changes] == ["tags.team"]
    assert [(each.path, each.rule) for each in found.equal] == [("tags.cost", "ignore")]


def test_immutable_and_forced_come_from_rules() -> None:
    (change,) = compare({"location": "eastus"}, {"location": "westus"}, VAULT).changes
    assert change.immutable
    forced = compare(
        {"properties": {"enableSoftDelete": False}}, {"properties": {"enableSoftDelete": True}}, VAULT
    )
    assert forced.changes == ()
    assert [each.reason for each in forced.not_accepted] == ["notAccepted"]


def test_explain_tells_reasons_and_rules() -> None:
    told = explain("T/t", {"a": 1, "b": 2, "c": "X"}, {"a": 2, "c": "x"})
    assert told == {
        "changes": [
            {"path": "a", "desired": 1, "live": 2, "reason": "notAccepted"},
            {"path": "b", "desired": 2, "reason": "missing"},
        ],
        "equal": [{"path": "c", "rule": "case"}],
    }
    drift = explain("T/t", {"a": 1, "b": 2}, {"a": 2, "b": 3}, {"a": 1, "b": 3})
    assert [(each["path"], each["reason"]) for each in drift["changes"]] == [
        ("a", "drift"),
        ("b", "notAccepted"),
    ]


def test_a_new_api_version_voids_the_baseline_and_is_no_drift() -> None:
    found = compare({"a": 1}, {"a": 2}, ANY, applied={"a": 1}, baseline=None)
    assert found.changes == ()
    assert [each.reason for each in found.not_accepted] == ["notAccepted"]


def test_time_grows_linearly_with_fields_and_items() -> None:
    def seconds(size: int) -> float:
        items = [{"id": number, "same": "x", "values": {"v": f"value {number}"}} for number in range(size)]
        body = {"map": {f"Key{number}": number for number in range(size)}, "items": items}
        live = {"map": {f"key{number}": number for number in range(size)}, "items": items[1:][::-1]}
        start = time.process_time()
        found = compare(body, live, ANY, applied=body, baseline=live)
        assert len(found.changes) + len(found.not_accepted) == 1
        return time.process_time() - start

    seconds(100)
    small, large = min(seconds(500) for _ in range(3)), min(seconds(4000) for _ in range(2))
    assert large < 30 * small
