"""The page for people: what it tells, and what never gets into it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from reconciler import redaction, render
from reconciler.dashboard import HEADERS, fault, page
from reconciler.dashboard.page import address, distance, link
from reconciler.record import Drift, Entry, State
from reconciler.resource import Key

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "pa55<word>&-of-the-vault"
HOSTILE = "<script>alert(1)</script>\"'"
VAULT = Key("arm.resource", "rg", "Microsoft.KeyVault/vaults:kv 1")


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


def told(state: State | None, name: str = "test", history: Any = ()) -> dict[str, Any]:
    return {**render.state_json(name, state), "history": list(history)}


def line(**said: Any) -> dict[str, Any]:
    return {
        "time": "2026-03-01T11:55:00+00:00", "commit": "c" * 40, "result": "done", "reason": "", "seconds": 1.25,
        "summary": {}, "checks": [], "outcomes": [], **said,
    }  # fmt: skip


def a_state(text: str = "", **more: Any) -> State:
    """One with something to tell in each place; `text` in each of them that a service or a person fills."""
    outcome = {"key": str(VAULT), "action": "update", "result": "failed", "error": f"refused {text}"}
    check = {"name": f"probe {text}", "result": "failed", "seconds": 61.4, "error": f"saw {text}"}
    last = line(
        result="failed", reason=f"because {text}", outcomes=[outcome, {**outcome, "result": "done", "error": "fine"}],
        checks=[{**check, "url": "https://adb-1.azuredatabricks.net/?o=1&run=2"}, {**check, "url": f"javascript:{text}"}],
    )  # fmt: skip
    letter = {
        "fact": {"kind": "drift.found"},
        "shown": f"hook {text}",
        "attempts": 3,
        "error": f"no {text}",
        "since": "2026-02-28T16:00:00+00:00",
    }
    return State(
        "test", "lineage", commit="c" * 40,
        entries={VAULT: Entry(VAULT, "Microsoft.KeyVault/vaults", {}, applied={})},
        drift={VAULT: Drift("2026-02-27T12:00:00+00:00", ("properties.sku", f"tags.{text}"))},
        notes={"last": last, "alerts": {"undelivered": [letter]}, "next": "2026-03-01T12:05:00+00:00"},
        **more,
    )  # fmt: skip


class Seen(HTMLParser):
    """The page as a browser takes it: elements, attributes, and the text of each table row."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(html)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def cells(self) -> list[list[str]]:
        return [[cell.strip() for cell in row] for row in self.rows]


def test_all_environments_are_told_in_one_table() -> None:
    seen = Seen(
        page([told(a_state(), history=[line(result="failed", reason="no quota")]), told(None, "new")], NOW)
    )
    [_, test, new] = seen.cells
    assert test == [
        "test", "failed", "c" * 12, "1, the oldest since 2 d ago", "failed: no quota", "2 failed", "5 min ago", "1",
    ]  # fmt: skip
    assert new == ["new", "unknown", "none", "none", "", "none", "never", "none"]
    assert [each["href"] for each in seen.all("a")] == ["/api/dashboard/test", "/api/dashboard/new"]


def test_one_environment_is_told_in_full() -> None:
    ticks = [line(result="suspend", reason="incident", by="ann", commit="", seconds=0.0), line()]
    html = page([told(a_state(), history=ticks)], NOW, one=True)
    seen = Seen(html)
    plain = VAULT.plain
    assert [plain, "properties.sku, tags.", "2 d ago"] in seen.cells
    assert ["probe", "failed", "61", "the run of probe", "saw"] in seen.cells
    assert [plain, "update", "failed", "refused"] in seen.cells
    assert "fine" not in html, "what is done is not among what is left"
    assert ["drift.found", "hook", "3", "20 h ago", "no"] in seen.cells
    assert ["5 min ago", "suspend", "", "", "0.0", "ann", "incident"] in seen.cells
    assert ["5 min ago", "done", "c" * 12, "", "1.2", "", ""] in seen.cells
    assert "in 5 min" in html, "when the next tick is due"


