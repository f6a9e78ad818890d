"""The dashboard in a real Chromium: on what ticks have recorded, and on 5,000 resources."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import Seen, accessibility, chromium, watched
from support.hosted import Hosted, hosted, one, until
from support.sandbox import Sandbox
from support.scene import scene

from reconciler import lastplan, serve
from reconciler.dispatch import MemoryQueue
from reconciler.engine import Reconciler
from reconciler.graph import Graph
from reconciler.plan import Plan
from reconciler.record import Entry, State
from reconciler.resource import Key, Resource

LOOKS = [("light", 1280), ("light", 360), ("dark", 1280), ("dark", 360)]
BOX = "svg a.box"
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@dataclass
class Site:
    """A served engine. address: of a page, with the key."""

    serving: serve.Serving
    url: str

    def address(self, path: str) -> str:
        return f"{self.url}/api/dashboard{path}?code={self.serving.key}"


def served(engine: Reconciler, *, workers: int = 0) -> serve.Serving:
    return serve.Serving(engine, MemoryQueue(), port=0, workers=workers, every=3600)


def look(browser: Browser, site: Site, paths: dict[str, str]) -> None:
    """Open pages at each width and in each colour scheme. paths: of a page, and a selector of what it shows."""
    for scheme, width in LOOKS:
        context = browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 900},
            bypass_csp=True,  # lets axe in; the policy itself is looked at below
        )
        page = context.new_page()
        seen = watched(page)
        for path, shows in paths.items():
            page.goto(site.address(path))
            assert page.locator(shows).count() > 0, (path, shows)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} wide at {width}"
            assert accessibility(page) == [], (path, scheme, width)
        quiet(seen, site)
        context.close()


def quiet(seen: Seen, site: Site) -> None:
    """No complaint of the browser, and no request to anywhere else."""
    assert seen.errors == []
    assert seen.origins == {site.url}


def test_every_page_of_a_working_day(tmp_path: Path, sandbox: Sandbox, browser: Browser) -> None:
    """dev healthy; test edited by hand, with a check that failed; prod waiting for an approval."""
    _, engine = scene(tmp_path, sandbox, whole=True)
    engine.suspend("dev", "the quarter is closed")
    calls = len(sandbox.journal())
    serving = served(engine)
    with serve.running(serving) as url:
        site = Site(serving, url)
        look(
            browser,
            site,
            {
                "": "text=suspended: the quarter is closed",
                "/dev": ".s-suspended",
                "/test": ".box.s-drifted",
                "/prod": "text=Approve this plan",
            },
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        seen = watched(page)
        page.goto(site.address("/test"))
        expect(page.locator(".fields", has_text="minimumTlsVersion").locator("td.theirs").first).to_have_text(
            "TLS1_0"
        )
        checks = page.locator("table", has_text="The checks of the last tick")
        expect(checks.get_by_role("row", name="predictions of today")).to_contain_text("failed")
        page.locator(f"{BOX}.s-drifted").first.click()
        target = page.evaluate("document.querySelector(':target').innerText")
        assert "drifted" in target, "a box leads to its row"
        quiet(seen, site)
        page.goto(site.address("/nope"))
        expect(page.locator("h1")).to_have_text("404 Not Found")
        page.close()
    assert len(sandbox.journal()) == calls, "a page calls nobody"


def test_by_keyboard_and_mouse_a_tick_is_asked_for_and_an_environment_suspended(
    tmp_path: Path, sandbox: Sandbox, browser: Browser
) -> None:
    """Forms work without a script, under the page's own policy."""
    host = hosted(tmp_path, one("a"))
    serving = served(host.engine(), workers=1)
    with serve.running(serving) as url:
        site = Site(serving, url)
        until(lambda: (state := serving.engine.status("a")) and state.notes.get("healthy"))
        context = browser.new_context()
        page = context.new_page()
        seen = watched(page)
        page.goto(site.address("/a"))
        assert reached(page, 40) >= {"Reconcile now", "Suspend…", "box"}
        before = serving.engine.status("a")
        assert before is not None
        page.get_by_role("button", name="Reconcile now").click()
        expect(page.get_by_role("status")).to_contain_text("A tick was asked for")
        until(lambda: ticks(serving) == 2)
        page.get_by_text("Suspend…").click()
        page.get_by_label("Why").fill("an <incident>")
        page.get_by_role("button", name="Suspend").click()
        expect(page.locator(".why")).to_have_text("suspended: an <incident>")
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_role("status")).to_contain_text("It is resumed")
        until(lambda: ticks(serving) == 3)
        quiet(seen, site)
        context.close()
    lines = [line["result"] for line in serving.engine.store.history("a") if line.get("by")]
    assert lines == ["resume", "suspend", "reconcile"]


