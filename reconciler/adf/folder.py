"""A factory's Git folder as ADF Studio writes it, to definitions.

A folder for each kind, in it `NAME.json`; private endpoints lie below their network. Files that do not end in
`.json` are not Studio's: people switch objects off by renaming them (`x.json#`, `x.json.txt`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler import armtemplate
from reconciler.adf.definitions import Definition, Definitions, Source, define, gather
from reconciler.adf.kinds import BY_FOLDER, FACTORY, object_name
from reconciler.errors import Fault
from reconciler.sharing import Shared

NETWORKS = "managedVirtualNetwork"
ENDPOINTS = "managedPrivateEndpoint"
NOT_DEPLOYED = frozenset({"adfcdc"})
"""Folders of Studio that hold kinds which are not deployed."""


@dataclass
class _Reading:
    """What was found so far."""

    objects: list[Definition] = field(default_factory=list)
    factories: list[Definition] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    broken: set[tuple[str, str]] = field(default_factory=set)
    shared: Shared = field(default_factory=Shared)


def is_folder(path: Path) -> bool:
    """Whether there is a folder of at least one kind."""
    return path.is_dir() and any(each.is_dir() and each.name.lower() in BY_FOLDER for each in path.iterdir())


def read(path: Path, label: str, factory: str = "") -> Definitions:
    """Read the folder; `label` is how messages name it. Faults are in the result, never raised.

    factory: the configured factory, whose file counts where there are several."""
    reading = _Reading()
    for folder in _folders(path):
        kind = BY_FOLDER.get(folder.name.lower())
        here = str(PurePosixPath(label) / folder.name)
        if kind is not None:
            _read_kind(reading, kind, folder, here)
        elif folder.name.lower() in NOT_DEPLOYED:
            reading.warnings.append(f"{here}: change data captures are not deployed.")
    chosen = _choose(reading, factory)
    objects, twice = gather(reading.objects)
    return Definitions(
        objects, chosen, tuple(reading.warnings), (*reading.faults, *twice), frozenset(reading.broken)
    )


def _folders(path: Path) -> list[Path]:
    return sorted((each for each in path.iterdir() if each.is_dir()), key=lambda each: each.name)


def _read_kind(reading: _Reading, kind: str, folder: Path, here: str) -> None:
    for file in _files(folder):
        _read_object(reading, kind, file, f"{here}/{file.name}", [])
    for inner in _folders(folder):
        below = f"{here}/{inner.name}"
        if kind == NETWORKS:
            for endpoints in _folders(inner):
                if endpoints.name.lower() == ENDPOINTS.lower():
                    for file in _files(endpoints):
                        label = f"{below}/{endpoints.name}/{file.name}"
                        _read_object(reading, ENDPOINTS, file, label, [inner.name])
        elif any(_files(inner)):
            reading.warnings.append(f"{below}: it is not read; Studio keeps objects in {here} itself.")


def _files(folder: Path) -> Iterator[Path]:
    files = (each for each in folder.iterdir() if each.name.lower().endswith(".json") and each.is_file())
    return iter(sorted(files, key=lambda each: each.name))


def _read_object(reading: _Reading, kind: str, file: Path, label: str, parents: list[str]) -> None:
    stem = file.name[: -len(".json")]
    try:
        text = file.read_text("utf-8-sig")
        body = read_json(text, label, reading.shared)
    except _NotJson as error:
        reading.faults.append(error.fault)
        reading.broken.add((kind, object_name([*parents, stem]).lower()))
        return
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        reading.faults.append(Fault(label, f"It cannot be read: {reason}."))
        reading.broken.add((kind, object_name([*parents, stem]).lower()))
        return
    source = Source(label, text)
    name = body.get("name")
    if not isinstance(name, str) or not name:
        hint = f'Add `"name": {json.dumps(stem)}`.'
        reading.faults.append(Fault(source.place(("name",)), f"This {kind} has no name.", hint))
        name = stem
    elif name != stem and kind != FACTORY:
        place = source.place(("name",))
        reading.warnings.append(
            f"{place}: {kind}/{name} is in {file.name!r}; its name decides, not the file's."
        )
    if kind != FACTORY and not isinstance(body.get("properties"), dict):
        place = source.place(("properties",))
        reading.faults.append(Fault(place, f"{kind}/{name} has no `properties`, or they are no object."))
    definition = define(kind, object_name([*parents, name]), body, source)
    (reading.factories if kind == FACTORY else reading.objects).append(definition)


def _choose(reading: _Reading, factory: str) -> Definition | None:
    """The factory's own file. It is named as the factory linked to Git, so a single one always counts."""
    files = reading.factories
    names = {each.name.lower() for each in files}
    wanted = factory.lower() if len(names) > 1 else next(iter(names), "")
    fitting = [each for each in files if each.name.lower() == wanted]
    fitting.sort(key=lambda each: not each.source.file.lower().endswith(f"/{wanted}.json"))
    if files and not fitting:
        told = ", ".join(each.source.file for each in files)
        why = f"none is of {factory!r}" if factory else "no factory was named"
        reading.warnings.append(f"Of the factory files {told} none counts: {why}.")
    elif len(fitting) > 1:
        ignored = ", ".join(each.source.file for each in fitting[1:])
        reading.warnings.append(f"{fitting[0].source.file} is the factory's file; not used: {ignored}.")
    return fitting[0] if fitting else None


# JSON


class _NotJson(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read_json(text: str, label: str, shared: Shared) -> dict[str, Any]:
    """Strict JSON with an object at its root, quickly; places are worked out only for faults."""
    pairs = partial(_pairs, shared)
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=_refuse, parse_float=_float)
    except json.JSONDecodeError as error:
        message = f"It is not JSON: {error.msg[:1].lower()}{error.msg[1:]}."
        raise _NotJson(Fault(f"{label}:{error.lineno}:{error.colno}", message)) from None
    except (ValueError, RecursionError) as error:
        raise _NotJson(_told(text, label, error)) from None
    if not isinstance(value, dict):
        raise _NotJson(Fault(f"{label}:1:1", "A definition must be a JSON object."))
    return value


def _told(text: str, label: str, error: Exception) -> Fault:
    """The place of what Python's reader refuses without a place."""
    try:
        armtemplate.parse(text, label)
    except armtemplate.TemplateError as found:
        return Fault(str(found.faults[0].position), f"It is not JSON: {found.faults[0].message}.")
    reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
    return Fault(f"{label}:1:1", f"It is not JSON: {reason}.")


def _pairs(shared: Shared, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = shared.pairs(pairs)
    if len(made) != len(pairs):
        raise ValueError("a property is given twice")
    return made


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON value")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value
