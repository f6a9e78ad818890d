"""Checks of the kind `dataFactoryPipeline`: a run of one pipeline.

createRun has no token that makes it safe to repeat. Data Factory drops parameters that a pipeline does not
declare (recorded from the service), so our marker goes only to a pipeline that declares it: then a run is
ours without doubt. To any other one a lost answer is settled by name and time: a run by hand in the same
moment would be taken for ours, which tests the same pipeline all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from reconciler.adf import API_VERSION
from reconciler.checks.kind import Look, Tools, known
from reconciler.checks.record import Wanted
from reconciler.errors import CloudError, NotFound

MARKER = "reconcilerRun"
"""A parameter of type string; a pipeline that declares it can have its lost answers settled for certain."""
LAG = timedelta(minutes=2)
"""So long a run may take to be shown after it was made."""
SKEW = timedelta(seconds=2)
"""Our picture of Azure's clock has whole seconds."""
ENDED = ("Succeeded", "Failed", "Cancelled")
PAGE = "https://adf.azure.com/en/monitoring/pipelineruns"


class Pipeline:
    def begin(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        name, sent = str(wanted.check.data_factory_pipeline), dict(wanted.check.parameters)
        known(sent)
        declared = _declared(name, tools)
        unknown = sorted(sent.keys() - declared)
        if unknown:
            there = ", ".join(sorted(declared)) or "none"
            raise CloudError(f"The pipeline has no parameter {', '.join(unknown)}. It declares {there}.")
        if MARKER in declared:
            sent[MARKER] = token["mark"]
        path = f"{_pipeline(name, tools)}/createRun"
        answer = tools.arm.call("POST", path, API_VERSION, sent, where=wanted.name)
        return self._started(token, str(answer.body["runId"]), tools)

    def _started(self, token: Mapping[str, Any], run: str, tools: Tools) -> Look:
        url = f"{PAGE}/{run}?factory={quote(tools.factory, safe='')}"
        return Look({**token, "run": run}, None, url)

    def settle(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        """Our run, found by its marker or its time; asked for anew where it did not show up within LAG."""
        asked = datetime.fromisoformat(str(token["asked"]))
        name = str(wanted.check.data_factory_pipeline)
        marked = MARKER in _declared(name, tools)
        mine = [
            run
            for run in self._runs(name, asked, tools)
            if (
                (run.get("parameters") or {}).get(MARKER) == token["mark"]
                if marked
                else started_by_hand(run, asked)
            )
        ]
        if mine:
            first = min(mine, key=lambda run: str(run.get("runStart") or "9"))
            return self._started(token, str(first["runId"]), tools)
        return Look(token if tools.now() < asked + LAG else {})

    def _runs(self, name: str, asked: datetime, tools: Tools) -> Iterator[Mapping[str, Any]]:
        """The runs of a pipeline since we asked for ours."""
        query: dict[str, Any] = {
            "lastUpdatedAfter": (asked - SKEW).isoformat(),
            "lastUpdatedBefore": (tools.now() + timedelta(hours=1)).isoformat(),
            "filters": [{"operand": "PipelineName", "operator": "Equals", "values": [name]}],
        }
        path = f"{_factory(tools)}/queryPipelineRuns"
        while True:
            body = tools.arm.call("POST", path, API_VERSION, query, repeatable=True).body
            yield from body.get("value") or ()
            if not body.get("continuationToken"):
                return
            query["continuationToken"] = body["continuationToken"]

    def look(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        path = f"{_factory(tools)}/pipelineruns/{token['run']}"
        try:
            run = tools.arm.call("GET", path, API_VERSION, where=wanted.name).body
        except NotFound:
            if tools.now() < datetime.fromisoformat(str(token["asked"])) + LAG:
                return Look(token)
            return Look(token, passed=False, error="The run is not there any more.")
        if run["status"] not in ENDED:
            return Look(token)
        passed = run["status"] == "Succeeded"
        told = "" if passed else f"{run['status']}: {run.get('message') or 'no message'}"
        lasted = run.get("durationInMs")
        return Look(token, passed, error=told, seconds=None if lasted is None else lasted / 1000)

    def cancel(self, token: Mapping[str, Any], tools: Tools) -> str:
        path = f"{_factory(tools)}/pipelineruns/{token['run']}/cancel"
        tools.arm.call("POST", path, API_VERSION, query="isRecursive=true", repeatable=True)
        return " and was cancelled"


def _factory(tools: Tools) -> str:
    if not tools.factory:
        raise CloudError("It runs in a data factory, and the environment has no section `dataFactory`.")
    return tools.factory


def _pipeline(name: str, tools: Tools) -> str:
    return f"{_factory(tools)}/pipelines/{quote(name, safe='')}"


def _declared(name: str, tools: Tools) -> set[str]:
    """The names of a pipeline's parameters."""
    try:
        body = tools.arm.call("GET", _pipeline(name, tools), API_VERSION).body
    except NotFound as error:
        where = tools.factory.rpartition("/")[2]
        raise NotFound(f"There is no pipeline {name!r} in {where}.", code=error.code) from error
    return set((body.get("properties") or {}).get("parameters") or ())


def started_by_hand(run: Mapping[str, Any], asked: datetime) -> bool:
    """Whether a call of createRun, and no trigger and no other pipeline, made a run since `asked`."""
    start = run.get("runStart") or run.get("lastUpdated")
    by_hand = (run.get("invokedBy") or {}).get("invokedByType") == "Manual"
    return by_hand and start is not None and datetime.fromisoformat(str(start)) >= asked - SKEW
