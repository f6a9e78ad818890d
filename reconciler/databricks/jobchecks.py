"""What the parts of a job say of each other: tasks, what they wait for, and what they run on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from reconciler.databricks import jobfields
from reconciler.databricks.jobfile import Found
from reconciler.errors import Fault
from reconciler.yamlfile import Step

Path = tuple[Step, ...]
COMPUTE: Final = ("new_cluster", "existing_cluster_id", "job_cluster_key")
UNIQUE: Final = {
    "tasks": "task_key",
    "job_clusters": "job_cluster_key",
    "environments": "environment_key",
    "parameters": "name",
}
"""Lists of a job and the field by which their items are known."""
REFERS: Final = {
    "job_cluster_key": ("job_clusters", "job cluster"),
    "environment_key": ("environments", "environment"),
}
PRINCIPALS: Final = ("user_name", "group_name", "service_principal_name")
NOT_SENT: Final = {"lifecycle": "Say it by `policy.protect` of the environment.", "id": "", "url": ""}
"""Fields that bundles know beside those of the API."""
ALIKE: Final = 0.88
"""How near a field must be to a known one to be taken for a slip. Other unknown ones pass: the API grows."""
_CRON: Final = re.compile(r"[0-9A-Z*?/,#LW-]+", re.IGNORECASE)


def faults(job: Found) -> Iterator[Fault]:
    """Every fault of the job's own logic. Values of a wrong kind are passed over; the model tells those."""
    said = job.node.plain()
    for name, hint in NOT_SENT.items():
        if name in said:
            yield job.fault((name,), f"`{name}` is known to the bundle's own tool only.", hint)
    yield from _slips(job, (), said, jobfields.JOB)
    yield from _twice(job, said)
    known = {name: {each[field] for _, each in items(said, name, field)} for name, field in UNIQUE.items()}
    for path, task in tasks(said):
        yield from _slips(job, path, task, jobfields.TASK)
        yield from _task(job, path, task, known)
    yield from _order(job, said, known["tasks"])
    yield from _permissions(job, said)
    yield from _schedule(job, said)


def items(said: Mapping[str, Any], name: str, field: str = "") -> Iterator[tuple[Path, dict[str, Any]]]:
    """Maps in a list, with their paths; those only that have a text in the field, if one is named."""
    found = said.get(name)
    for index, each in enumerate(found if isinstance(found, list) else []):
        if isinstance(each, dict) and (not field or isinstance(each.get(field), str)):
            yield (name, index), each


