"""What is recorded of a check, which checks are due, and what their results mean for health. Pure.

Records are kept in `state.notes["checks"]`, by the check's name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from reconciler.environment import Environment
from reconciler.environment.workloads import Check

RUNNING, PASSED, FAILED, SKIPPED = "running", "passed", "failed", "skipped"
NOTES = "checks"
KINDS: Mapping[str, str] = {
    "databricks_notebook": "databricksNotebook",
    "data_factory_pipeline": "dataFactoryPipeline",
    "http": "http",
}
"""The field of a Check that makes it one of a kind, and the kind."""


@dataclass(frozen=True)
class Record:
    """What is known of one check. Times are ISO 8601 in UTC, by Azure's clock; seconds are its own run's.

    digest: what was tested, see `wanted`. since: when `result` came to be what it is. token: JSON without
    secrets with which the next tick goes on: empty before the intent, with `run` once something runs.
    error: of a running check, why it could not be looked at; of a skipped one, what it had to wait for."""

    kind: str
    result: str
    digest: str
    started: str
    since: str = ""
    seconds: float = 0.0
    url: str = ""
    error: str = ""
    token: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Record:
        """Read what `note` gave."""
        return cls(**{name: value for name, value in note.items() if name in cls.__dataclass_fields__})

    @property
    def note(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value not in ("", {})}

    @property
    def ran(self) -> bool:
        """Whether anything was tested; what could not even be started is tried again by each tick."""
        return "run" in self.token


@dataclass(frozen=True)
class Wanted:
    """A check of an environment with its references put in, and the digest of what it tests."""

    environment: str
    check: Check
    digest: str

    @property
    def name(self) -> str:
        return self.check.name

    @property
    def kind(self) -> str:
        return next(kind for name, kind in KINDS.items() if getattr(self.check, name) is not None)


def wanted(
    environment: Environment, fingerprint: str, put_in: Callable[[Any, str], Any] = lambda value, _: value
) -> tuple[Wanted, ...]:
    """The checks of an environment.

    fingerprint: of the commit's content and the live state: what has the same is not tested twice.
    put_in: gives a value with its references put in; its second argument is the value's path."""
    found = []
    for index, check in enumerate(environment.checks):
        whole = _put_in(check, f"checks[{index}]", put_in)
        definition = {name: getattr(whole, name) for name in Check.model_fields}
        said = json.dumps([environment.name, definition, fingerprint], sort_keys=True, default=_text)
        found.append(Wanted(environment.name, whole, hashlib.sha256(said.encode()).hexdigest()[:32]))
    return tuple(found)


def _put_in(check: Check, at: str, put_in: Callable[[Any, str], Any]) -> Check:
    changed: dict[str, Any] = {"parameters": put_in(check.parameters, f"{at}.parameters")}
    if check.http is not None:
        changed["http"] = put_in(check.http, f"{at}.http")
    if check.compute is not None:
        new, old = check.compute.new_cluster, check.compute.existing_cluster
        filled = {
            "new_cluster": None if new is None else put_in(new, f"{at}.compute.newCluster"),
            "existing_cluster": None if old is None else put_in(old, f"{at}.compute.existingCluster"),
        }
        changed["compute"] = check.compute.model_copy(update=filled)
    return check.model_copy(update=changed)


def _text(value: Any) -> str:
    """What JSON does not know; a value that is not known yet goes by its expression."""
    return str(getattr(value, "expression", value))


def due(wanted: Iterable[Wanted], recorded: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """The checks that have to be run, or looked after: all but those that ran to their end on the same.

    recorded: `state.notes["checks"]`."""
    found = []
    for each in wanted:
        note = recorded.get(each.name)
        record = Record.of(note) if note else None
        done = record is not None and record.result != RUNNING and record.ran
        if record is None or record.digest != each.digest or not done:
            found.append(each)
    return tuple(found)


def healthy(notes: Mapping[str, Any], environment: Environment) -> str:
    """Why the environment's checks do not call it healthy, a failed one first; "" where they do.

    notes: `state.notes` after the run of the checks."""
    recorded = notes.get(NOTES) or {}
    told: dict[str, list[str]] = {FAILED: [], RUNNING: [], SKIPPED: []}
    for check in environment.checks:
        note = recorded.get(check.name)
        record = Record.of(note) if note is not None else None
        if record is None:
            told[SKIPPED].append(f"check {check.name} has not run yet.")
        elif record.result == FAILED:
            told[FAILED].append(f"check {check.name} failed: {record.error.partition(chr(10))[0]}")
        elif record.result == RUNNING:
            told[RUNNING].append(f"check {check.name} has not ended.")
        elif record.result == SKIPPED:
            told[SKIPPED].append(f"check {check.name} was skipped: {record.error}")
    return next((reason for reasons in told.values() for reason in reasons), "")


def checks_json(recorded: Mapping[str, Any], skipped: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The records as `apply --json` and `tick --json` show them; `skipped` names checks that had to wait."""
    shown: dict[str, dict[str, Any]] = {
        name: {"name": name, "result": SKIPPED, "seconds": 0.0, "url": ""} for name in skipped
    }
    for name, note in recorded.items():
        if name in shown:
            continue
        record = Record.of(note)
        shown[name] = {
            "name": name,
            "kind": record.kind,
            "result": record.result,
            "seconds": record.seconds,
            "url": record.url,
            "since": record.since,
            **({"error": record.error} if record.error else {}),
        }
    return [shown[name] for name in sorted(shown)]