def test_an_environment_that_does_not_go_on_says_why() -> None:
    """Held and failed ticks are in the history alone; a command there is no tick."""
    held = line(result="held", reason="dev is not healthy yet")
    command = line(result="reconcile", by="ann")
    calm = State("test", "l", notes={"last": line(summary={"blocked": 2})})
    waits = line(reason="the plan waits for an approval")
    suspended = State("test", "l", suspended="incident 7")
    cells = [
        Seen(page([told(state, history=history)], NOW)).cells[1][4]
        for state, history in [(calm, [command, held]), (suspended, [held]), (calm, []), (calm, [waits])]
    ]
    assert cells == [
        "held: dev is not healthy yet", "suspended: incident 7", "2 blocked: see the plan", waits["reason"],
    ]  # fmt: skip


@pytest.mark.parametrize("one", [False, True])
def test_hostile_texts_stay_texts(one: bool) -> None:
    """Names of resources, errors of services and reasons of people are whatever somebody wrote."""
    state = a_state(HOSTILE, suspended=HOSTILE)
    html = page(
        [told(state, HOSTILE, [line(reason=HOSTILE, by=HOSTILE, commit=HOSTILE)])], NOW, one=one, code=HOSTILE
    )
    seen = Seen(html)
    assert "script" not in [tag for tag, _ in seen.tags]
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
    assert not [each for each in seen.all("a") if not (each["href"] or "").startswith(("/api/", "https://"))]
    assert HOSTILE in "".join(cell for row in seen.rows for cell in row), "it is told, as a text"


@pytest.mark.parametrize("one", [False, True])
def test_a_secret_is_nowhere_in_a_page(one: bool) -> None:
    """A value may come into a reason, an error or a name before anybody knew that it is one."""
    redaction.remember(SECRET)
    state = a_state(SECRET, suspended=SECRET)
    html = page([told(state, history=[line(reason=SECRET, by=SECRET)])], NOW, one=one)
    assert "pa55" not in html
    assert redaction.SHOWN in html
    assert "pa55" not in fault(
        422, {"message": SECRET, "faults": [{"where": SECRET, "message": "", "hint": ""}]}
    )


def test_a_fault_is_a_page_with_a_way_back() -> None:
    seen = Seen(fault(404, {"message": f"no {HOSTILE}"}, code="k&y"))
    assert [each["href"] for each in seen.all("a")] == ["/api/dashboard?code=k%26y"]
    assert "script" not in [tag for tag, _ in seen.tags]


def test_tables_can_be_read_aloud_and_on_a_phone() -> None:
    """Each table has a caption and marked headings, and can be scrolled to by keyboard."""
    seen = Seen(page([told(a_state(), history=[line()])], NOW, one=True))
    tables = len(seen.all("table"))
    assert tables == 5
    assert len(seen.all("caption")) == tables
    assert {each.get("scope") for each in seen.all("th")} == {"col", "row"}
    regions = [each for each in seen.all("div") if each.get("class") == "wide"]
    captions = [each["id"] for each in seen.all("caption")]
    assert [(each["aria-labelledby"], each["tabindex"]) for each in regions] == [
        (name, "0") for name in captions
    ]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in seen.all("meta")


def test_the_page_loads_nothing_and_its_policy_allows_its_own_style_alone() -> None:
    import base64
    import hashlib

    html = page([], NOW)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert "color-scheme: light dark" in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert not re.search(r"<(script|img|link|iframe)|style=|url\(|@import", html)
    assert "No environment is known yet." in html


def test_what_cannot_be_encoded_is_no_end_of_the_page() -> None:
    """A lone surrogate in a service's text."""
    assert page([told(State("test", "l", suspended="\udc80"))], NOW).encode()


@pytest.mark.parametrize(
    ("url", "followed"),
    [
        ("https://adf.azure.com/en/monitoring/pipelineruns/1?factory=%2Fx", True),
        ("javascript:alert(1)", False), ("http://adb-1.azuredatabricks.net/", False), ("https:", False),
        ("https://[", False), ("", False),
    ],
)  # fmt: skip
def test_only_addresses_of_https_are_followed(url: str, followed: bool) -> None:
    assert bool(link(url)) is followed


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7199, "1 h ago"),
        (86400 * 3, "3 d ago"),
        (-300, "in 5 min"),
    ],
)
def test_times_are_told_by_their_distance(seconds: float, shown: str) -> None:
    assert distance(seconds) == shown


def test_a_link_bears_the_callers_key_on_as_one_value() -> None:
    """Without it each click would need the key again."""
    assert address("a", "x&y=1#z") == "/api/dashboard/a?code=x%26y%3D1%23z"
    assert address("../a b", "") == "/api/dashboard/..%2Fa%20b"