def ticks(serving: serve.Serving) -> int:
    return len([line for line in serving.engine.store.history("a") if not line.get("by")])


def reached(page: Page, presses: int) -> set[str]:
    """The texts of buttons, and the classes of boxes, that the tabulator comes to."""
    found = set()
    for _ in range(presses):
        page.keyboard.press("Tab")
        found.add(
            page.evaluate(
                "(e => e.tagName === 'a' ? e.classList[0] : e.innerText || e.tagName)(document.activeElement)"
            )
        )
    return found


def test_another_site_cannot_have_the_browser_command(
    tmp_path: Path, sandbox: Sandbox, browser: Browser
) -> None:
    """A page of another origin posts the very form, with the very token and key: it is refused all the same."""
    serving = served(hosted(tmp_path, one("a")).engine())
    with serve.running(serving) as url:
        site = Site(serving, url)
        page = browser.new_page()
        page.goto(site.address("/a"))
        form = page.locator("form").first.evaluate("e => e.outerHTML").replace('action="', f'action="{url}')
        page.route("http://elsewhere.test/", lambda route: route.fulfill(body=form, content_type="text/html"))
        page.goto("http://elsewhere.test/")
        page.get_by_role("button").click()
        expect(page.locator("h1")).to_have_text("403 Forbidden")
        page.close()
        body = b"token=guessed"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        asked = urllib.request.Request(
            f"{url}/api/environments/a/reconcile?code={serving.key}", body, headers
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30)
    assert refused.value.code == 403
    assert serving.queue.take(60) is None
    assert serving.engine.store.history("a") == []


def thousands(host: Hosted, count: int) -> Reconciler:
    """An environment with so many resources in the state and in the plan of its last tick."""
    engine = host.engine()
    base = Key("databricks.notebook", "adb-1.azuredatabricks.net", "/Shared/base")
    found = [Resource(base, "n", {}, {})]
    found += [
        Resource(Key(kind, scope, f"{number:05}"), "n", {}, {}, (base,))
        for number in range(count // 2)
        for kind, scope in (("databricks.notebook", base.scope), ("adf.pipeline", "a-adf"))
    ]
    graph = Graph(found)
    entries = {
        each.key: Entry(each.key, "n", {}, needs=each.needs, applied={}, baseline={}) for each in graph
    }
    last = {
        "time": "2026-03-01T11:55:00+00:00",
        "result": "done",
        "summary": {},
        "checks": [],
        "outcomes": [],
    }
    state = replace(State.new("a"), entries=entries, notes={"last": last})
    engine.store.save(state)
    plan = Plan("a", "c" * 40, unchanged=len(entries))
    engine.store.keep_plan("a", lastplan.document(plan, lastplan.drawing(graph, state), last["time"]))
    return engine


def test_five_thousand_resources_are_folded_and_unfold_by_kind(
    tmp_path: Path, sandbox: Sandbox, browser: Browser
) -> None:
    serving = served(thousands(hosted(tmp_path, one("a")), 5000))
    with serve.running(serving) as url:
        site = Site(serving, url)
        look(browser, site, {"": "text=healthy", "/a": f"{BOX} >> nth=1"})
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        seen = watched(page)
        page.goto(site.address("/a"))
        assert len(page.content()) < 100_000
        page.get_by_role("link", name="notebook", exact=True).click()
        expect(page.locator("tr[id]")).to_have_count(2501)
        assert len(page.content()) < 2_000_000
        quiet(seen, site)
        page.close()