def tasks(said: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """All tasks, also those that a `for_each_task` repeats."""
    for path, task in items(said, "tasks"):
        yield path, task
        repeated = task.get("for_each_task")
        inner = repeated.get("task") if isinstance(repeated, dict) else None
        if isinstance(inner, dict):
            yield (*path, "for_each_task", "task"), inner


def _slips(job: Found, path: Path, said: Mapping[str, Any], known: list[str]) -> Iterator[Fault]:
    for name in said:
        near_ = get_close_matches(name[:200], known, 1, ALIKE) if name not in known else []
        if near_ and near_[0] not in said:
            message = f"`{name}` is not known to the Jobs API, which would pass over it."
            yield job.fault((*path, name), message, f"Did you mean `{near_[0]}`?")


def _twice(job: Found, said: Mapping[str, Any]) -> Iterator[Fault]:
    for name, field in UNIQUE.items():
        first: dict[str, Path] = {}
        for path, each in items(said, name, field):
            other = first.setdefault(each[field], path)
            if other != path:
                before = job.place((*other, field))
                message = f"`{field}` {each[field]!r} is there twice; first at {before}."
                yield job.fault((*path, field), message, "Rename one of them.")


def _task(job: Found, path: Path, task: Mapping[str, Any], known: Mapping[str, set[str]]) -> Iterator[Fault]:
    kinds = [name for name in task if name.endswith("_task") and task[name] is not None]
    if len(kinds) != 1:
        told = f"has several: {', '.join(kinds)}" if kinds else "has none of `notebook_task` and its like"
        yield job.fault(path, f"A task does one thing; {_named(task)} {told}.")
    compute = [name for name in COMPUTE if task.get(name)]
    if len(compute) > 1:
        yield job.fault(
            (*path, compute[1]), f"{_named(task)} runs on one of {' and '.join(compute)}, not on both."
        )
    if not compute and task.get("libraries"):
        message = f"{_named(task)} names no compute, so it runs serverless, and that takes no `libraries`."
        hint = "Give it a cluster, or an `environment_key` whose environment lists them as `dependencies`."
        yield job.fault((*path, "libraries"), message, hint)
    for field, (name, word) in REFERS.items():
        value = task.get(field)
        if isinstance(value, str) and value not in known[name]:
            message = f"{_named(task)} names the {word} {value!r}, which the job does not have."
            yield job.fault((*path, field), message, near(value, known[name]))
    for at, library in items(task, "libraries"):
        if len(library) != 1:
            yield job.fault(
                (*path, *at), "An item of `libraries` names one library.", "Write an item for each."
            )


def _order(job: Found, said: Mapping[str, Any], known: set[str]) -> Iterator[Fault]:
    waits: dict[str, list[str]] = {}
    places: dict[str, Path] = {}
    for path, task in items(said, "tasks", "task_key"):
        places.setdefault(task["task_key"], path)
        needs = waits.setdefault(task["task_key"], [])
        for at, need in items(task, "depends_on", "task_key"):
            if need["task_key"] in known:
                needs.append(need["task_key"])
            else:
                message = f"{_named(task)} waits for {need['task_key']!r}, which the job does not have."
                yield job.fault((*path, *at, "task_key"), message, near(need["task_key"], known))
    while True:
        try:
            TopologicalSorter(waits).prepare()
        except CycleError as error:
            circle = list(reversed(error.args[1]))
            start = circle.index(min(circle[:-1], key=lambda key: places[key]))
            told = [*circle[start:-1], *circle[: start + 1]]
            where = (*places[told[0]], "depends_on")
            yield job.fault(
                where, f"Tasks wait for each other: {' → '.join(told)}.", "Take one `depends_on` out."
            )
            for key in told:
                waits[key] = []
        else:
            return


def _permissions(job: Found, said: Mapping[str, Any]) -> Iterator[Fault]:
    for path, each in items(said, "permissions"):
        if sum(each.get(name) is not None for name in PRINCIPALS) != 1:
            yield job.fault(path, f"A permission names one of {', '.join(PRINCIPALS)}.")
    owners = [found for found in items(said, "permissions", "level") if found[1]["level"] == "IS_OWNER"]
    for index, (path, each) in enumerate(owners):
        if index or each.get("group_name") is not None:
            yield job.fault(path, "A job has one owner, which is no group.", "Grant it CAN_MANAGE.")


def _schedule(job: Found, said: Mapping[str, Any]) -> Iterator[Fault]:
    """Quartz: seconds to day of week, and perhaps a year; one of the two days is `?`."""
    schedule = said.get("schedule")
    text = schedule.get("quartz_cron_expression") if isinstance(schedule, dict) else None
    if not isinstance(text, str):
        return
    fields = text.split()
    path = ("schedule", "quartz_cron_expression")
    if len(fields) not in (6, 7) or not all(_CRON.fullmatch(field) for field in fields):
        message = f"{text!r} is no Quartz expression: seconds minutes hours day month weekday [year]."
        yield job.fault(path, message, "Every day at six: `0 0 6 * * ?`.")
    elif (fields[3] == "?") == (fields[5] == "?"):
        yield job.fault(path, f"{text!r} must have `?` for the day or for the weekday, and not for both.")


def _named(task: Mapping[str, Any]) -> str:
    key = task.get("task_key")
    return f"task {key!r}" if isinstance(key, str) else "this task"


def near(word: str, known: set[str]) -> str:
    """A suggestion, "" where nothing is near."""
    found = get_close_matches(word[:200], sorted(known), 1)
    return f"Did you mean `{found[0]}`?" if found else ""
