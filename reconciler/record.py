"""What we recorded of each resource, and of the environment as a whole. Values only.

A state is small JSON. Secrets are in it as keyed hashes, never as values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from operator import is_
from types import NoneType
from typing import Any

from reconciler.redaction import cleaned, redact
from reconciler.resource import Key, Secret

VERSION = 1
RUNTIME_STATE = "runtimeState"
"""The field of a trigger's spec that says whether it runs: STARTED or STOPPED."""
STARTED, STOPPED = "Started", "Stopped"


@dataclass(frozen=True)
class Intent:
    """What we were about to do, written before the call and removed after it.

    token: how to go on with a long operation, JSON that holds no secret; empty until the call was answered.
    spec: what was being sent, in the form of `Entry.applied`."""

    action: str
    time: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    token: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """Why a resource failed last, and when it is tried again. A new commit ends it."""

    error: str
    count: int
    until: str
    commit: str
    code: str = ""


@dataclass(frozen=True)
class Entry:
    """One resource that is ours, or that we are about to make ours (`intent`, and no `applied` yet).

    applied: the spec that we last sent; baseline: the whole resource as it was read after that write.
    Both are None until the first write was seen to be done; while `settled` is False Azure did not yet show
    our last write, and baseline is what was there before it. `stamp`: that of the observation which gave the
    baseline: while a list shows the same, nobody wrote to it. `paused`: a trigger
    that we stopped and have to start again. `doubted`: baseline was read long after our
    write and shows what was not sent; one more write tells whether Azure or somebody put it there. Times are
    ISO 8601 in UTC, by Azure's clock."""

    key: Key
    type: str
    at: Mapping[str, Any]
    needs: tuple[Key, ...] = ()
    applied: Mapping[str, Any] | None = None
    baseline: Mapping[str, Any] | None = None
    id: str = ""
    stamp: Mapping[str, Any] = field(default_factory=dict)
    written: str = ""
    commit: str = ""
    adopted: bool = False
    settled: bool = True
    doubted: bool = False
    paused: bool = False
    intent: Intent | None = None
    trouble: Trouble | None = None

    @property
    def ours(self) -> bool:
        return self.applied is not None

    def to_start_after(self, spec: Mapping[str, Any]) -> bool:
        """Whether a trigger that we stopped is still to be started once this is written."""
        return self.paused and spec.get(RUNTIME_STATE) != STOPPED


@dataclass(frozen=True)
class Drift:
    """Since when a resource differs from what was recorded, and in which fields."""

    since: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """All that is recorded of one environment.

    lineage: made once with the state; serial: one more with each save. A plan names both, so that a plan
    made from another state is refused. notes: small facts that other parts keep (health, checks, alerts)."""

    environment: str
    lineage: str
    serial: int = 0
    entries: Mapping[Key, Entry] = field(default_factory=dict)
    drift: Mapping[Key, Drift] = field(default_factory=dict)
    commit: str = ""
    suspended: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def new(cls, environment: str) -> State:
        return cls(environment, lineage=str(uuid.uuid4()))

    def put(self, entry: Entry) -> State:
        return replace(self, entries={**self.entries, entry.key: entry})

    def drop(self, key: Key) -> State:
        return replace(self, entries={k: v for k, v in self.entries.items() if k != key})

    @property
    def ours(self) -> Mapping[Key, Entry]:
        return {key: entry for key, entry in self.entries.items() if entry.ours}


def _fields(intent: Intent) -> dict[str, Any]:
    """Its fields as they are: `asdict` would take the Secrets in its spec apart."""
    return {name: getattr(intent, name) for name in Intent.__dataclass_fields__}


def _plain(value: Any) -> Any:
    """JSON of a value; a Secret becomes `{"$secret": fingerprint}` and keeps its expression."""
    if isinstance(value, Secret):
        sealed = {"$secret": value.fingerprint, "expression": value.expression}
        return {**sealed, "source": value.source} if value.source else sealed
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "expression"):
        return {"$unknown": value.expression}
    return value


def _spec(value: Any) -> Any:
    """The reverse of `_plain`. What holds no Secret is given as it is: a copy would share nothing."""
    if isinstance(value, Mapping):
        if "$secret" in value and value.keys() - {"source"} == {"$secret", "expression"}:
            return Secret(value["$secret"], value["expression"], value.get("source", ""))
        made = {key: _spec(item) for key, item in value.items()}
        return value if all(map(is_, made.values(), value.values())) else made
    if isinstance(value, list):
        items = [_spec(item) for item in value]
        return value if all(map(is_, items, value)) else items
    return value


DEFAULTS: Mapping[str, bool] = {"settled": True, "doubted": False, "adopted": False, "paused": False}
"""Fields of an entry that are left out where they say this."""


def entry_json(entry: Entry) -> dict[str, Any]:
    """One entry as JSON values, without its key."""
    document = {name: getattr(entry, name) for name in Entry.__dataclass_fields__ if name != "key"}
    document["needs"] = [str(need) for need in entry.needs]
    document["intent"] = _fields(entry.intent) if entry.intent else None
    document["trouble"] = asdict(entry.trouble) if entry.trouble else None
    made: dict[str, Any] = _plain(
        {
            name: value
            for name, value in document.items()
            if value not in (None, "", []) and value != DEFAULTS.get(name) and (value or name != "stamp")
        }
    )
    return made | _kept_clean(made)


