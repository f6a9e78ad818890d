"""Which item of a list is which, and under which path a list's change is told."""

from typing import Any

import pytest

from reconciler.diff import compare
from reconciler.rules import for_type

ANY = for_type("Contoso.Any/things")
NOT = "notAccepted"


def told(desired: Any, live: Any, rules: Any = ANY) -> list[tuple[str, str]]:
    return [(change.path, change.reason) for change in compare({"l": desired}, {"l": live}, rules).changes]


@pytest.mark.parametrize(
    ("desired", "live", "expected"),
    [
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}, {"name": "A"}], []),
        ([{"name": "a", "v": 1}], [{"name": "a", "v": 2}], [("l[a].v", NOT)]),
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}], [("l[a]", "missing")]),
        ([{"name": "a"}], [{"name": "a"}, {"name": "x.y"}], [("l[x.y]", NOT)]),
        ([{"name": "a"}, {"name": "a"}], [{"name": "a"}], [("l[1]", "missing")]),
        (["a", "b", "c"], ["b", "c"], [("l[0]", "missing")]),
        (["a", "c"], ["a", "b", "c"], [("l[1]", NOT)]),
        (["a", "b"], ["b", "a"], []),
        (["a", "b"], ["a", "x"], [("l[1]", NOT)]),
        ([{"k": 1, "v": 1}, {"k": 2, "v": 1}], [{"k": 2, "v": 1}], [("l[0]", "missing")]),
        (
            [{"k": 1, "v": 1}, {"k": 2, "v": 2}],
            [{"k": 2, "v": 3}, {"k": 1, "v": 1}],
            [("l[1].v", NOT)],
        ),
        ([[1, 2], [3, 4]], [[3, 4], [1, 2]], []),
        ([], ["a"], [("l[0]", NOT)]),
        (["a"], [], [("l[0]", "missing")]),
        (["a", "a"], ["a"], [("l[1]", "missing")]),
    ],
)
def test_items_are_paired_by_name_or_likeness(desired: Any, live: Any, expected: Any) -> None:
    assert told(desired, live) == expected


def test_the_order_of_a_command_matters_and_that_of_other_lists_is_told_as_equal() -> None:
    swapped = compare({"command": ["a", "b"]}, {"command": ["b", "a"]}, ANY)
    assert [change.path for change in swapped.changes] == ["command"]
    other = compare({"zones": ["1", "2"]}, {"zones": ["2", "1"]}, ANY)
    assert other.changes == ()
    assert [(each.path, each.rule) for each in other.equal] == [("zones", "order")]


def test_regions_are_known_by_their_name_in_any_form() -> None:
    live = {"targetRegions": [{"name": "West US", "replicas": 2}]}
    assert compare({"targetRegions": [{"name": "westus", "replicas": 2}]}, live, ANY).changes == ()
    (change,) = compare({"targetRegions": [{"name": "westus", "replicas": 1}]}, live, ANY).changes
    assert change.path == "targetRegions[westus].replicas"


def test_access_policies_are_known_by_tenant_and_principal() -> None:
    def policy(principal: str, *keys: str) -> dict[str, Any]:
        return {"tenantId": "t", "objectId": principal, "permissions": {"keys": list(keys)}}

    rules = for_type("microsoft.keyvault/VAULTS")
    desired = {"properties": {"accessPolicies": [policy("a", "get"), policy("b", "get")]}}
    live = {"properties": {"accessPolicies": [policy("b", "Get"), policy("c", "get"), policy("a", "list")]}}
    assert [change.path for change in compare(desired, live, rules).changes] == [
        "properties.accessPolicies[t,a].permissions.keys[0]",
        "properties.accessPolicies[t,c]",
    ]


def test_an_item_that_azure_adds_itself_is_no_drift_and_one_that_came_later_is() -> None:
    desired = {"l": [{"name": "a"}]}
    added = {"l": [{"name": "a"}, {"name": "azure"}]}
    later = {"l": [{"name": "a"}, {"name": "azure"}, {"name": "hand"}]}
    found = compare(desired, later, ANY, applied=desired, baseline=added)
    assert [(each.path, each.cause.value) for each in found.changes] == [("l[hand]", "drift")]
    assert [(each.path, each.reason) for each in found.not_accepted] == [("l[azure]", NOT)]


def test_an_item_that_git_drops_is_removed_and_one_that_git_adds_is_a_commit() -> None:
    live = {"l": [{"name": "a"}, {"name": "old"}]}
    found = compare({"l": [{"name": "a"}, {"name": "new"}]}, live, ANY, applied=live, baseline=live)
    assert [(each.path, each.cause.value) for each in found.changes] == [
        ("l[new]", "commit"),
        ("l[old]", "removed"),
    ]
