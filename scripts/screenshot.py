"""Makes docs/images/dashboard.png and dashboard-dark.png: the sample's environment `test` on the sandbox, as
Chromium shows it: edited by hand, and with a check that failed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from support.browser import chromium
from support.sandbox import ROOT, Sandbox, foreign_names
from support.scene import scene

from reconciler import serve
from reconciler.dispatch import MemoryQueue
from reconciler.engine import Reconciler

PICTURES = {"light": "dashboard.png", "dark": "dashboard-dark.png"}
SIZE = (1280, 1400)
LARGEST = 300_000
"""Bytes of a picture: it is loaded by whoever opens the README."""


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="reconciler-screenshot-") as folder:
        sandbox = Sandbox.start(Path(folder) / "sandbox")
        try:
            for name in foreign_names(os.environ):
                del os.environ[name]
            os.environ.update(sandbox.variables, XDG_CONFIG_HOME=str(Path(folder) / "config"))
            _, engine = scene(Path(folder), sandbox, whole=True)
            return taken(engine)
        finally:
            sandbox.stop()


def taken(engine: Reconciler) -> int:
    """Take the pictures; 1 where one is too large."""
    serving = serve.Serving(engine, MemoryQueue(), port=0, workers=0, every=3600)
    sizes = []
    with serve.running(serving) as url, chromium() as browser:
        for scheme, name in PICTURES.items():
            page = browser.new_page(
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": SIZE[0], "height": SIZE[1]},
            )
            page.goto(f"{url}/api/dashboard/test?code={serving.key}")
            path = ROOT / "docs/images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=path)
            sizes.append(path.stat().st_size)
            print(f"{path.relative_to(ROOT)}: {sizes[-1]} bytes")
            page.close()
    return int(max(sizes) > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
