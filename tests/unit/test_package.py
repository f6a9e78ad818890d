"""What is published: the app and its locked requirements, by zip and by container alike."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

from support.fences import blocks
from support.sandbox import ROOT

WANTED = ("function_app.py", "host.json", "requirements.txt", "LICENSE", "reconciler/")
NEVER = ("tests/", "sandbox/", "local.settings", "environments/", ".git", "docs/")


def _git(*words: str) -> set[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split("\0")) - {""}


def _published() -> set[str]:
    """What .funcignore leaves of what git has; the file has gitignore's syntax, and git reads it here."""
    ignored = _git("ls-files", "-z", "--cached", "--ignored", "--exclude-from=.funcignore")
    return _git("ls-files", "-z") - ignored


def test_funcignore_leaves_the_app_alone() -> None:
    left = _published()
    assert {name for name in left if not name.startswith(WANTED)} == set()
    assert {"function_app.py", "host.json", "requirements.txt", "reconciler/rules/general.yaml"} <= left
    assert not [name for name in left if name.startswith(NEVER)]


def test_the_guide_s_package_is_what_funcignore_leaves() -> None:
    """The zip is made by git, of paths that the guide names; only pages and the licence may differ."""
    [line] = [
        line
        for block in blocks(ROOT / "docs" / "install.md", "sh")
        for line in block.text.splitlines()
        if line.startswith("git archive")
    ]
    paths = line.split(" -- ")[1].split()
    packed = {name for name in _git("ls-files", "-z", "--", *paths) if not name.endswith(".md")}
    assert packed == _published() - {"LICENSE"}


def test_the_container_holds_the_same_files() -> None:
    """No container engine runs here: the Dockerfile is read. It copies what is there, installs by hash, takes
    nothing secret, and the build sees no more than that."""
    lines = _instructions(ROOT / "Dockerfile")
    assert lines[0][0] == "FROM"
    assert {word for word, _ in lines} <= {"FROM", "ENV", "RUN", "COPY"}, "no ARG, no ADD"
    copied = [name for word, rest in lines if word == "COPY" for name in shlex.split(rest)[:-1]]
    assert all((ROOT / name).exists() for name in copied)
    names = {name for name in _git("ls-files", "-z", "--", *copied) if not name.endswith(".md")}
    assert names == _published()
    installs = [rest for word, rest in lines if word == "RUN" and "pip install" in rest]
    assert installs and all("--require-hashes" in rest and "--only-binary :all:" in rest for rest in installs)
    rules = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert rules[1] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == set(copied)


def _instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", path.read_text("utf-8")))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]