def to_json(state: State) -> dict[str, Any]:
    """The state as JSON values; `from_json` reads it back."""
    entries = {str(key): entry_json(entry) for key, entry in sorted(state.entries.items())}
    return {
        "version": VERSION,
        "environment": state.environment,
        "lineage": state.lineage,
        "serial": state.serial,
        "commit": state.commit,
        "suspended": redact(state.suspended),
        "entries": entries,
        "drift": {str(key): asdict(drift) for key, drift in sorted(state.drift.items())},
        "notes": cleaned(_plain(state.notes)),
    }


def _kept_clean(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an entry that hold what services said, without secrets.

    What stands in clear in `applied` stands so in Git: a secret that is the same word by chance must not
    change it there, nor in the baseline, which is what the next look takes for live. Ids and stamps are
    addresses."""
    applied = entry.get("applied")
    found = {"baseline": cleaned(entry.get("baseline"), applied), "trouble": cleaned(entry.get("trouble"))}
    return {name: value for name, value in found.items() if name in entry}


_FIELDS: Mapping[str, Mapping[type, str]] = {
    "state": {str: "environment lineage commit suspended", int: "serial", dict: "entries drift notes"},
    "entry": {
        str: "type id written commit",
        dict: "at applied baseline stamp intent trouble",
        list: "needs",
        bool: "adopted settled doubted paused",
    },
    "intent": {str: "action time", dict: "spec token"},
    "trouble": {str: "error until commit code", int: "count"},
    "drift": {str: "since", list: "fields"},
}


def _sound(what: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields of the kinds that they have in what we write. Raises TypeError, without a value."""
    for kind, names in _FIELDS[what].items():
        for name in names.split():
            if not isinstance(fields.get(name), (kind, NoneType)):
                raise TypeError(f"{name} is {type(fields[name]).__name__}, and was to be {kind.__name__}")
    return fields


FACT: Mapping[str, Any] = {"kind!": str, "environment!": str, "since!": str, "fields": [str]}
NOTES: Mapping[str, Any] = {
    "last": {"result": str, "summary": {"*": int}, "checks": [dict], "outcomes": [dict]},
    "holds": [str],
    "rewrite": [str],
    "identity": list,
    "checks": {"*": dict},
    "approved": {"digest!": str, "by!": str, "writes": [str]},
    "alerts": {
        "standing": [FACT],
        "undelivered": [{"fact!": FACT}],
        "questions": [{"fact!": FACT}],
        "healed": {"*": [str]},
        "untold": [str],
        "ill": [str],
    },
    **dict.fromkeys(("began", "healthy", "next", "client"), str),
}
"""Shapes of the notes, as far as their readers count on them. `!`: it is always there; `*`: any name."""


def _shaped(value: Any, shape: Any, where: str) -> None:
    """Raises TypeError, without a value, where a note is none that we write. Other notes are free."""
    kind: type[Any] = shape if isinstance(shape, type) else type(shape)
    if not isinstance(value, kind):
        raise TypeError(f"{where} is {type(value).__name__}, and was to be {kind.__name__}")
    if isinstance(shape, list):
        for item in value:
            _shaped(item, shape[0], where)
    elif isinstance(shape, dict):
        for name, inner in shape.items():
            known, needed = name.rstrip("!"), name.endswith("!")
            for each in value if name == "*" else (known,):
                if needed or value.get(each) is not None:
                    _shaped(value.get(each), inner, f"{where}.{each}")


def from_json(document: Mapping[str, Any]) -> State:
    """Read what `to_json` wrote. Raises ValueError (also KeyError, TypeError) where it is something else."""
    if document["version"] != VERSION:
        raise ValueError(
            f"version {document['version']} is not one that this program knows (it knows {VERSION})"
        )
    _sound("state", document)
    _shaped(document.get("notes") or {}, NOTES, "notes")
    entries = {}
    parsed = cache(Key.parse)
    for text, fields in document["entries"].items():
        key = parsed(text)
        _sound("entry", fields)
        known = {name: value for name, value in fields.items() if name in Entry.__dataclass_fields__}
        for name in ("applied", "baseline"):
            if name in known:
                known[name] = _spec(known[name])
        known["type"] = known.get("type") or ""  # an empty one is left out
        known["needs"] = tuple(parsed(need) for need in known.get("needs", ()))
        if known.get("intent"):
            _sound("intent", known["intent"])
            known["intent"] = Intent(**{**known["intent"], "spec": _spec(known["intent"].get("spec", {}))})
        if known.get("trouble"):
            known["trouble"] = Trouble(**_sound("trouble", known["trouble"]))
        entries[key] = Entry(key=key, **{name: value for name, value in known.items() if value is not None})
    return State(
        environment=document["environment"],
        lineage=document["lineage"],
        serial=document["serial"],
        commit=document.get("commit", ""),
        suspended=document.get("suspended", ""),
        entries=entries,
        drift={
            Key.parse(text): Drift(since=drift["since"], fields=tuple(drift["fields"]))
            for text, drift in document.get("drift", {}).items()
            if _sound("drift", drift)
        },
        notes=document.get("notes") or {},
    )
