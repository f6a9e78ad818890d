"""Makes every mistake of the tests, and writes docs/mistakes.md of what it prints. Run by `make mistakes`."""

import os
import tempfile
from pathlib import Path

from support.mistakes.bench import bench, make
from support.mistakes.page import DOC, MISTAKES, document
from support.sandbox import Sandbox

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    os.environ["XDG_CONFIG_HOME"] = str(folder / "settings")
    (folder / "sandbox").mkdir()
    sandbox = Sandbox.start(folder / "sandbox")
    made = {}
    try:
        for mistake in MISTAKES:
            (folder / mistake.slug).mkdir()
            with bench(folder / mistake.slug, sandbox) as desk:
                made[mistake.name] = make(mistake, desk)
    finally:
        sandbox.stop()
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(document(made), "utf-8")
    print(f"wrote {DOC}: {len(made)} mistakes")
