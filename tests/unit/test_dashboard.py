"""The page for people: what it tells, and what never gets into it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from reconciler import lastplan, redaction, render
from reconciler.change import Action, Change, Held
from reconciler.dashboard import HEADERS
from reconciler.dashboard.page import address, environment, fault, overview
from reconciler.dashboard.recorded import distance, link
from reconciler.diff import Cause, FieldChange, Reset
from reconciler.equality.trees import ABSENT
from reconciler.graph import Graph
from reconciler.plan import Plan
from reconciler.record import Drift, Entry, State
from reconciler.resource import Key, Resource

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
        result="failed", reason=f"because {text}", outcomes=[outcome, {**outcome, "key": "adf.pipeline/adf/other", "result": "done", "error": "fine"}],
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


def a_plan(text: str = "", others: int = 0, **more: Any) -> dict[str, Any]:
    """One with something to tell in each place, and so many healthy resources beside it."""
    pipeline = Key("adf.pipeline", "adf", "score")
    fields = (FieldChange("properties.sku", "a", f"b {text}", ABSENT, Cause.DRIFT, "drift"),)
    change = Change(VAULT, Action.UPDATE, Cause.DRIFT, fields, (Reset("tags.x", f"y {text}"),), f"why {text}")
    plan = Plan(
        "test", "c" * 40, (change,), (Held(pipeline, "protected", f"kept {text}", None),), unchanged=others,
        unmanaged=(Key("arm.resource", "rg", f"Contoso/things:other {text}"),), **more,
    )  # fmt: skip
    needed = Key("databricks.notebook", "adb-1.azuredatabricks.net", "/Shared/base")
    graph = [
        Resource(needed, "n", {}, {}),
        Resource(VAULT, "v", {}, {}),
        Resource(pipeline, "p", {}, {}, (VAULT,)),
    ]
    graph += [
        Resource(Key("databricks.notebook", needed.scope, f"/Shared/n{number:05}"), "n", {}, {}, (needed,))
        for number in range(others)
    ]
    return lastplan.document(
        plan, lastplan.drawing(Graph(graph), State.new("test")), "2026-03-01T11:55:00+00:00"
    )


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
        if tag not in ("meta", "link", "br", "input"):
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

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A shape of a picture."""
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def cells(self) -> list[list[str]]:
        return [[" ".join(cell.split()) for cell in row] for row in self.rows]


def test_all_environments_are_told_in_one_table() -> None:
    seen = Seen(
        overview(
            [told(a_state(), history=[line(result="failed", reason="no quota")]), told(None, "new")], NOW
        )
    )
    [_, test, new] = seen.cells
    assert test == [
        "test", "failed", "c" * 12, "1, the oldest since 2 d ago", "2 failed", "5 min ago", "in 5 min",
        "failed: no quota; 1 alerts not delivered",
    ]  # fmt: skip
    assert new == ["new", "unknown", "none", "none", "none", "never", "unknown", ""]
    links = [each["href"] for each in seen.all("a")]
    assert [each for each in links if "/dashboard/" in str(each)] == [
        "/api/dashboard/test",
        "/api/dashboard/new",
    ]


def test_one_environment_is_told_in_full() -> None:
    ticks = [line(result="suspend", reason="incident", by="ann", commit="", seconds=0.0), line()]
    html = environment(told(a_state(), history=ticks), a_plan(), NOW)
    seen = Seen(html)
    plain = VAULT.plain
    assert [
        "properties.sku",
        "a",
        "b",
        "none",
        "drift: the live value moved since our last write",
    ] in seen.cells
    assert [plain, "properties.sku, tags.", "2 d ago"] in seen.cells
    assert ["probe", "failed", "61", "the run of probe", "saw"] in seen.cells
    assert ["kv 1", "vaults", "failed refused", ""] in seen.cells, "the worst that holds, and why"
    assert ["score", "pipeline", "blocked kept", "kv 1"] in seen.cells
    assert ["other", "things", "unmanaged It stands beside ours, and is never touched.", ""] not in seen.cells
    assert ["/Shared/base", "notebook", "healthy", ""] in seen.cells
    assert "fine" not in html, "what is done is not among what is left"
    assert ["drift.found", "hook", "3", "20 h ago", "no"] in seen.cells
    assert ["5 min ago", "suspend", "", "", "0.0", "ann", "incident"] in seen.cells
    assert ["5 min ago", "done", "c" * 12, "", "1.2", "", ""] in seen.cells
    assert "in 5 min" in html, "when the next tick is due"
    assert "tags.x" in html, "what a write would reset"


