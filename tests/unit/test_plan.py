"""The plan as a whole: order, what is missing, what is pruned or orphaned, limits, its bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from support.graphs import absent, ago, entry, half, key, keys, present, resource, seen, state
from support.memory import NOW

from reconciler.change import Action
from reconciler.errors import StalePlan, UnsafePlan
from reconciler.graph import Graph
from reconciler.plan import Plan, make
from reconciler.policy import Acknowledgement, Policy
from reconciler.record import Entry, Intent, State, Trouble
from reconciler.resource import Key, Observation, Resource, Status

ACCOUNT = "Microsoft.Storage/storageAccounts"


def plan(
    wanted: list[Resource],
    sights: list[Observation],
    recorded: list[Entry] | None = None,
    policy: Policy | None = None,
    **said: Any,
) -> Plan:
    recorded = recorded or []
    return make(
        Graph(wanted),
        seen(*sights),
        said.pop("state", None) or state(*recorded),
        policy or Policy(resets_allowed=True),
        environment="test",
        commit="c1",
        now=NOW,
        **said,
    )


def done(made: Plan) -> list[str]:
    return [f"{change.action} {change.key.name}" for change in made.changes]


def held(made: Plan) -> dict[str, str]:
    return {each.key.name: each.code for each in (*made.blocked, *made.waiting)}


def test_writes_come_in_the_order_of_needs_and_deletes_reversed_after_them() -> None:
    made = plan(
        [resource("b", "a"), resource("a"), resource("c", "b")],
        [absent("a"), absent("b"), absent("c"), present("x"), present("y"), present("z")],
        [entry("x"), entry("y", "x"), entry("z", "y")],
    )
    assert done(made) == ["create a", "create b", "create c", "delete z", "delete y", "delete x"]


def test_what_was_not_read_is_blocked_and_nothing_is_made_or_deleted() -> None:
    made = plan([resource("a")], [], [entry("old")])
    assert (done(made), held(made)) == ([], {"a": "unreadable", "old": "unreadable"})


@pytest.mark.parametrize(
    ("parent", "recorded", "codes"),
    [
        (Observation(key("a"), Status.UNKNOWN, error="403"), [], {"a": "unreadable", "b": "needs", "c": "needs"}),
        (absent("a"), [entry("a", settled=False, written=ago(minutes=1))], {"a": "settling", "b": "settling", "c": "settling"}),
        (Observation(key("a"), Status.GOING), [], {"a": "going", "b": "going", "c": "going"}),
        (absent("a"), [half("a", intent=Intent("create", ago()))], {"a": "running", "b": "running", "c": "running"}),
        (
            absent("a"),
            [half("a", trouble=Trouble("no", 1, ago(minutes=-1), "c1"))],
            {"a": "backoff", "b": "backoff", "c": "backoff"},
        ),
    ],
)  # fmt: skip
def test_children_of_what_is_missing_wait_with_it_or_are_blocked_with_it(
    parent: Observation, recorded: list[Entry], codes: dict[str, str]
) -> None:
    """Waiting is no reason to alert; blocked is."""
    made = plan(
        [resource("a"), resource("b", "a"), resource("c", "b")], [parent, absent("b"), absent("c")], recorded
    )
    assert (done(made), held(made)) == ([], codes)
    reasons = [each.reason for each in (*made.blocked, *made.waiting) if each.key == key("c")]
    assert str(key("a")) in reasons[0]


def test_a_resource_whose_secret_is_not_set_is_blocked_alone_with_those_that_need_it() -> None:
    wanted = [resource("a"), resource("b"), resource("c", "a")]
    made = plan(
        wanted,
        [absent("a"), absent("b"), absent("c")],
        stopped={key("a"): ("secret", "PASSWORD is not set.")},
    )
    assert done(made) == ["create b"]
    assert held(made) == {"a": "secret", "c": "needs"}


@pytest.mark.parametrize(
    ("sections", "prune", "acknowledged", "expected"),
    [
        (None, True, False, ["delete old"]),
        (None, False, False, []),
        (None, False, True, ["delete old"]),
        ({"azure"}, True, False, []),
        ({"azure"}, True, True, ["delete old"]),
        ({"azure", "azure.deployments"}, True, False, ["delete old"]),
    ],
)
def test_what_left_git_is_deleted_unless_its_whole_section_left(
    sections: set[str] | None, prune: bool, acknowledged: bool, expected: list[str]
) -> None:
    known = (Acknowledgement(Action.DELETE, "*/old", date(2026, 3, 1)),) if acknowledged else ()
    made = plan(
        [resource("a")],
        [present("a"), present("old")],
        [entry("a"), entry("old")],
        Policy(prune=prune, acknowledge=known),
        sections=sections,
    )
    assert done(made) == expected
    assert made.orphaned == (() if expected else (key("old"),))


def test_a_family_that_vanished_from_an_empty_graph_deletes_nothing() -> None:
    made = plan([], [present("a")], [entry("a"), entry("group")])
    assert (done(made), set(made.orphaned)) == ([], {key("a"), key("group")})


def test_what_was_never_ours_is_not_deleted() -> None:
    recorded = [half("a", trouble=Trouble("no", 1, ago(), "c0"))]
    made = plan([resource("b")], [present("a"), present("b")], [*recorded, entry("b")])
    assert (done(made), made.orphaned) == ([], ())


def test_destroy_takes_all_that_is_ours_and_leaves_the_protected_with_its_children_and_its_group() -> None:
    recorded = [
        entry("group"),
        entry("acc", "group", type=ACCOUNT),
        entry("blobs", "acc", type=f"{ACCOUNT}/blobServices"),
        entry("net", "group"),
    ]
    sights = [present("group"), present("acc"), present("blobs"), present("net")]
    made = plan([], sights, recorded, Policy(protect=(ACCOUNT,), deletes=0), destroy=True)
    assert done(made) == ["delete net"]
    assert held(made) == {"acc": "protected", "blobs": "protected", "g": "kept"}
    made.check()


VAULT, TOKEN = "Microsoft.KeyVault/vaults:kv", "Microsoft.KeyVault/vaults/secrets:kv/token"


@pytest.mark.parametrize(
    ("policy", "wanted", "beside", "deleted", "kept"),
    [
        (Policy(), [], (), [TOKEN, VAULT, "g"], set()),
        (Policy(protect=("Microsoft.KeyVault/vaults",)), [], (), [], {"g"}),
        (Policy(observe=(f"*{VAULT}",)), [], (), [], {TOKEN, "g"}),
        (Policy(), [VAULT], (), [], {TOKEN, "g"}),
        (Policy(), [], ("Microsoft.KeyVault/vaults/keys:kv/other",), [], {TOKEN, VAULT, "g"}),
    ],
    ids=[
        "all goes",
        "the vault is protected",
        "it is observed",
        "it stays in Git",
        "another part stays in it",
    ],
)
def test_a_secret_that_azure_resource_manager_cannot_delete_goes_only_with_its_vault(
    policy: Policy, wanted: list[str], beside: tuple[str, ...], deleted: list[str], kept: set[str]
) -> None:
    """A delete of it alone is refused for ever, and would hold up the vault and the group."""
    recorded = [
        entry("group"),
        entry(VAULT, "group", type="Microsoft.KeyVault/vaults"),
        entry(TOKEN, VAULT, type="Microsoft.KeyVault/vaults/secrets"),
    ]
    sights = [present("group"), present(VAULT), present(TOKEN)]
    graph = [resource(name, type="Microsoft.KeyVault/vaults") for name in wanted]
    made = plan(graph, sights, recorded, policy, unmanaged=keys(*beside), destroy=True)
    assert [change.key.name for change in made.changes] == deleted
    assert {each.key.name for each in made.blocked if each.code == "kept"} == kept
    told = [each.reason for each in made.blocked if each.key == key(TOKEN) and each.code == "kept"]
    assert all("Azure Resource Manager cannot delete it; delete it in the vault" in each for each in told)


@pytest.mark.parametrize(
    ("beside", "expected"), [((), ["delete a", "delete g"]), (("byhand",), ["delete a"])]
)
def test_a_group_goes_only_when_nothing_else_is_left_in_it(beside: Any, expected: list[str]) -> None:
    recorded, sights = [entry("group"), entry("a", "group")], [present("group"), present("a")]
    made = plan([], sights, recorded, unmanaged=keys(*beside), destroy=True)
    assert done(made) == expected


@pytest.mark.parametrize(
    ("limits", "unsafe"),
    [
        (Policy(deletes=2), ""),
        (Policy(deletes=1), "deletes or replaces 2"),
        (Policy(deletes=None), ""),
        (Policy(deletes=None, changes=3), ""),
        (Policy(deletes=None, changes=2), "changes 3 of 4"),
        (Policy(deletes=1, acknowledge=(Acknowledgement(Action.DELETE, "*/old1", date(2026, 3, 1)),)), ""),
        (
            Policy(deletes=1, acknowledge=(Acknowledgement(Action.DELETE, "*/old1", date(2026, 2, 1)),)),
            "deletes",
        ),
    ],
)
def test_limits_count_what_is_not_acknowledged_and_never_creates(limits: Policy, unsafe: str) -> None:
    made = plan(
        [resource("n1"), resource("n2"), resource("n3"), resource("a"), resource("b")],
        [absent("n1"), absent("n2"), absent("n3"), present("a", {"v": 2}), present("b"), present("old1"), present("old2")],
        [entry("a"), entry("b"), entry("old1"), entry("old2")],
        replace(limits, resets_allowed=True),
    )  # fmt: skip
    assert made.unsafe.startswith(f"the plan {unsafe}") if unsafe else made.unsafe == ""
    if unsafe:
        with pytest.raises(UnsafePlan, match="Nothing is written"):
            made.check()
        made.check(allow_destructive=True)


def test_a_replacement_counts_as_a_delete() -> None:
    """What it holds is lost in the same way."""
    type_, old, new = "Microsoft.Authorization/roleAssignments", "1" * 8, "2" * 8
    bodies = [{"properties": {"principalId": value}} for value in (new, old)]
    made = plan(
        [resource("r", type=type_, spec=bodies[0])],
        [present("r", bodies[1])],
        [entry("r", type=type_, applied=bodies[1], baseline=bodies[1])],
        Policy(deletes=0, resets_allowed=True),
    )
    assert done(made) == ["replace r"]
    assert "deletes or replaces 1" in made.unsafe


def test_a_summary_counts_each_resource_once() -> None:
    made = plan(
        [resource("new"), resource("same"), resource("moved"), resource("theirs"), resource("lost")],
        [absent("new"), present("same"), present("moved", {"v": 2}), present("theirs", {"v": 3}), present("taken")],
        [entry("same"), entry("moved"), entry("taken")],
    )  # fmt: skip
    assert made.summary == {
        "create": 1, "update": 1, "replace": 0, "delete": 1, "adopt": 0,
        "unchanged": 1, "blocked": 2, "notAccepted": 0,
    }  # fmt: skip
    assert list(made.summary) == [
        "create", "update", "replace", "delete", "adopt", "unchanged", "blocked", "notAccepted",
    ]  # fmt: skip


def test_a_value_that_azure_keeps_otherwise_is_told_and_is_no_change() -> None:
    made = plan([resource("a")], [present("a", {"v": "kept"})], [entry("a", baseline={"v": "kept"})])
    assert (done(made), made.unchanged) == ([], 1)
    assert [field.live for field in made.not_accepted[key("a")]] == ["kept"]


def sample(live: int = 2, wanted: int = 1, flip: bool = False) -> Plan:
    wants = [resource("a", spec={"v": wanted}), resource("b", "a")]
    sights = [present("a", {"v": live}), absent("b")]
    return plan(wants[::-1] if flip else wants, sights[::-1] if flip else sights, [entry("a"), entry("old")])


def test_the_same_inputs_in_any_order_give_the_same_plan_and_digest() -> None:
    assert sample() == sample(flip=True)
    assert sample().digest == sample(flip=True).digest
    assert len(sample().digest) == 64


@pytest.mark.parametrize("other", [sample(live=3), sample(wanted=3), replace(sample(), commit="c2")])
def test_what_does_something_else_has_another_digest(other: Plan) -> None:
    assert other.digest != sample().digest


def test_the_digest_does_not_depend_on_the_state_that_the_plan_was_made_from() -> None:
    """Saves in between make a plan stale, not another one: an approval names the digest."""
    assert replace(sample(), serial=9, lineage="x").digest == sample().digest


@pytest.mark.parametrize("other", [State("test", "line", 8), State("test", "other", 7)])
def test_a_plan_does_not_fit_another_state(other: State) -> None:
    with pytest.raises(StalePlan, match="Plan again"):
        sample().fits(other)
    sample().fits(State("test", "line", 7))


def test_unmanaged_is_told_sorted_and_never_touched() -> None:
    made = plan([resource("a")], [present("a")], [entry("a")], unmanaged=keys("z", "b"))
    assert made.unmanaged == keys("b", "z")
    assert done(made) == []
    assert isinstance(made.unmanaged[0], Key)
