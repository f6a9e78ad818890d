"""YAML read with the place of every key and value, and nothing in it that could surprise.

What is read is the plain core of YAML 1.2: maps with text keys, lists, text, numbers, booleans and `null`.
A value that YAML 1.1 and 1.2 read differently (`no`, `010`, `1:30`) is refused rather than guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise

from yaml.reader import Reader

from reconciler.errors import Fault
from reconciler.yamlfile.compose import Composer
from reconciler.yamlfile.node import Node, Place, Step, at, kind, merged, parse_path

__all__ = [
    "EVERYTHING",
    "MAX_BYTES",
    "Document",
    "Node",
    "Place",
    "Step",
    "at",
    "kind",
    "merged",
    "parse_path",
    "read",
]

MAX_BYTES = 1_000_000
MAX_SECTIONS = 200
EVERYTHING = "*"
"""In a document's `broken`: nothing of the file could be read."""

CONFLICT = re.compile(r"^(?:<{7} .*|={7}|>{7} .*)$", re.MULTILINE)
"""What `git merge` writes into a file that both sides changed."""
MERGED = "Keep one of the two sides, and take out the marks."
TOP_LEVEL_KEY = re.compile(r"""^[A-Za-z_"'][^\n]*?:(?=\s|$)""", re.MULTILINE)


@dataclass(frozen=True)
class Document:
    """What could be read. `broken` names the top-level keys whose content could not."""

    root: Node
    faults: tuple[tuple[Place, Fault], ...] = ()
    broken: frozenset[str] = frozenset()


def read(content: bytes, file: str) -> Document:
    """Read one YAML file; `file` is the name that its places bear. Faults are returned, never raised.

    After a syntax error the top-level sections are read each by itself, so that later faults show too."""
    text, fault = _decode(content, file)
    if fault:
        return Document(Node({}, Place(file)), (fault,), frozenset({EVERYTHING}))
    whole = Composer(text, file)
    node = whole.document()
    if not whole.stopped:
        if node.value is None:
            node = replace(node, value={})
        if not isinstance(node.value, dict):
            whole.blame(node.place, f"The file must be a map of sections, not {kind(node.value)}.")
            node = replace(node, value={})
        return Document(node, tuple(whole.faults))
    if mark := CONFLICT.search(text):
        place = Place(file, text.count("\n", 0, mark.start()) + 1, 1)
        told = Fault(str(place), f"`{mark[0]}` is a mark of a merge that has a conflict.", MERGED)
        return Document(Node({}, place), ((place, told),), frozenset({EVERYTHING}))
    return _salvage(text, file, whole)


def _decode(content: bytes, file: str) -> tuple[str, tuple[Place, Fault] | None]:
    def refuse(at: int, text: str, message: str, hint: str) -> tuple[str, tuple[Place, Fault]]:
        place = Place(file, text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1)
        return "", (place, Fault(str(place), message, hint))

    if len(content) > MAX_BYTES:
        return refuse(0, "", f"The file has {len(content):,} bytes.", f"At most {MAX_BYTES:,} are read.")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        return refuse(len(before), before, "The file is not UTF-8 text.", "Save it as UTF-8.")
    unprintable = Reader.NON_PRINTABLE.search(text)
    if unprintable:
        at = unprintable.start()
        return refuse(at, text, f"The character U+{ord(text[at]):04X} may not stand in YAML.", "Take it out.")
    return text, None


def _salvage(text: str, file: str, whole: Composer) -> Document:
    """Read the top-level sections one by one, and keep those that can be read."""
    starts = [match.start() for match in TOP_LEVEL_KEY.finditer(text)]
    faults = list(whole.faults)
    if whole.hopeless or len(starts) > MAX_SECTIONS:
        return Document(Node({}, Place(file)), tuple(faults), frozenset({EVERYTHING}))
    stop = max(place.line for place, _ in faults)
    sections: dict[str, Node] = {}
    broken: set[str] = set()
    nodes = 0
    for start, end in pairwise([*starts, len(text)]):
        part = Composer(text[start:end], file, text.count("\n", 0, start), nodes)
        node = part.document()
        nodes = part.nodes
        if part.stopped:
            broken.add(text[start:end].split(":", 1)[0].strip("\"'"))
            faults += [(place, fault) for place, fault in part.faults if place.line > stop]
        elif isinstance(node.value, dict):
            sections |= {key: child for key, child in node.value.items() if key not in sections}
            faults += [found for found in part.faults if found not in whole.faults]
    return Document(Node(sections, Place(file)), tuple(faults), frozenset(broken or {EVERYTHING}))
