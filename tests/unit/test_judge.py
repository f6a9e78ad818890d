"""What is decided for one resource: who owns it, what moved, and what the policy lets through."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from support.graphs import absent, ago, entry, half, key, present, resource, state
from support.memory import NOW

from reconciler.change import Action
from reconciler.diff import Cause
from reconciler.judge import Verdict, judge, judge_gone
from reconciler.policy import Acknowledgement, Policy
from reconciler.record import Entry, Intent, Trouble
from reconciler.resource import Observation, Resource, Status
from reconciler.rules import for_type

TAGGED = {"v": 1, "location": "w"}
UNKNOWN = Observation(key("a"), Status.UNKNOWN, error="403")
GOING = Observation(key("a"), Status.GOING)
FAILED = Trouble("no", 1, ago(minutes=5), "c0")
ALLOW = Policy(resets_allowed=True)


def decide(
    sight: Observation, before: Entry | None = None, policy: Policy = ALLOW, wanted: Resource | None = None
) -> Verdict:
    asked = wanted or resource("a")
    return judge(asked, sight, before, policy, "test", "c1", NOW, for_type(asked.type))


def told(verdict: Verdict) -> str:
    """The action with its cause, or the code that holds it, or `unchanged`."""
    if verdict.change:
        return f"{verdict.change.action} {verdict.change.cause}"
    held = verdict.blocked or verdict.waiting
    return held.code if held else "unchanged"


@pytest.mark.parametrize(
    ("adopt", "mark", "live", "expected"),
    [
        ("same", "", {"v": 1}, "adopt new"),
        ("same", "test", {"v": 1}, "adopt new"),
        ("same", "other", {"v": 1}, "foreign"),
        ("same", "", {"v": 2}, "exists"),
        ("same", "test", {"v": 2}, "update new"),
        ("same", "other", {"v": 2}, "foreign"),
        ("marked", "", {"v": 1}, "exists"),
        ("marked", "test", {"v": 1}, "adopt new"),
        ("marked", "", {"v": 2}, "exists"),
        ("marked", "test", {"v": 2}, "update new"),
        ("never", "", {"v": 1}, "exists"),
        ("never", "test", {"v": 1}, "exists"),
        ("never", "test", {"v": 2}, "exists"),
        ("never", "other", {"v": 1}, "foreign"),
    ],
)
def test_what_exists_and_is_not_recorded(adopt: str, mark: str, live: Any, expected: str) -> None:
    policy = Policy(adopt=adopt, resets_allowed=True)
    assert told(decide(present("a", live, mark), None, policy)) == expected


@pytest.mark.parametrize(
    ("spec", "mark", "expected"),
    [
        ({"v": 1}, "", "update new"),
        (TAGGED, "", "exists"),
        (TAGGED, "test", "update new"),
        (TAGGED, "other", "foreign"),
    ],
)
def test_a_create_of_ours_that_failed_half_way_is_put_right_where_it_is_surely_ours(
    spec: dict[str, Any], mark: str, expected: str
) -> None:
    """A create that was refused made nothing: what stands there now may be somebody else's. Where tags can be,
    only the mark tells."""
    sight = present("a", {**spec, "v": 2}, mark)
    for adopt in ("same", "never"):
        policy = Policy(adopt=adopt, resets_allowed=True)
        wanted = resource("a", spec=spec)
        assert told(decide(sight, half("a", trouble=FAILED), policy, wanted)) == expected


@pytest.mark.parametrize("gone", [False, True])
def test_a_foreign_mark_is_left_alone_though_we_recorded_the_resource(gone: bool) -> None:
    """Somebody deleted ours, and another environment made its own under the name."""
    sight = present("a", {"v": 2}, "other")
    verdict = (
        judge_gone(entry("a"), sight, Policy(), "test", "c1", NOW) if gone else decide(sight, entry("a"))
    )
    assert told(verdict) == "foreign"


@pytest.mark.parametrize(
    ("sight", "before", "expected"),
    [
        (absent("a"), None, "create new"),
        (absent("a"), entry("a"), "create drift"),
        (absent("a"), entry("a", settled=False, written=ago(minutes=9)), "settling"),
        (absent("a"), half("a", trouble=FAILED), "create new"),
        (UNKNOWN, None, "unreadable"),
        (UNKNOWN, entry("a"), "unreadable"),
        (GOING, entry("a"), "going"),
        (present("a"), entry("a", intent=Intent("update", ago())), "running"),
        (present("a"), entry("a"), "unchanged"),
        (present("a", {"v": 2}), entry("a"), "update drift"),
        (present("a"), entry("a", applied={"v": 0}, baseline={"v": 0}), "unchanged"),
        (present("a", {"v": 0}), entry("a", applied={"v": 0}, baseline={"v": 0}), "update commit"),
        (present("a", {"v": 3}), entry("a", applied={"v": 0}, baseline={"v": 0}), "update both"),
        (present("a", {"v": 1, "x": 1}), entry("a", applied={"v": 1, "x": 1}, baseline={"v": 1, "x": 1}), "update commit"),
        (present("a", {"v": 0}), entry("a", baseline={"v": 0}, settled=False, written=ago(minutes=5)), "unchanged"),
        (present("a", {"v": 7}), entry("a", baseline={"v": 0}, settled=False, written=ago(minutes=5)), "settling"),
    ],
)  # fmt: skip
def test_what_moved_and_who_moved_it(sight: Observation, before: Entry | None, expected: str) -> None:
    assert told(decide(sight, before)) == expected


@pytest.mark.parametrize(
    ("sight", "before", "expected"),
    [
        (present("a", {"v": 2}), entry("a"), "heal"),
        (absent("a"), entry("a"), "heal"),
        (absent("a"), None, "create new"),
        (present("a", {"v": 0}), entry("a", applied={"v": 0}, baseline={"v": 0}), "update commit"),
    ],
)
def test_heal_false_holds_drift_alone_and_tells_what_would_be_done(
    sight: Observation, before: Entry | None, expected: str
) -> None:
    verdict = decide(sight, before, Policy(heal=False, resets_allowed=True))
    assert told(verdict) == expected
    assert verdict.blocked is None or verdict.blocked.change is not None


@pytest.mark.parametrize(("allowed", "expected"), [(False, "resets"), (True, "update commit")])
def test_a_write_that_resets_what_somebody_set_is_held_and_tells_it(allowed: bool, expected: str) -> None:
    sight = present("a", {"v": 0, "policies": [{"name": "byhand"}]})
    before = entry("a", applied={"v": 0}, baseline={"v": 0, "policies": []})
    verdict = decide(sight, before, Policy(resets_allowed=allowed))
    assert told(verdict) == expected
    change = verdict.change or (verdict.blocked and verdict.blocked.change)
    assert change
    assert [reset.path for reset in change.resets] == ["policies[byhand]"]


@pytest.mark.parametrize("pattern", ["arm.resource/g/a", "ARM.RESOURCE/*", "*/a"])
@pytest.mark.parametrize("sight", [present("a", {"v": 2}), absent("a")])
def test_what_is_observed_is_never_written(pattern: str, sight: Observation) -> None:
    verdict = decide(sight, entry("a"), Policy(observe=(pattern,), resets_allowed=True))
    assert told(verdict) == "observed"
    assert verdict.blocked is not None
    assert verdict.blocked.change is not None


@pytest.mark.parametrize(
    ("commit", "until", "expected"),
    [
        ("c1", ago(minutes=-1), "backoff"),
        ("c1", ago(minutes=1), "update drift"),
        ("c0", ago(minutes=-1), "update drift"),
    ],
)
def test_a_back_off_ends_with_its_time_or_with_a_new_commit(commit: str, until: str, expected: str) -> None:
    trouble = Trouble("ScopeLocked", 3, until, commit)
    verdict = decide(present("a", {"v": 2}), entry("a", trouble=trouble))
    assert told(verdict) == expected
    if verdict.waiting is not None:
        assert "ScopeLocked" in verdict.waiting.reason


ACCOUNT = "Microsoft.Storage/storageAccounts"
ROLE = "Microsoft.Authorization/roleAssignments"
LAST_DAY = Acknowledgement(Action.REPLACE, "arm.resource/g/a", date(2026, 3, 1))
DAY_BEFORE = Acknowledgement(Action.REPLACE, "arm.resource/g/a", date(2026, 2, 28))
OTHER = Acknowledgement(Action.DELETE, "arm.resource/g/a", date(2026, 3, 2))


@pytest.mark.parametrize(
    ("type_", "field", "protect", "acknowledge", "expected"),
    [
        (ACCOUNT, "location", (), (), "replace"),
        (ACCOUNT, "location", (), (LAST_DAY,), "replace commit"),
        (ACCOUNT, "location", (), (DAY_BEFORE,), "replace"),
        (ACCOUNT, "location", (), (OTHER,), "replace"),
        (ACCOUNT, "location", (ACCOUNT.lower(),), (), "protected"),
        (ACCOUNT, "location", (ACCOUNT,), (LAST_DAY,), "replace commit"),
        (ROLE, "properties.principalId", (), (), "replace commit"),
    ],
)
def test_a_replacement_needs_an_acknowledgement_that_holds_today(
    type_: str, field: str, protect: tuple[str, ...], acknowledge: Any, expected: str
) -> None:
    """Save for what holds nothing of its own, which is deleted and made again as it comes."""

    def body(value: str) -> dict[str, Any]:
        head, _, tail = field.partition(".")
        return {head: {tail: value}} if tail else {head: value}

    wanted = resource("a", spec=body("11111111-0000-4000-8000-000000000002"), type=type_)
    old = body("11111111-0000-4000-8000-000000000001")
    policy = Policy(protect=protect, acknowledge=acknowledge, resets_allowed=True)
    before = entry("a", type=type_, applied=old, baseline=old)
    assert told(decide(present("a", old), before, policy, wanted)) == expected


DELETE_TODAY = Acknowledgement(Action.DELETE, "arm.resource/g/*", date(2026, 3, 1))


@pytest.mark.parametrize(
    ("before", "sight", "policy", "expected"),
    [
        (entry("a"), present("a"), Policy(), "delete removed"),
        (entry("a"), UNKNOWN, Policy(), "unreadable"),
        (entry("a"), GOING, Policy(), "going"),
        (entry("a", settled=False, written=ago(minutes=5)), absent("a"), Policy(), "settling"),
        (entry("a", intent=Intent("delete", ago())), present("a"), Policy(), "running"),
        (entry("a"), present("a"), Policy(observe=("*",)), "observed"),
        (entry("a", type=ACCOUNT), present("a"), Policy(protect=(ACCOUNT,)), "protected"),
        (entry("a", type=f"{ACCOUNT}/blobServices"), present("a"), Policy(protect=(ACCOUNT,)), "protected"),
        (entry("a", type=f"{ACCOUNT}X"), present("a"), Policy(protect=(ACCOUNT,)), "delete removed"),
        (entry("a", type=ACCOUNT), present("a"), Policy(protect=(ACCOUNT,), acknowledge=(DELETE_TODAY,)), "delete removed"),
        (entry("group", adopted=True), present("group"), Policy(), "kept"),
        (entry("a", adopted=True), present("a"), Policy(), "delete removed"),
        (entry("a", trouble=Trouble("in use", 1, ago(minutes=-5), "c1")), present("a"), Policy(), "backoff"),
    ],
)  # fmt: skip
def test_what_git_dropped(before: Entry, sight: Observation, policy: Policy, expected: str) -> None:
    verdict = judge_gone(before, sight, policy, "test", "c1", NOW)
    assert told(verdict) == expected
    assert verdict.change is None or verdict.change.cause is Cause.REMOVED


def test_no_verdict_says_two_things() -> None:
    """Change, blocked and waiting exclude each other, whatever is seen and recorded."""
    sights = [
        absent("a"),
        UNKNOWN,
        GOING,
        present("a"),
        present("a", {"v": 2}),
        present("a", {"v": 2}, "other"),
    ]
    befores = [None, entry("a"), half("a", trouble=FAILED), half("a", intent=Intent("create", ago()))]
    for sight in sights:
        for before in befores:
            verdict = decide(sight, before)
            said = [verdict.change, verdict.blocked, verdict.waiting]
            assert sum(part is not None for part in said) <= 1, (sight, before)
    assert state().entries == {}
