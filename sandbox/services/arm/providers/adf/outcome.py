"""When an activity may start, and how a run ends, by what became of its activities. Pure.

https://learn.microsoft.com/azure/data-factory/tutorial-pipeline-failure-error-handling
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# What a condition of `dependsOn` is met by.
_MEETS: Mapping[str, tuple[str, ...]] = {
    "Succeeded": ("Succeeded",),
    "Failed": ("Failed",),
    "Skipped": ("Skipped",),
    "Completed": ("Succeeded", "Failed"),
}
Steps = Mapping[str, Mapping[str, Any]]


def of_dependencies(activity: Mapping[str, Any], steps: Steps) -> bool | None:
    """True: it may start; False: it is skipped; None: something that it depends on has not ended."""
    wanted = activity.get("dependsOn") or []
    states = [(steps.get(one["activity"]) or {}).get("status", "InProgress") for one in wanted]
    if "InProgress" in states:
        return None
    return all(
        any(state in _MEETS.get(one_of, ()) for one_of in one.get("dependencyConditions") or ("Succeeded",))
        for one, state in zip(wanted, states, strict=True)
    )


def of_run(activities: Sequence[Mapping[str, Any]], steps: Steps) -> tuple[str, str]:
    """The status of the run and its message: the leaves count, and for a skipped leaf what it hung on."""
    parents = {
        one["name"]: [dependency["activity"] for dependency in one.get("dependsOn") or ()]
        for one in activities
    }
    inner = {name for names in parents.values() for name in names}
    counted, to_do = set[str](), [name for name in parents if name not in inner]
    while to_do:
        name = to_do.pop()
        if steps[name]["status"] == "Skipped" and name not in counted:
            to_do += parents[name]
        counted.add(name)
    for name in parents:
        if name in counted and steps[name]["status"] == "Failed":
            return "Failed", f"Operation on target {name} failed: {steps[name].get('message') or ''}"
    return "Succeeded", ""
