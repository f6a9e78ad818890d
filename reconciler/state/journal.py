"""A state as lines of JSON: the whole of it, then what each save since changed; and the way back."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import StateError
from reconciler.record import VERSION, State, entry_json, from_json, to_json
from reconciler.sharing import Shared

FIELDS = ("drift", "commit", "suspended", "notes")
"""What a state holds beside its entries."""


def line(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def whole(state: State) -> bytes:
    """The whole of a state as a line, written entry by entry: all of them as JSON values at once would take
    four times the memory of their text."""
    document = to_json(replace(state, entries={}))
    del document["entries"]
    text = io.BytesIO()
    text.write(line(document)[:-2] + b',"entries":{')
    for at, (key, entry) in enumerate(sorted(state.entries.items())):
        text.write((b"," if at else b"") + line({str(key): entry_json(entry)})[1:-2])
    text.write(b"}}\n")
    return text.getvalue()


def delta(old: State, new: State) -> dict[str, Any]:
    """What a save changed, as JSON: entries set and dropped, and the other fields where they differ."""
    before, after = old.entries, new.entries
    same = after is before
    # Equal keys may be spelt in different case; JSON would keep both, and drop only what is spelt alike.
    spelt = {} if same else {key: key for key in before}
    changed = {
        key: entry
        for key, entry in (after.items() if not same else ())
        if before.get(key) is not entry and (before.get(key) != entry or str(spelt[key]) != str(key))
    }
    gone = set() if same else {str(key) for key in before if key not in after or key in changed}
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


def rebuild(
    environment: str, whole: tuple[str, bytes], lines: Iterable[tuple[str, bytes]], way: str
) -> State:
    """The state that a whole one and the lines on top of it make; each comes with its place.

    Raises StateError, naming the place and the way out, where that cannot be."""
    place, text = whole
    shared = Shared()
    document = parse(text, place, way, shared)
    _refuse_newer(document, place)
    if absent := {"lineage", "serial", "entries"} - document.keys():
        raise unreadable(place, f"it lacks {', '.join(sorted(absent))}", way)
    if isinstance(document["entries"], dict):
        document["entries"] = dict(document["entries"])  # one of our own, to be changed
    for at, change in lines:
        _replay(document, parse(change, at, way, shared), at, way)
    try:
        state = from_json(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(place, repr(error), way) from None
    if state.environment != environment:
        raise unreadable(place, f"it is the state of {state.environment}", way)
    return state


def advanced(state: State, lines: Iterable[tuple[str, bytes]], way: str) -> State:
    """The state with the lines that others wrote since on top of it. What they did not change is kept as the
    same objects: what is known of them holds.

    Raises StateError as `rebuild` does."""
    document = to_json(replace(state, entries={}))
    gone: set[str] = set()
    for at, text in lines:
        change = parse(text, at, way)
        before = document["serial"]
        _replay(document, change, at, way)
        if document["serial"] != before:
            gone |= set(change["drop"])
    try:
        new = from_json(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(at, repr(error), way) from None
    kept = {key: entry for key, entry in state.entries.items() if str(key) not in gone}
    return replace(new, entries={**kept, **new.entries})


def _replay(document: dict[str, Any], change: Mapping[str, Any], place: str, way: str) -> None:
    _refuse_newer(change, place)
    try:
        if change["lineage"] != document["lineage"] or change["serial"] > document["serial"] + 1:
            raise unreadable(place, f"save {document['serial'] + 1} of this state was to come here", way)
        if change["serial"] <= document["serial"]:
            return  # the checkpoint has it
        for key in change["drop"]:
            document["entries"].pop(key, None)
        document["entries"].update(change["set"])
        document.update({name: change["fields"][name] for name in FIELDS if name in change["fields"]})
        document["serial"] = change["serial"]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise unreadable(place, repr(error), way) from None


def parse(content: bytes, place: str, way: str, shared: Shared | None = None) -> dict[str, Any]:
    """One JSON object; with `shared`, its equal parts are the same. Raises StateError naming the place."""
    try:
        document = json.loads(content, object_pairs_hook=shared.pairs if shared else None)
    except (ValueError, RecursionError) as error:
        raise unreadable(place, str(error), way) from None
    if not isinstance(document, dict):
        raise unreadable(place, "it is not a JSON object", way)
    return document


def _refuse_newer(document: Mapping[str, Any], place: str) -> None:
    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        message = f"a newer program wrote this: its format is {version}, this one knows {VERSION}. Update it."
        raise StateError(message, where=place, code="state-newer")


def unreadable(place: str, why: str, way: str) -> StateError:
    return StateError(f"cannot be read: {why}. {way}", where=place)
