"""Checks of the kind `databricksNotebook`: a one-time run of one notebook.

https://docs.databricks.com/api/azure/workspace/jobs/submit: the same `idempotency_token` gives back the run
that there is, so a start whose answer was lost is simply made again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from posixpath import basename
from typing import Any

from reconciler.checks.kind import Look, Tools, known
from reconciler.checks.record import Wanted
from reconciler.databricks.libraries import WHEEL_NAME
from reconciler.databricks.workspacepath import mounted
from reconciler.environment.values import ALL
from reconciler.environment.workloads import Check
from reconciler.errors import CloudError, ReconcilerError
from reconciler.providers.workspace import Place

RUNS = "/api/2.2/jobs/runs"
TASK = "check"
ENDED = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
LINES = 5
"""How many lines of a notebook's error are told."""


class Notebook:
    def begin(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        place = _place(tools)
        body = submission(wanted, str(token["mark"]), tools.libraries)
        answer = tools.workspaces.call(place, "POST", f"{RUNS}/submit", body=body, where=wanted.name)
        return Look({**token, "run": answer["run_id"], "host": place.host})

    settle = begin

    def look(self, wanted: Wanted, token: Mapping[str, Any], tools: Tools) -> Look:
        place = _place(tools)
        run = tools.workspaces.call(
            place, "GET", f"{RUNS}/get", query={"run_id": token["run"]}, where=wanted.name
        )
        url = str(run.get("run_page_url") or "")
        passed, message = verdict(run)
        if passed is None:
            return Look(token, None, url)
        start, end = int(run.get("start_time") or 0), int(run.get("end_time") or 0)
        seconds = (end - start) / 1000 if end > start > 0 else None
        told = "" if passed else "\n".join(filter(None, (message, self._output(place, run, tools))))
        return Look(token, passed, url, told, seconds)

    def _output(self, place: Place, run: Mapping[str, Any], tools: Tools) -> str:
        """The first lines of what went wrong in the notebook; "" where it cannot be had."""
        task = next(iter(run.get("tasks") or ()), run)
        try:
            query = {"run_id": task["run_id"]}
            output = tools.workspaces.call(place, "GET", f"{RUNS}/get-output", query=query)
        except ReconcilerError:
            return ""
        return "\n".join(str(output.get("error") or "").strip().splitlines()[:LINES])

    def cancel(self, token: Mapping[str, Any], tools: Tools) -> str:
        place = _place(tools)
        if token["host"] != place.host:
            return f" and goes on in {token['host']}"
        tools.workspaces.call(place, "POST", f"{RUNS}/cancel", body={"run_id": token["run"]})
        return " and was cancelled"


def _place(tools: Tools) -> Place:
    if tools.place is None:
        raise CloudError("It runs in a workspace, and the environment has no section `databricks`.")
    return tools.place


def submission(wanted: Wanted, mark: str, libraries: tuple[str, ...]) -> dict[str, Any]:
    """The body of runs/submit. Raises CloudError where the check asks for what cannot be."""
    check = wanted.check
    compute = compute_of(check)
    known(check.parameters, compute)
    asked = libraries_of(check, libraries)
    if asked and not compute:
        raise CloudError(
            "Serverless compute takes no `libraries`. Name a cluster, or use %pip in the notebook."
        )
    seconds = int(check.timeout.total_seconds())
    parameters = {name: text(value) for name, value in check.parameters.items()}
    task = {
        "task_key": TASK,
        "notebook_task": {
            "notebook_path": check.databricks_notebook,
            "source": "WORKSPACE",
            "base_parameters": parameters,
        },
        **compute,
        **({"libraries": asked} if asked else {}),
    }
    return {
        "run_name": f"{wanted.environment}: check {check.name}",
        "tasks": [task],
        "timeout_seconds": seconds,
        "idempotency_token": mark,
    }


def compute_of(check: Check) -> dict[str, Any]:
    """The keys that say what the task runs on; none of them means serverless."""
    said = check.compute
    if said is not None and said.new_cluster is not None:
        return {"new_cluster": said.new_cluster}
    if said is not None and said.existing_cluster is not None:
        return {"existing_cluster_id": said.existing_cluster}
    return {}


def libraries_of(check: Check, there: tuple[str, ...]) -> list[dict[str, str]]:
    """The task's libraries: all of the environment, or those named by file or distribution."""
    if check.libraries == (ALL,):
        return [_library(path) for path in there]
    found = []
    for name in check.libraries:
        path = next((path for path in there if _fold(name) in _names(path)), None)
        if path is None:
            known = ", ".join(basename(path) for path in there) or "none"
            raise CloudError(f"There is no library {name!r}. The environment has {known}.")
        found.append(_library(path))
    return found


def _library(path: str) -> dict[str, str]:
    return {"jar" if path.endswith(".jar") else "whl": mounted(path)}


def _names(path: str) -> tuple[str, ...]:
    """What a library may be called by: its file's name, without `.jar`, and its distribution's name."""
    name = basename(path)
    wheel = WHEEL_NAME.fullmatch(name)
    return _fold(name), _fold(wheel["name"] if wheel else name.removesuffix(".jar"))


def _fold(name: str) -> str:
    """As Python's packages are compared (https://packaging.python.org/specifications/name-normalization)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def text(value: Any) -> str:
    """A parameter's value: a notebook's widgets know text alone."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def verdict(run: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Whether a run ended well (None while it goes on), and what it says of that.

    `state` is the older form, `status` the newer one; a service may leave either out."""
    state = run.get("state") or {}
    if state:
        if state.get("life_cycle_state") not in ENDED:
            return None, ""
        result = str(state.get("result_state") or state["life_cycle_state"])
        return result == "SUCCESS", f"{result}: {state.get('state_message') or 'no message'}"
    status = run.get("status") or {}
    if status.get("state") != "TERMINATED":
        return None, ""
    details = status.get("termination_details") or {}
    code = str(details.get("code") or "no code")
    return code == "SUCCESS", f"{code}: {details.get('message') or 'no message'}"
