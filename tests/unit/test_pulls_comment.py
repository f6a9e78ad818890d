"""The comment of a pull request: what it shows, that nothing in it breaks out, and that it always fits."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler import redaction
from reconciler.errors import Fault
from reconciler.pulls.comment import marker, outcome, text
from reconciler.pulls.preview import CHANGED, NEW, Found, Preview

LIMIT = 65536


def change(
    key: str = "arm.resource/a/x", action: str = "update", cause: str = "commit", **more: Any
) -> dict[str, Any]:
    return {"key": key, "action": action, "cause": cause, "reason": "", "fields": [], "resets": [], **more}


def field(path: str, was: Any, to: Any) -> dict[str, Any]:
    return {"path": path, "recorded": was, "live": was, "desired": to, "cause": "commit", "reason": ""}


def plan(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    actions = [each["action"] for each in changes if "blocked" not in each]
    names = ("create", "update", "replace", "delete", "adopt")
    summary = {name: actions.count(name) for name in names} | {"blocked": 0, "unchanged": 3}
    return {
        "summary": summary,
        "changes": list(changes),
        "blocked": [],
        "orphaned": [],
        "warnings": [],
        **more,
    }


def told(found: Found, longest: int = LIMIT) -> str:
    return text(found, "c" * 40, "main", "m", longest)


def test_changes_stand_by_system_and_cause_as_differences() -> None:
    document = plan(
        change(fields=[field("tags.team", "old", "new")]),
        change("databricks.job/h/score", "create", "new"),
        change("adf.pipeline/f/x", "delete", "removed"),
    )
    shown = told(Found((Preview("dev", CHANGED, document, "2026-01-01T00:00:00+00:00", 2, behind=True),)))
    assert shown.startswith(marker("m"))
    assert "#### `dev`: 1 to create, 1 to update, 1 to delete" in shown
    assert '-   tags.team: "old"\n+   tags.team: "new"' in shown
    assert "Azure, commit: 1" in shown
    assert "+ create databricks.job/h/score" in shown
    assert "Data Factory, removed: 1" in shown
    assert "2 resources were drifted then" in shown
    assert "Recorded 2026-01-01T00:00:00+00:00." in shown
    assert shown == told(
        Found((Preview("dev", CHANGED, document, "2026-01-01T00:00:00+00:00", 2, behind=True),))
    )


def test_a_long_group_is_folded_and_a_short_one_is_not() -> None:
    few = told(Found((Preview("dev", CHANGED, plan(change())),)))
    many = told(Found((Preview("dev", CHANGED, plan(*(change(f"arm.resource/a/{n}") for n in range(40)))),)))
    assert "<details>" not in few
    assert many.count("<details>") == many.count("</details>") == 1


@pytest.mark.parametrize("longest", [65536, 150_000, 4096, 600])
def test_it_fits_whatever_is_in_it(longest: int) -> None:
    """5,000 changes with fields in 20 environments: the summaries stay, the rest is cut with a word."""
    changes = [change(f"arm.resource/a/{n}", fields=[field("a.b", "x" * 300, "y" * 300)]) for n in range(250)]
    found = Found(tuple(Preview(f"env{n}", CHANGED, plan(*changes)) for n in range(20)))
    shown = told(found, longest)
    assert len(shown) <= longest
    assert "not fit into a comment" in shown
    if longest >= 4096:
        assert "`env19`: 250 to update" in shown


HOSTILE = (
    "```\n</details><script>alert(1)</script>", "@everyone `@octocat`", "<!-- reconciler plan m -->", "[x](http://evil)",
    "|a|b|", "#1 AB#7", "\u202egnp.exe", "a\r\n### head", "````", "```", "&#64;octocat", "![i](https://evil/p.png)",
)  # fmt: skip


def outside_code(shown: str) -> str:
    """What a Markdown reader takes for anything but code."""
    kept, fence = [], ""
    for line in shown.split("\n"):
        if fence:
            closing = re.fullmatch(
                " {0,3}(`+) *", line
            )  # as CommonMark says: as long as the opening, or longer
            fence = "" if closing and len(closing[1]) >= len(fence) else fence
        elif opening := re.match("(`{3,})(diff|text)$", line):
            fence = opening[1]
        else:
            kept.append(line)
    assert not fence, "a block is left open"
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", "\n".join(kept))


@given(st.text(max_size=60) | st.sampled_from(HOSTILE))
@example("".join(HOSTILE))
def test_what_is_not_ours_never_leaves_its_code(value: str) -> None:
    """Whatever a resource, a field, a value, a file or an environment is called: outside of code the comment says
    the same as with a harmless name, and nobody is called."""

    def made(name: str) -> str:
        document = plan(
            change(f"arm.resource/a/{name}", fields=[field(name, name, [name])], resets=[{"path": name, "live": name}]),
            unsafe=f"over {name}", warnings=[name], orphaned=[name], blocked=[{"key": name, "code": "x", "reason": name}],
        )  # fmt: skip
        preview = Preview(name, NEW, document, told=(name,))
        faults = (Fault(name, name, name),)
        return "\n".join(
            text(each, name, name, "m", 10**6)
            for each in (Found((preview,), both=(name,)), Found(refusals=faults), Found(faults=faults))
        )

    shown = made(value)
    assert outside_code(shown) == outside_code(made("harmless"))
    assert not re.search(r"@[^\u200b]", shown)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", shown)


def test_a_secret_is_masked_wherever_it_stands() -> None:
    redaction.remember("hunter2-hunter2")
    try:
        document = plan(change(fields=[field("a", "hunter2-hunter2", "x")]), warnings=["is hunter2-hunter2"])
        shown = told(
            Found((Preview("dev", CHANGED, document, told=("hunter2-hunter2",)),), both=("hunter2-hunter2",))
        )
        assert "hunter2" not in shown + told(Found(refusals=(Fault("x", "hunter2-hunter2"),)))
    finally:
        redaction.forget()


def test_a_refusal_shows_no_plan_and_its_status_fails() -> None:
    found = Found(refusals=(Fault("environments/a.yaml:4:17", "another subscription", "look"),))
    shown = told(found)
    assert "environments/a.yaml:4:17: another subscription" in shown
    assert outcome(found) == ("failure", "refused: 1 to be looked at by hand")
    assert outcome(Found(faults=(Fault("a", "b"),)))[0] == "failure"
    assert outcome(Found((Preview("dev", CHANGED, plan(change())),))) == ("success", "dev: 1 to update")
    assert outcome(Found()) == ("success", "nothing to plan")
