"""What Data Factory would refuse, told before any call: names, sizes, counts, references, cycles. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from reconciler import armtemplate
from reconciler.adf.definitions import Definition, Definitions
from reconciler.adf.kinds import KINDS, MOST_ACTIVITIES, MOST_ENTITIES, name_parts
from reconciler.errors import Fault

_NESTED: Final = ("activities", "ifTrueActivities", "ifFalseActivities", "defaultActivities")
"""Properties of containers that hold activities; the cases of a Switch hold `activities` each."""


def check(definitions: Definitions) -> list[Fault]:
    """Everything that keeps these definitions from being deployed, beside the faults they were read with."""
    faults = list(_too_many(definitions))
    for definition in definitions.objects.values():
        faults += _name(definition)
        faults += _size(definition)
        faults += _activities(definition)
    faults += _dangling(definitions)
    faults += _cycles(definitions)
    return faults


def _too_many(definitions: Definitions) -> Iterator[Fault]:
    count = len(definitions.objects)
    if count > MOST_ENTITIES:
        place = next(iter(definitions.objects.values())).source.file.rpartition("/")[0]
        yield Fault(
            place, f"{count:,} objects; a factory holds {MOST_ENTITIES:,} at most.", "Split the factory."
        )


def _name(definition: Definition) -> Iterator[Fault]:
    names = KINDS[definition.kind].names
    if not all(names.fit(part) for part in name_parts(definition.kind, definition.name)):
        message = f"{definition.name!r} is no name of a {definition.kind}."
        yield Fault(definition.place(("name",)), message, f"It takes {names.words}.")


def size(definition: Definition) -> int:
    """Bytes of the definition as compact JSON in UTF-8."""
    text = json.dumps(
        armtemplate.to_json(definition.body), ensure_ascii=False, separators=(",", ":"), default=str
    )
    return len(text.encode("utf-8", "replace"))


def _size(definition: Definition) -> Iterator[Fault]:
    most = KINDS[definition.kind].most_bytes
    if most and (bytes_ := size(definition)) > most:
        limit = f"the limit of a {definition.kind} is {most // 1024} KB"
        message = f"{definition} has {bytes_ / 1024:,.0f} KB; {limit}."
        yield Fault(definition.origin, message, "Split it, or move long texts out of it.")


def activities(body: Mapping[str, Any]) -> int:
    """Activities of a pipeline, those inside of others included."""
    properties = body.get("properties")
    count, waiting = 0, [properties] if isinstance(properties, Mapping) else []
    while waiting:
        holder = waiting.pop()
        for name in _NESTED:
            held = holder.get(name)
            for activity in held if isinstance(held, (list, tuple)) else ():
                inner = activity.get("typeProperties") if isinstance(activity, Mapping) else None
                count += 1
                if isinstance(inner, Mapping):
                    waiting.append(inner)
        cases = holder.get("cases")
        waiting.extend(case for case in cases if isinstance(case, Mapping)) if isinstance(
            cases, list
        ) else None
    return count


def _activities(definition: Definition) -> Iterator[Fault]:
    count = activities(definition.body) if definition.kind == "pipeline" else 0
    if count > MOST_ACTIVITIES:
        yield Fault(
            definition.place(("properties", "activities")),
            f"{definition} has {count} activities, inner ones included; the limit is {MOST_ACTIVITIES}.",
            "Move some into a pipeline of their own.",
        )


def _dangling(definitions: Definitions) -> Iterator[Fault]:
    names = {
        kind: [each.name for each in definitions.objects.values() if each.kind == kind] for kind in KINDS
    }
    for definition, reference in definitions.dangling():
        if reference.target in definitions.broken:
            continue
        places = Counter(each.target for each in definition.references)[reference.target]
        again = f" ({places} times)" if places > 1 else ""
        near = get_close_matches(reference.name, names[reference.kind], 1, 0.8)
        hint = f"Is {near[0]!r} meant?" if near else "Add it, or take out what refers to it."
        yield Fault(
            definition.place(reference.path),
            f"{definition} refers to {reference}{again}, which is not there.",
            hint,
        )


def _cycles(definitions: Definitions) -> Iterator[Fault]:
    """One fault for each cycle that shares no object with one told before."""
    needs = {
        str(each): {str(need): need for need in definitions.needs(each)}
        for each in definitions.objects.values()
    }
    by_name = {str(each): each for each in definitions.objects.values()}
    while True:
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for name in sorted(needs):
            sorter.add(name, *(need for need in sorted(needs[name]) if need in needs))
        try:
            sorter.prepare()
            return
        except CycleError as error:
            path = list(reversed(error.args[1]))
        first = by_name[path[0]]
        target = by_name[path[1]].target
        place = next(each.path for each in first.references if each.target == target)
        yield Fault(first.place(place), f"A cycle: {' needs '.join(path)}.", "Break it at one of these.")
        for name in path:
            needs.pop(name, None)
