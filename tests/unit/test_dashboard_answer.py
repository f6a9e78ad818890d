"""What the page reads and calls when it is asked for: damaged plans, links of other sites, calls to the store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from support.hosted import hosted, one

from reconciler import api, dashboard
from reconciler.engine import Reconciler
from reconciler.errors import SignInError
from reconciler.record import State
from reconciler.state import Store

READER = api.Caller("somebody", frozenset({"reader"}))
FOREIGN = {"Sec-Fetch-Site": "cross-site"}
OURS = ({"Sec-Fetch-Site": "same-origin"}, {"sec-fetch-site": "none"}, {})
NOTHING = "No plan of this version is kept yet"


@dataclass
class Counting:
    """A store whose calls are counted, by name."""

    store: Store
    calls: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self.store, name)


@dataclass
class Asked:
    """How often somebody signed in, to call Azure; nobody ever gets in."""

    times: int = 0

    def __call__(self, *_: Any) -> Any:
        self.times += 1
        raise SignInError("nobody gets in.")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Reconciler:
    """Three environments with a state."""
    names = ("a", "b", "c")
    files = {path: text for name in names for path, text in one(name).items()}
    engine = hosted(tmp_path_factory.mktemp("app"), files).engine()
    for name in names:
        engine.store.save(State.new(name))
    return engine


def kept(app: Reconciler) -> dict[str, Any]:
    """A plan as a tick keeps it."""
    planned = app.plan("a", offline=True)
    return json.loads(json.dumps(planned.document("2026-03-01T11:55:00+00:00")))  # type: ignore[no-any-return]


def damaged(document: Mapping[str, Any]) -> dict[str, Any]:
    """A plan that lacks something or has something else there, by what was done to it."""
    broken: dict[str, Any] = {"nothing": {}, "no list": {**document, "changes": 7}}
    for name in document:
        broken[f"without {name}"] = {each: value for each, value in document.items() if each != name}
        broken[f"{name} is null"] = {**document, name: None}
        broken[f"{name} is another"] = {**document, name: [{"key": "x"}]}
    broken["a need too many"] = {**document, "graph": {**document["graph"], "needs": [[99]]}}
    broken["no change"] = {**document, "changes": [{}]}
    return broken


def test_a_kept_plan_of_another_shape_is_no_end_of_the_page(app: Reconciler) -> None:
    """Another version wrote it, or somebody: the rest of the page is shown, and the next tick keeps another."""
    document = kept(app)
    app.store.keep_plan("a", document)
    assert NOTHING not in dashboard.answer(app, READER, "a").text
    for what, each in damaged(document).items():
        app.store.keep_plan("a", each)
        found = dashboard.answer(app, READER, "a")
        assert (found.status, "<h1>a</h1>" in found.text) == (200, True), what
        if what in ("nothing", "without changes", "a need too many", "no change"):
            assert NOTHING in found.text, what


def test_only_our_own_page_has_azure_called(app: Reconciler) -> None:
    """The browser adds its sign-in to a link of any site: such a link shows what is kept, and plans nothing."""
    asked = Asked()
    us = replace(app, planner=replace(app.planner, sign_in=asked))
    page = dashboard.answer(us, READER, "a", {"plan": "now"}, FOREIGN)
    assert (page.status, asked.times) == (200, 0)
    told = api.environments(us, READER, "a", "plan", FOREIGN)
    assert (told.status, told.body["error"]["code"], asked.times) == (403, "another-site", 0)
    for times, headers in enumerate(OURS, 1):
        assert dashboard.answer(us, READER, "a", {"plan": "now"}, headers).status == 502
        assert asked.times == 2 * times - 1
        assert api.environments(us, READER, "a", "plan", headers).status == 502
        assert asked.times == 2 * times
    assert api.environments(us, api.KEY, "a", "plan", FOREIGN).status == 502, "who shows a key knows it"


def test_the_store_is_asked_twice_for_each_environment(app: Reconciler) -> None:
    """A container is far away; each call of a page is waited for."""
    counting = Counting(app.store)
    us = replace(app, store=cast(Store, counting))
    assert dashboard.answer(us, READER).status == 200
    assert counting.calls == {"environments": 1, "load": 3, "history": 3}
    counting.calls.clear()
    assert dashboard.answer(us, READER, "b").status == 200
    assert counting.calls == {"load": 2, "history": 1, "last_plan": 1}


def test_a_page_of_all_is_in_the_order_of_the_environments(app: Reconciler) -> None:
    """They are read at the same time."""
    html = dashboard.answer(app, READER).text
    places = [html.index(f"/api/dashboard/{name}") for name in ("a", "b", "c")]
    assert places == sorted(places)