def test_every_box_of_the_picture_leads_to_a_row() -> None:
    seen = Seen(environment(told(a_state()), a_plan(), NOW))
    boxes = [each for each in seen.all("a") if (each.get("class") or "").startswith("box")]
    assert sorted(str(each["class"]) for each in boxes) == [
        "box s-blocked", "box s-failed", "box s-healthy", "box s-unmanaged",
    ]  # fmt: skip
    ids = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert {str(each["href"])[1:] for each in boxes} <= set(ids)
    assert len(ids) == len(set(ids)), "an id is of one element"


def test_many_resources_are_folded_by_kind_until_one_is_chosen() -> None:
    folded = Seen(environment(told(a_state()), a_plan(others=200), NOW, code="k"))
    assert len([each for each in folded.all("a") if (each.get("class") or "").startswith("box")]) == 4
    slug = "databricks.notebook"
    assert f"/api/dashboard/test?kind={slug}&code=k#h-kind" in [each["href"] for each in folded.all("a")]
    assert not [each for each in folded.all("tr") if "id" in each]
    chosen = Seen(environment(told(a_state()), a_plan(others=200), NOW, kind=slug))
    assert len([each for each in chosen.all("tr") if "id" in each]) == 201


@pytest.mark.parametrize("kind", ["", "databricks.notebook"])
def test_a_page_of_thousands_is_made_in_linear_time_and_stays_small(kind: str) -> None:
    """Ten times the resources in far less than a hundred times the time."""
    documents = {count: a_plan(others=count) for count in (500, 5000)}
    spent: dict[int, float] = {}
    for count, document in documents.items():
        environment(told(a_state()), document, NOW, kind=kind)
        started = time.process_time()
        html = environment(told(a_state()), document, NOW, kind=kind)
        spent[count] = time.process_time() - started
    assert len(html.encode()) < 2_000_000
    assert spent[5000] < max(20 * spent[500], 0.5), spent


def test_a_page_without_a_kept_plan_says_so() -> None:
    for document in (None, {"version": 1, "changes": []}):
        html = environment(told(a_state()), document, NOW)
        assert "the next tick keeps one" in html
        assert "refused" in html, "what the last tick left is told"


def test_forms_are_shown_to_operators_alone_and_bear_their_token() -> None:
    assert not Seen(environment(told(a_state()), a_plan(), NOW)).all("form")
    seen = Seen(environment(told(a_state()), a_plan(), NOW, token="t0k", code="k"))
    assert [each["action"] for each in seen.all("form")] == [
        "/api/environments/test/reconcile?code=k", "/api/environments/test/suspend?code=k",
    ]  # fmt: skip
    tokens = [each["value"] for each in seen.all("input") if each.get("name") == "token"]
    assert tokens == ["t0k"] * 2
    held = environment(told(a_state(suspended="incident")), a_plan(), NOW, token="t0k")
    assert [each["action"] for each in Seen(held).all("form")][1] == "/api/environments/test/resume"


@pytest.mark.parametrize(
    ("sync", "last", "approved", "asked"),
    [
        ("manual", {"time": "2026-03-01T11:56:00+00:00"}, {}, True),
        ("manual", {}, {"digest": "other"}, True),
        ("auto", {}, {}, False),
        ("manual", {}, {"digest": "this"}, False),
        (
            "manual",
            {
                "time": "2026-03-01T11:56:00+00:00",
                "outcomes": [{"key": str(VAULT), "action": "update", "result": "done"}],
            },
            {},
            False,
        ),
    ],
)
def test_an_approval_is_asked_for_where_a_plan_waits_for_one(
    sync: str, last: dict[str, Any], approved: dict[str, str], asked: bool
) -> None:
    document = {**a_plan(), "sync": sync, "digest": "this"}
    state = {**told(State("test", "l", notes={"last": {**line(), **last}})), "approved": approved}
    seen = Seen(environment(state, document, NOW, token="t"))
    assert ("this" in [each.get("value") for each in seen.all("input")]) is asked


def test_a_command_is_answered_with_words_of_ours_alone() -> None:
    """The address is anybody's to write: what stands in it never comes into the page."""
    assert "nothing is changed until" in environment(told(a_state()), None, NOW, done="suspend")
    assert "hello" not in environment(told(a_state()), None, NOW, done="hello", kind="hello")


