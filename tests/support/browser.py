"""A real Chromium, driven by Playwright, that tells what a page asks for and complains of."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Request, sync_playwright
from support.sandbox import ROOT

FLAGS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = ROOT / "node_modules/axe-core/axe.min.js"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start one; it is installed first where there is none. Raises AssertionError that says what to do."""
    found = subprocess.run([ROOT / "scripts/browser"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=flags)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Seen:
    """What a page was seen to do. requests: their addresses; errors: of the console and of scripts."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def origins(self) -> set[str]:
        """Of all requests that leave the browser."""
        places = (urlsplit(url) for url in self.requests)
        return {f"{place.scheme}://{place.netloc}" for place in places if place.scheme != "data"}


def watched(page: Page) -> Seen:
    seen = Seen()

    def asked(request: Request) -> None:
        seen.requests.append(request.url)

    page.on("request", asked)
    page.on(
        "console", lambda said: seen.errors.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    return seen


def accessibility(page: Page) -> list[str]:
    """What axe-core finds of serious or critical impact, as `RULE: selectors`. The page's own policy lets no script
    in: its context was made with bypass_csp."""
    assert AXE.is_file(), "axe-core is not installed: `make test` does it"
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    assert found["passes"], "axe has looked at something"
    return [
        f"{each['id']}: {', '.join(str(node['target']) for node in each['nodes'][:5])}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
