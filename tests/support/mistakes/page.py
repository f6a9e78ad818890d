"""The page of mistakes and their messages, word for word as the command line prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from support.mistakes.around import GIT, SIGN_IN, STATE, WORDS
from support.mistakes.bench import Made, Mistake
from support.mistakes.cloud import NAMES, RIGHTS, THERE
from support.mistakes.cures import CURES
from support.mistakes.written import CONTENT, TEMPLATES, YAML
from support.sandbox import ROOT

DOC = ROOT / "docs" / "mistakes.md"

CHAPTERS: Mapping[str, tuple[Mistake, ...]] = {
    "In the environment file": YAML,
    "In templates": TEMPLATES,
    "In definitions, notebooks and jobs": CONTENT,
    "With Git": GIT,
    "With the sign-in and the network": SIGN_IN,
    "With rights and secrets": RIGHTS,
    "With names and places": NAMES,
    "With what is there already": THERE,
    "With the state and the settings": STATE,
    "On the command line": WORDS,
}
MISTAKES = tuple(mistake for chapter in CHAPTERS.values() for mistake in chapter)

HEAD = """\
# Mistakes and their messages

{count} things that go wrong for everybody once, and what is printed then, word for word. Each of them is made by a
test in a small project, so this page tells what you will see. Ids, times and addresses are made up.

A message names the place, what is wrong, and the way out. Nothing is written because of a mistake: faults in Git are
found before anything is called, and what Azure refuses leaves the rest as it was.

<!-- Written by `make mistakes`. A change by hand is found by the tests. -->
"""

MESSAGE = re.compile(r"^(?:error\b|Error: |blocked: |waiting: |  failed |[\w-]+: suspended )", re.MULTILINE)
FAULTS = re.compile(r"^(\d+) faults?; nothing was called\.$", re.MULTILINE)


def messages(text: str) -> int:
    """How many messages a text holds: faults, errors, failures and reasons for which something is blocked."""
    faults = FAULTS.search(text)
    return len(MESSAGE.findall(text)) + (int(faults[1]) if faults else 0)


def message(text: str) -> str:
    """The message itself, without the plan and the progress before it and what is said of the run below it."""
    begin = MESSAGE.search(text)
    if begin is None or "Usage: " in text:
        return text.strip()
    lines = text[begin.start() :].splitlines()
    ends = [
        at for at, line in enumerate(lines) if at and not line.startswith(" ") and begin[0] == "  failed "
    ]
    ends += [at for at, line in enumerate(lines) if not line and begin[0] == "blocked: "]
    return "\n".join(lines[: min(ends, default=len(lines))]).rstrip()


def document(made: Mapping[str, Made]) -> str:
    """The page, of what each mistake printed, by its name."""
    parts = [HEAD.format(count=len(MISTAKES))]
    for chapter, mistakes in CHAPTERS.items():
        parts += [f"## {chapter}\n", *(section(mistake, made[mistake.name]) for mistake in mistakes)]
    return "\n".join(parts)


def frame() -> list[str]:
    """The headings of the page."""
    lines = [HEAD.splitlines()[0]]
    for chapter, mistakes in CHAPTERS.items():
        lines += [f"## {chapter}", *(f"### {mistake.name}" for mistake in mistakes)]
    return lines


def section(mistake: Mistake, made: Made) -> str:
    """What the page says of one mistake."""
    command = " ".join(word if " " not in word else f"'{word}'" for word in mistake.words)
    lines = [f"### {mistake.name}\n"]
    if mistake.did:
        lines.append(f"{mistake.did}\n")
    if mistake.edit:
        lines += _snippet(*mistake.edit)
    lines += [
        "```console",
        f"$ reconciler {command}",
        message(made.text),
        "```\n",
        f"{CURES[mistake.name]}\n",
    ]
    return "\n".join(lines)


def _snippet(path: str, was: str, becomes: str) -> Iterable[str]:
    """What was written: the lines that were, and those that took their place."""
    shown = becomes.replace("\t", "⇥ ").rstrip("\n")
    gone = was.rstrip("\n")
    yield f"In `{path}`:\n"
    yield "```diff"
    yield from (f"-{line}" for line in gone.splitlines())
    yield from (f"+{line}" for line in shown.splitlines())
    yield "```\n"


def written(path: Path = DOC) -> str:
    return path.read_text("utf-8") if path.exists() else ""
