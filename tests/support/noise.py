"""Recorded pairs of what was PUT and what GET then answered, and how the recorder labelled them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from support.recordings import CORPUS

DIFFERENT = frozenset(
    (
        "changed",
        "dropped",
        "nulled",
        "masked",
        "retyped",
        "list-item-added",
        "list-item-dropped",
        "name-or-id-prefix",
        "scrubbed-by-recorder",
    )
)
"""The labels of what is more than another form. The others (added, case, order, …) must never be a change."""


@cache
def pairs() -> tuple[dict[str, Any], ...]:
    """All pairs without another write between, whose bodies are objects."""
    return tuple(pair for pair in read("noise_pairs.jsonl") if pair["clean"])


def read(name: str) -> Iterator[dict[str, Any]]:
    with (Path(CORPUS) / "recordings" / name).open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def labelled(pair: dict[str, Any]) -> dict[str, str]:
    """Path (as `plain` writes it) to label, of what came back different."""
    labels = (note.partition(" ") for note in pair["noise"])
    return {plain(path): label for label, _, path in labels if label in DIFFERENT}


def plain(path: str) -> str:
    """A path without identities and quotes, in lower case: the recorder writes `[]` for any item."""
    unquoted = re.sub(r'\["([^"]*)"\]', r".\1", path)
    return re.sub(r"\[[^\]]*\]", "[]", unquoted).lower().lstrip(".")


def within(path: str, other: str) -> bool:
    """Whether one of two plain paths is at or under the other."""
    short, long = sorted((path, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))
