"""Runs of pipelines: made, moved on, ended, cancelled.

A run is one document; everything that lets it move is a scheduled effect, so it goes by the world's clock and
goes on after a restart. It runs the pipeline as it was when the run was made. What the sandbox does not play
is found before the first activity starts, and fails the run with words that say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from sandbox.clock import iso
from sandbox.service import CloudError, OperationFault, Request, Response
from sandbox.services.arm import ids, records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document
from sandbox.services.arm.providers.adf import (
    activities,
    databricks_activity,
    expressions,
    names,
    outcome,
    validation_activity,
)
from sandbox.services.arm.providers.adf.activities import Progress, Runner, Task
from sandbox.world import World

RUNS = "adf.runs"
ENDED = ("Succeeded", "Failed", "Cancelled")

_STEP = "adf.run"
_DEPTH = 20  # runs within runs; Data Factory has no pipelines that run themselves
_NO_FAULT = OperationFault()
_INACTIVE: Mapping[str, activities.Status] = {
    "Succeeded": "Succeeded",
    "Failed": "Failed",
    "Skipped": "Skipped",
}
Run = dict[str, Any]


def key_of(factory: ResourceId, run_id: str) -> str:
    return f"{factory.key}/pipelineruns/{run_id.lower()}"


def all_of(world: World, factory: ResourceId) -> Iterator[Run]:
    """The runs of a factory, in no order."""
    for _, run in world.store.items(RUNS, f"{factory.key}/pipelineruns/"):
        yield run


def forget(world: World, factory: ResourceId) -> None:
    """The runs of a factory go with it."""
    for key in world.store.keys(RUNS, f"{factory.key}/pipelineruns/"):
        world.store.delete(RUNS, key)


def create_run(
    world: World, request: Request, target: ResourceId, document: Document
) -> tuple[Response, Document | None]:
    """`POST …/pipelines/{name}/createRun`; the body is the parameters."""
    again = {"referencepipelinerunid", "isrecovery", "startactivityname", "startfromfailure"}
    if again & set(request.query):
        raise CloudError(501, "NotImplemented", "The sandbox does not play reruns of a run.")
    sent = request.json() or {}
    if not isinstance(sent, Mapping):
        raise names.refused(target, "The parameters of a run are a JSON object.")
    manual = {"id": uuid5(NAMESPACE_OID, request.request_id).hex, "name": "Manual", "invokedByType": "Manual"}
    run = create(world, target, document, sent, manual, fault=request.operation)
    return Response(200, {"runId": run["id"]}), None


def create(
    world: World,
    target: ResourceId,
    document: Mapping[str, Any],
    sent: Mapping[str, Any],
    invoked_by: Mapping[str, Any],
    parent: Run | None = None,
    fault: OperationFault = _NO_FAULT,
) -> Run:
    """Make a run of a pipeline; it starts at once, or after the delay that a fault asks for."""
    pipeline, now = document["properties"], world.now()
    run_id = str(uuid5(NAMESPACE_OID, f"adf-run/{world.store_serial()}"))
    declared = pipeline.get("parameters") or {}
    defaults = {name: spec["defaultValue"] for name, spec in declared.items() if "defaultValue" in spec}
    run: Run = {
        "id": run_id,
        "key": key_of(names.factory_of(target), run_id),
        "factory": names.factory_of(target).id,
        "pipeline": target.name,
        "group": parent["group"] if parent else run_id,
        "parent": parent["key"] if parent else None,
        "depth": parent["depth"] + 1 if parent else 0,
        # Parameters that the pipeline does not declare are dropped (recorded).
        "parameters": {**defaults, **{name: sent[name] for name in declared if name in sent}},
        "invokedBy": dict(invoked_by),
        "activities": pipeline.get("activities") or [],
        "annotations": pipeline.get("annotations") or [],
        "concurrency": pipeline.get("concurrency"),
        "status": "Queued",
        "message": "",
        "start": iso(now),
        "end": None,
        "updated": iso(now),
        "steps": {},
        "unplayed": False,
        "fails": fault.fails,
        "later": None,
    }
    run["later"] = world.schedule(now + fault.delay, _STEP, {"key": run["key"]})
    _save(world, run)
    if fault.delay.total_seconds() == 0 and parent is None:
        move(world, {"key": run["key"]})
    return run


def cancel(world: World, key: str, recursive: bool) -> None:
    """End a run where it stands; what has ended stays as it is."""
    run = world.store.get(RUNS, key)
    if run is None or run["status"] in ENDED:
        return
    for task, step in _running(run):
        if recursive and (child := step["memo"].get("run")):
            cancel(world, child, recursive)
        _runner(task).stop(world, task, step["memo"])
    _end(world, run, "Cancelled", "")


def move(world: World, data: Mapping[str, Any]) -> None:
    """The effect `adf.run`: let a run go as far as it can now."""
    run = world.store.get(RUNS, data["key"])
    if run is None or run["status"] in ENDED:
        return
    if run["later"]:
        world.unschedule(run["later"])
        run["later"] = None
    if run["status"] == "Queued":
        if _waits_for_others(world, run):
            _save(world, run)
            return
        run["status"] = "InProgress"
        if fault := _cannot_start(run):
            run["unplayed"] = not run["fails"]
            _end(world, run, "Failed", fault)
            return
    again = _advance(world, run)
    if run["status"] in ENDED:
        return
    if len(run["steps"]) == len(run["activities"]) and not list(_running(run)):
        _end(world, run, *outcome.of_run(run["activities"], run["steps"]))
        return
    run["updated"] = iso(world.now())
    run["later"] = world.schedule(min(again), _STEP, {"key": run["key"]}) if again else None
    _save(world, run)


def _advance(world: World, run: Run) -> list[datetime]:
    """Start and look at activities until nothing changes; when to look again."""
    changed, again = True, list[datetime]()
    while changed and run["status"] not in ENDED:
        changed, again = False, []
        for activity in run["activities"]:
            name = activity["name"]
            step = run["steps"].get(name)
            if step is None:
                ready = outcome.of_dependencies(activity, run["steps"])
                if ready is None:
                    continue
                changed = True
                progress = _begin(world, run, activity) if ready else None
            elif step["status"] == "InProgress":
                task = _task(run, step["activity"])
                progress = _runner(task).look(world, task, step["memo"])
                changed = changed or progress.status != "InProgress"
            else:
                continue
            _note(world, run, name, progress)
            if progress and progress.unplayed:
                run["unplayed"] = True
                _stop_all(world, run)
                _end(world, run, "Failed", f"Operation on target {name} failed: {progress.message}")
                return []
            if progress and progress.again and progress.status == "InProgress":
                again.append(progress.again)
    return again


def _stop_all(world: World, run: Run) -> None:
    for task, step in _running(run):
        _runner(task).stop(world, task, step["memo"])


def _begin(world: World, run: Run, activity: Mapping[str, Any]) -> Progress:
    number = world.store_serial()
    run["steps"][activity["name"]] = {
        "id": str(uuid5(NAMESPACE_OID, f"adf-activity/{number}")),
        "start": iso(world.now()),
        "activity": activity,
        "memo": {},
    }
    if activity.get("state") == "Inactive":
        return Progress(_INACTIVE[activity.get("onInactiveMarkAs") or "Succeeded"])
    outputs = {name: step.get("output") or {} for name, step in run["steps"].items() if step.get("end")}
    try:
        asked = expressions.resolved(activity, expressions.Values(run["parameters"], outputs))
    except expressions.EvaluationError as fault:
        return activities.failed(str(fault), "InvalidTemplate")
    run["steps"][activity["name"]]["activity"] = asked
    task = _task(run, asked)
    return _runner(task).begin(world, task)


def _note(world: World, run: Run, name: str, progress: Progress | None) -> None:
    now = iso(world.now())
    if progress is None:
        run["steps"][name] = {"status": "Skipped", "start": now, "end": now}
        return
    step = run["steps"][name]
    step |= {"status": progress.status, "memo": dict(progress.memo), "output": dict(progress.output)}
    step |= {"code": progress.code, "message": progress.message}
    if progress.status != "InProgress":
        step["end"] = now


def _end(world: World, run: Run, status: str, message: str) -> None:
    now = iso(world.now())
    for _, step in _running(run):
        step |= {"status": "Cancelled", "end": now}
    if run["later"]:
        world.unschedule(run["later"])
    run |= {"status": status, "message": message, "end": now, "updated": now, "later": None}
    _save(world, run)
    # One that has its own time to start does not wait for this one.
    queued = [one for one in _siblings(world, run) if one["status"] == "Queued" and not one["later"]]
    first = min(queued, key=lambda one: one["start"])["key"] if queued else None
    for key in filter(None, (run["parent"], first)):
        world.schedule(world.now(), _STEP, {"key": key})


def _cannot_start(run: Run) -> str:
    """Why the run fails before its first activity; empty when it can start."""
    if run["fails"]:
        return "A fault that was asked for."
    if run["depth"] > _DEPTH:
        return f"The sandbox does not play runs that are nested deeper than {_DEPTH}."
    found = []
    for activity in run["activities"]:
        if activity.get("state") == "Inactive":
            continue
        if activity["type"] not in RUNNERS:
            found.append(f"activity '{activity['name']}' of type '{activity['type']}'")
            continue
        texts = expressions.unplayed(activity.get("typeProperties"))
        found += [f"expression '{text}' in activity '{activity['name']}'" for text in texts]
    return f"The sandbox does not play: {'; '.join(found)}." if found else ""


def _waits_for_others(world: World, run: Run) -> bool:
    """Whether as many runs of the pipeline are under way as its `concurrency` allows."""
    allowed = run["concurrency"]
    under_way = sum(one["status"] == "InProgress" for one in _siblings(world, run)) if allowed else 0
    return bool(allowed) and under_way >= allowed


def _siblings(world: World, run: Run) -> list[Run]:
    factory = _parsed(run["factory"])
    same = (one for one in all_of(world, factory) if one["pipeline"].lower() == run["pipeline"].lower())
    return [one for one in same if one["id"] != run["id"]]


def _running(run: Run) -> Iterator[tuple[Task, dict[str, Any]]]:
    for step in run["steps"].values():
        if step["status"] == "InProgress":
            yield _task(run, step["activity"]), step


def _task(run: Run, activity: Mapping[str, Any]) -> Task:
    return Task(run["key"], run["id"], _parsed(run["factory"]), run["pipeline"], activity)


def _runner(task: Task) -> Runner:
    return RUNNERS[task.activity["type"]]


def _parsed(text: str) -> ResourceId:
    found = ids.parse(text)
    assert found is not None, text
    return found


def _save(world: World, run: Run) -> None:
    world.store.put(RUNS, run["key"], run)


# Pipelines within pipelines -----------------------------------------------------------------------


def _execute(world: World, task: Task) -> Progress:
    name = str((task.settings.get("pipeline") or {}).get("referenceName"))
    target = task.factory.child("pipelines", name)
    document, parent = records.get(world, target.id), world.store.get(RUNS, task.key)
    if document is None or parent is None:
        return activities.failed(f"The pipeline '{name}' does not exist.", "BadRequest")
    invoked_by = {
        "id": task.run_id,
        "name": task.pipeline,
        "invokedByType": "PipelineActivity",
        "pipelineName": task.pipeline,
        "pipelineRunId": task.run_id,
    }
    found = ids.parse(document["id"])
    assert found is not None
    child = create(world, found, document, task.settings.get("parameters") or {}, invoked_by, parent)
    output = {"pipelineName": child["pipeline"], "pipelineRunId": child["id"]}
    # "Default is false" (entityTypes/Pipeline.json); ADF Studio always writes it.
    if task.settings.get("waitOnCompletion"):
        return Progress("InProgress", output, memo={"run": child["key"]})
    return Progress("Succeeded", output)


def _executed(world: World, task: Task, memo: Mapping[str, Any]) -> Progress:
    child = world.store.get(RUNS, memo["run"])
    if child is None:
        return activities.failed("The run does not exist any more.", "BadRequest")
    output = {"pipelineName": child["pipeline"], "pipelineRunId": child["id"]}
    if child["status"] not in ENDED:
        return Progress("InProgress", output, memo=memo)
    if child["status"] == "Succeeded":
        return Progress("Succeeded", output)
    message = child["message"] or f"The run of the pipeline '{child['pipeline']}' was cancelled."
    return Progress("Failed", output, "BadRequest", message, unplayed=child["unplayed"])


RUNNERS: Mapping[str, Runner] = {
    **activities.RUNNERS,
    **databricks_activity.RUNNERS,
    **validation_activity.RUNNERS,
    "ExecutePipeline": Runner(_execute, _executed),
}
EFFECTS = {_STEP: move}
