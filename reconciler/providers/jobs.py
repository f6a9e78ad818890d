"""Jobs of Databricks workspaces, found by their id, or by our mark among their tags.

Names of jobs are not unique: a job of the same name that does not bear our mark is somebody else's, unless
Git says that it is to be adopted. The mark is a tag like any other: who takes it off makes a difference."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from reconciler.databricks import MARK
from reconciler.errors import CloudError, NotFound, SignInError
from reconciler.providers import permissions
from reconciler.providers.deployment import NeverArrived
from reconciler.providers.provider import Done, Looked, Pending, looked
from reconciler.providers.sweep import due, read_at
from reconciler.providers.workspace import Place, Workspaces, by_place
from reconciler.record import Entry
from reconciler.resource import Key, Observation, Resource, Status

JOB = "databricks.job"
API = "/api/2.2/jobs"
PAGE = 100
ADOPT = "adopt"
"""In `at`: true where a job of that name may be taken over."""
NAME = "name"
"""In `at`: the job's name, which its key need not be."""


class JobProvider:
    """Kind job. environment: what our mark says. now: Azure's clock."""

    kinds = frozenset({JOB})

    def __init__(self, workspaces: Workspaces, environment: str, now: Callable[[], datetime]) -> None:
        self._workspaces, self._environment, self._now = workspaces, environment, now
        self._ids: dict[Key, str] = {}
        self._taken: tuple[str, ...] = ()
        self._looked: set[Place] = set()
        self._lock = threading.Lock()

    # Reading

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        taken = {str(entry.id) for key, entry in recorded.items() if key.kind == JOB and entry.id}
        self._taken = tuple(sorted(taken))
        observations: dict[Key, Observation] = {}
        unmanaged: set[Key] = set()
        for place, mine in by_place(wanted):
            try:
                jobs = {str(job["job_id"]): job for job in self._list(place)}
                jobs |= self._not_listed(place, [recorded[e.key] for e in mine if e.key in recorded], jobs)
                self._looked.add(place)
            except SignInError:
                raise
            except CloudError as error:
                told = (Observation(each.key, Status.UNKNOWN, error=error.message) for each in mine)
                observations.update({observation.key: observation for observation in told})
                continue
            for each in mine:
                observations[each.key] = self._observation(place, each, recorded.get(each.key), jobs, taken)
            ids = {observations[each.key].id for each in mine}
            beside = {
                id_: job
                for id_, job in jobs.items()
                if id_ not in ids and _mark(job) in ("", self._environment)
            }
            unmanaged |= _keys_of(place, beside, {each.key for each in mine})
        return Looked(observations, tuple(sorted(unmanaged)))

    def _list(self, place: Place) -> list[dict[str, Any]]:
        """Every job with its tasks; one of over a hundred tasks by pages of its own
        (https://docs.databricks.com/api/azure/workspace/jobs/list)."""
        query = {"limit": PAGE, "expand_tasks": "true"}
        jobs = self._workspaces.pages(place, f"{API}/list", "jobs", query=query)
        return [self._get(place, str(job["job_id"])) if job.get("has_more") else job for job in jobs]

    def _not_listed(
        self, place: Place, entries: Iterable[Entry], jobs: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Recorded jobs that are there though the list leaves them out: it may be late, and its pages shift
        while others make and delete jobs. One taken for deleted would be made twice."""
        found = {}
        for id_ in {entry.id for entry in entries if entry.id} - jobs.keys():
            try:
                found[id_] = self._get(place, id_)
            except CloudError as error:
                if not _is_gone(error):
                    raise
        return found

    def _get(self, place: Place, id_: str) -> dict[str, Any]:
        """One job, its lists put together from all pages."""
        query = {"job_id": id_}
        whole: dict[str, Any] = {}
        while True:
            page = self._workspaces.call(place, "GET", f"{API}/get", query=query, where=f"job {id_}")
            if not whole:
                whole = page
            else:
                for name, value in _settings(page).items():
                    if isinstance(value, list):
                        _settings(whole).setdefault(name, []).extend(value)
            if not page.get("next_page_token"):
                return whole
            query = {"job_id": id_, "page_token": page["next_page_token"]}

    def _observation(
        self,
        place: Place,
        each: Resource | Entry,
        entry: Entry | None,
        jobs: Mapping[str, Mapping[str, Any]],
        taken: set[str],
    ) -> Observation:
        id_ = entry.id if entry is not None and entry.id in jobs else self._found(each, jobs, taken)
        with self._lock:
            if id_:
                self._ids[each.key] = id_
            else:
                self._ids.pop(each.key, None)
        if not id_:
            return Observation(each.key, Status.ABSENT)
        spec = _spec(jobs[id_])
        stamp: Mapping[str, Any] = {}
        wanted = each.spec if isinstance(each, Resource) else each.applied or {}
        if permissions.NAME in wanted:
            if entry is None or permissions.NAME not in (entry.baseline or {}) or due(entry, self._now()):
                try:
                    spec[permissions.NAME] = permissions.read(
                        self._workspaces, place, "jobs", id_, wanted[permissions.NAME], each.key
                    )
                except CloudError as error:
                    return Observation(each.key, Status.UNKNOWN, id_, error=error.message)
                stamp = read_at(self._now())
            else:
                assert entry.baseline is not None
                spec[permissions.NAME], stamp = entry.baseline[permissions.NAME], entry.stamp
        mark = _mark(jobs[id_]) or (self._environment if entry is None and each.at.get(ADOPT) else "")
        return Observation(each.key, Status.PRESENT, id_, spec, mark=mark, stamp=stamp)

    def _found(self, each: Resource | Entry, jobs: Mapping[str, Mapping[str, Any]], taken: set[str]) -> str:
        """The job that bears our mark and this name, or the only one of this name where Git adopts it."""
        named = [
            (id_, _mark(job))
            for id_, job in sorted(jobs.items())
            if id_ not in taken and _settings(job).get("name") == each.at.get(NAME)
        ]
        ours = [id_ for id_, mark in named if mark == self._environment]
        free = [id_ for id_, mark in named if not mark]
        if ours:
            return ours[0]
        return free[0] if each.at.get(ADOPT) and len(free) == 1 else ""

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        return {each.key: looked(each.key, partial(self._read, each)) for each in made}

    def _read(self, resource: Resource) -> Observation:
        place, id_ = Place.of(resource.at), self._ids.get(resource.key, "")
        job = self._get(place, id_)
        spec, stamp = _spec(job), read_at(self._now())
        if permissions.NAME in resource.spec:
            wanted = resource.spec[permissions.NAME]
            spec[permissions.NAME] = permissions.read(
                self._workspaces, place, "jobs", id_, wanted, resource.key
            )
        return Observation(resource.key, Status.PRESENT, id_, spec, mark=_mark(job), stamp=stamp)

    # Writing

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        (resource,) = batch
        at = {name: resource.at[name] for name in ("host", "resourceId", NAME) if name in resource.at}
        # A job whose key moved in Git has another one beside it that bears its name and our mark.
        return {"key": str(resource.key), "at": at, "id": self._ids.get(resource.key, ""), "not": self._taken}

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        (resource,) = batch
        place, where = Place.of(resource.at), str(resource.key)
        settings = resource.spec["settings"]
        id_ = self._ids.get(resource.key, "") or self._made_before(place, resource)
        if id_:
            body: dict[str, Any] = {"job_id": int(id_), "new_settings": settings}
            self._workspaces.call(place, "POST", f"{API}/reset", body=body, where=where)
        else:
            # A job made twice is worse than one that is not made: without an answer the mark tells.
            made = self._workspaces.call(
                place, "POST", f"{API}/create", body=settings, where=where, repeatable=False
            )
            id_ = str(made["job_id"])
            with self._lock:
                self._ids[resource.key] = id_
        if permissions.NAME in resource.spec:
            wanted = resource.spec[permissions.NAME]
            permissions.write(self._workspaces, place, "jobs", id_, wanted, resource.key)
        return Done()

    def _made_before(self, place: Place, resource: Resource) -> str:
        """The id of a job of ours that is there all the same, in a workspace that was not looked at: Azure
        said that it had gone, and then that it is there. One late read of Azure is enough for that."""
        if place in self._looked:
            return ""
        jobs = {str(job["job_id"]): job for job in self._list(place)}
        return self._found(resource, jobs, set(self._taken))

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        at = {name: entry.at[name] for name in ("host", "resourceId") if name in entry.at}
        return {"delete": entry.id, "key": str(entry.key), "at": at}

    def delete(self, entry: Entry) -> Done | Pending:
        body = {"job_id": int(entry.id)} if entry.id else {}
        with self._lock:
            self._ids.pop(entry.key, None)
        if not body:
            return Done()
        try:
            path = f"{API}/delete"
            self._workspaces.call(Place.of(entry.at), "POST", path, body=body, where=str(entry.key))
        except CloudError as error:
            if not _is_gone(error):
                raise
        return Done()

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        """Whether a call whose answer was never seen came through; a reset is simply made again."""
        key, place = Key.parse(str(token["key"])), Place.of(token["at"])
        not_made = Done({key: NeverArrived("the call was not made.", where=str(key))})
        if token.get("delete"):
            try:
                self._get(place, str(token["delete"]))
            except CloudError as error:
                if not _is_gone(error):
                    raise
                return Done()
            return not_made
        if token.get("id"):
            return not_made
        made = (
            _settings(job).get("name") == token["at"].get(NAME) and str(job["job_id"]) not in token["not"]
            for job in self._marked(place)
        )
        return Done() if any(made) else not_made

    def _marked(self, place: Place) -> list[dict[str, Any]]:
        return [job for job in self._list(place) if _mark(job) == self._environment]


def _is_gone(error: CloudError) -> bool:
    """A job that is gone is answered as a wrong parameter by some versions of the API."""
    return isinstance(error, NotFound) or (
        error.code == "INVALID_PARAMETER_VALUE" and "does not exist" in error.message
    )


def _settings(job: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = job.get("settings") or {}
    return settings


def _mark(job: Mapping[str, Any]) -> str:
    return str((_settings(job).get("tags") or {}).get(MARK, ""))


def _spec(job: Mapping[str, Any]) -> dict[str, Any]:
    return {"settings": _settings(job)}


def _keys_of(place: Place, jobs: Mapping[str, Mapping[str, Any]], taken: set[Key]) -> set[Key]:
    """Keys of jobs that are not ours: by their name, and where another one has that, by their id as well."""
    keys: set[Key] = set()
    for id_, job in sorted(jobs.items()):
        name = str(_settings(job).get("name", id_))
        key = Key(JOB, place.host, name)
        keys.add(Key(JOB, place.host, f"{name} ({id_})") if key in taken | keys else key)
    return keys
