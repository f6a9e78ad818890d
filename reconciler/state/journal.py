"""A state as a checkpoint and a journal: what one save changed as a line of JSON, and the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.errors import StateError
from reconciler.record import VERSION, State, from_json, to_json
from reconciler.state import disk

CHECKPOINT = "state.json"
JOURNAL = "journal.jsonl"
FIELDS = ("drift", "commit", "suspended", "notes")
"""What a state holds beside its entries."""
WAY_OUT = (
    "Restore the folder from a backup; or move it away: the next run then takes over what exists, "
    "as far as `policy.adopt` lets it."
)


@dataclass(frozen=True)
class Kept:
    """What is on the disk. size: bytes of the journal up to the end of its last whole line; mark: changes
    when anybody writes."""

    state: State | None
    size: int
    mark: tuple[int, ...]


def mark(folder: Path) -> tuple[int, ...]:
    marks: list[int] = []
    for name in (CHECKPOINT, JOURNAL):
        try:
            found = (folder / name).stat()
            marks += (found.st_ino, found.st_size, found.st_mtime_ns)
        except FileNotFoundError:
            marks.append(0)
    return tuple(marks)


def line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def delta(old: State, new: State) -> dict[str, Any]:
    """What a save changed, as JSON: entries set and dropped, and the other fields where they differ."""
    before = old.entries
    changed = {k: e for k, e in new.entries.items() if before.get(k) is not e and before.get(k) != e}
    # Equal keys may be spelt in different case; JSON would keep both.
    gone = {str(key) for key in before if key not in new.entries or key in changed}
    document = to_json(replace(new, entries=changed))
    return {
        "version": VERSION,
        "lineage": new.lineage,
        "serial": new.serial,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "set": document["entries"],
        "drop": sorted(gone - document["entries"].keys()),
        "fields": {name: document[name] for name in FIELDS if getattr(old, name) != getattr(new, name)},
    }


def read(environment: str, folder: Path) -> Kept:
    """state.json with the journal's lines put on top of it. Raises StateError where that cannot be."""
    checkpoint, journal = folder / CHECKPOINT, folder / JOURNAL
    seen = mark(folder)
    lines = disk.whole_lines(journal)
    if not checkpoint.exists():
        if lines:
            raise _unreadable(str(checkpoint), "it is missing, and its journal is there")
        return Kept(None, 0, seen)
    document = parse(checkpoint.read_bytes(), str(checkpoint))
    _refuse_newer(document, str(checkpoint))
    if absent := {"lineage", "serial", "entries"} - document.keys():
        raise _unreadable(str(checkpoint), f"it lacks {', '.join(sorted(absent))}")
    for number, text in enumerate(lines, 1):
        _replay(document, parse(text, f"{journal}:{number}"), f"{journal}:{number}")
    try:
        state = from_json(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(str(checkpoint), repr(error)) from None
    if state.environment != environment:
        raise _unreadable(str(checkpoint), f"it is the state of {state.environment}")
    return Kept(state, sum(map(len, lines)), seen)


def _replay(document: dict[str, Any], change: Mapping[str, Any], place: str) -> None:
    _refuse_newer(change, place)
    try:
        if change["lineage"] != document["lineage"] or change["serial"] > document["serial"] + 1:
            raise _unreadable(place, f"save {document['serial'] + 1} of this state was to come here")
        if change["serial"] <= document["serial"]:
            return  # the checkpoint has it
        for key in change["drop"]:
            document["entries"].pop(key, None)
        document["entries"].update(change["set"])
        document.update({name: change["fields"][name] for name in FIELDS if name in change["fields"]})
        document["serial"] = change["serial"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _unreadable(place, repr(error)) from None


def parse(content: bytes, place: str, way_out: str = WAY_OUT) -> dict[str, Any]:
    """One JSON object. Raises StateError naming the place."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise _unreadable(place, str(error), way_out) from None
    if not isinstance(document, dict):
        raise _unreadable(place, "it is not a JSON object", way_out)
    return document


def _refuse_newer(document: Mapping[str, Any], place: str) -> None:
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        message = f"a newer program wrote this: its format is {version}, this one knows {VERSION}. Update it."
        raise StateError(message, where=place, code="state-newer")


def _unreadable(place: str, why: str, way_out: str = WAY_OUT) -> StateError:
    return StateError(f"cannot be read: {why}. {way_out}", where=place)