def test_an_environment_that_does_not_go_on_says_why() -> None:
    """Held and failed ticks are in the history alone; a command there is no tick."""
    held = line(result="held", reason="dev is not healthy yet")
    command = line(result="reconcile", by="ann")
    calm = State("test", "l", notes={"last": line(summary={"blocked": 2})})
    waits = line(reason="the plan waits for an approval")
    suspended = State("test", "l", suspended="incident 7")
    cells = [
        Seen(overview([told(state, history=history)], NOW)).cells[1]
        for state, history in [(calm, [command, held]), (suspended, [held]), (calm, []), (calm, [waits])]
    ]
    assert [each[7] for each in cells] == [
        "held: dev is not healthy yet", "suspended: incident 7", "2 blocked: see the plan", waits["reason"],
    ]  # fmt: skip
    assert [each[1] for each in cells] == ["healthy held", "suspended", "healthy", "healthy"]


def test_a_plan_that_waits_is_not_healthy() -> None:
    waits = State("test", "l", notes={"last": line(summary={"create": 2})})
    assert Seen(overview([told(waits)], NOW)).cells[1][1] == "pending"


def both(state: State, name: str, history: list[dict[str, Any]], text: str, **more: Any) -> list[str]:
    """The page of all, and that of one with a plan."""
    said = told(state, name, history)
    return [overview([said], NOW, **more), environment(said, a_plan(text), NOW, token="t", **more)]


def test_hostile_texts_stay_texts() -> None:
    """Names of resources, errors of services and reasons of people are whatever somebody wrote."""
    state = a_state(HOSTILE, suspended=HOSTILE)
    history = [line(reason=HOSTILE, by=HOSTILE, commit=HOSTILE)]
    for html in both(state, HOSTILE, history, HOSTILE, code=HOSTILE):
        seen = Seen(html)
        assert "script" not in [tag for tag, _ in seen.tags]
        assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
        links = [str(each["href"]) for each in seen.all("a")]
        assert not [each for each in links if not each.startswith(("/api/", "https://", "#"))]
        assert HOSTILE in "".join(cell for row in seen.rows for cell in row), "it is told, as a text"


def test_a_secret_is_nowhere_in_a_page() -> None:
    """A value may come into a reason, an error or a name before anybody knew that it is one."""
    state = a_state(SECRET, suspended=SECRET)
    plan = a_plan(SECRET)
    redaction.remember(SECRET)
    assert "pa55" not in json.dumps(a_plan(SECRET)), "nor in what is kept"
    said = told(state, history=[line(reason=SECRET, by=SECRET)])
    for html in (overview([said], NOW), environment(said, plan, NOW, token="t")):
        assert "pa55" not in html
        assert redaction.SHOWN in html
    assert "pa55" not in fault(
        422, {"message": SECRET, "faults": [{"where": SECRET, "message": "", "hint": ""}]}
    )


def test_a_fault_is_a_page_with_a_way_back() -> None:
    seen = Seen(fault(404, {"message": f"no {HOSTILE}"}, code="k&y"))
    assert "/api/dashboard?code=k%26y" in [each["href"] for each in seen.all("a")]
    assert "script" not in [tag for tag, _ in seen.tags]


def test_tables_can_be_read_aloud_and_on_a_phone() -> None:
    """Each table has a caption and marked headings, and can be scrolled to by keyboard."""
    seen = Seen(environment(told(a_state(), history=[line()]), a_plan(), NOW))
    tables = len(seen.all("table"))
    assert tables == 8
    assert len(seen.all("caption")) == tables
    assert {each.get("scope") for each in seen.all("th")} == {"col", "row"}
    regions = [each for each in seen.all("div") if "wide" in (each.get("class") or "")]
    assert len(regions) == tables + 1, "and the picture"
    assert all(
        each["tabindex"] == "0" and ("aria-labelledby" in each or "aria-label" in each) for each in regions
    )
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels)), "no level is left out"
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in seen.all("meta")


def test_the_page_loads_nothing_and_its_policy_allows_its_own_style_alone() -> None:
    import base64
    import hashlib

    html = overview([], NOW)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    assert "color-scheme: light dark" in style[1]
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert not re.search(r"<(script|img|iframe)|style=|url\(|@import", html)
    assert "No environment is known yet." in html


def test_what_cannot_be_encoded_is_no_end_of_the_page() -> None:
    """A lone surrogate in a service's text."""
    assert overview([told(State("test", "l", suspended="\udc80"))], NOW).encode()


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
