"""Directories, notebooks, files and libraries of Databricks workspaces.

A tick lists directories and exports nothing: an object whose list item shows the stamp that was recorded with
its content has that content still. The API promises `modified_at` and `size` for files only
(https://docs.databricks.com/api/azure/workspace/workspace/list); where an item lacks them, each object is
exported once an hour, every tick a share of them."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from reconciler.databricks.content import digest
from reconciler.errors import CloudError, Conflict, NotFound, SignInError
from reconciler.providers import permissions
from reconciler.providers.deployment import NeverArrived
from reconciler.providers.provider import Done, Looked, Pending, looked
from reconciler.providers.sweep import READ, due, read_at
from reconciler.providers.workspace import Place, Workspaces, by_place
from reconciler.record import Entry
from reconciler.resource import Key, Observation, Resource, Status

READERS = 10
API = "/api/2.0/workspace"
FILES = "/api/2.0/workspace-files"
DIRECTORY, NOTEBOOK, FILE, LIBRARY = (
    "databricks.directory",
    "databricks.notebook",
    "databricks.file",
    "databricks.library",
)
TYPES: Mapping[str, str] = {DIRECTORY: "DIRECTORY", NOTEBOOK: "NOTEBOOK", FILE: "FILE", LIBRARY: "FILE"}
KINDS: Mapping[str, str] = {"DIRECTORY": DIRECTORY, "NOTEBOOK": NOTEBOOK, "FILE": FILE, "LIBRARY": LIBRARY}
"""Kinds by the `object_type` of the API."""
SHOWN = ("object_id", "modified_at", "size")
"""What a list item shows that changes with a write."""
LIMIT = 10 * 1024 * 1024
"""Bytes that import and export take (`MAX_NOTEBOOK_SIZE_EXCEEDED`); larger files go another way."""

Content = Callable[[Mapping[str, Any]], bytes]
"""The bytes to import for a resource's `at`."""


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


@dataclass(frozen=True)
class _Listing:
    """What one directory holds by path; None: it is not there. `error`: why that is not known."""

    items: Mapping[str, Mapping[str, Any]] | None = None
    error: str = ""


class ObjectProvider:
    """Kinds directory, notebook, file and library. Remembers what it saw last.

    content: gives the bytes of what is written. now: Azure's clock."""

    kinds = frozenset(TYPES)

    def __init__(self, workspaces: Workspaces, content: Content, now: Callable[[], datetime]) -> None:
        self._workspaces, self._content, self._now = workspaces, content, now
        self._recorded: Mapping[Key, Entry] = {}
        self._there: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    # Reading

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        self._recorded = recorded
        observations: dict[Key, Observation] = {}
        unmanaged: set[Key] = set()
        for place, mine in by_place(wanted):
            seen, others = self._look(place, mine)
            observations.update(seen)
            unmanaged.update(others)
        return Looked(observations, tuple(sorted(unmanaged - observations.keys())))

    def _look(self, place: Place, wanted: list[Resource | Entry]) -> tuple[dict[Key, Observation], set[Key]]:
        ours = {each.key.name for each in wanted if each.key.kind == DIRECTORY}
        folders = sorted(ours | {parent_of(each.key.name) for each in wanted if each.key.kind != DIRECTORY})
        with ThreadPoolExecutor(READERS) as pool:
            listings = dict(
                zip(folders, pool.map(lambda path: self._list(place, path), folders), strict=True)
            )
            self._there.difference_update((place.host, path) for path in folders)
            self._there.update((place.host, path) for path in folders if listings[path].items is not None)
            seen = pool.map(lambda each: self._observation(place, each, listings), wanted)
            observations = {observation.key: observation for observation in seen}
        unmanaged = {
            Key(KINDS[str(item["object_type"])], place.host, path)
            for folder in ours
            for path, item in (listings[folder].items or {}).items()
            if item.get("object_type") in KINDS
        }
        known = {key.name for key in observations}
        return observations, {key for key in unmanaged if key.name not in known}

    def _list(self, place: Place, path: str) -> _Listing:
        try:
            answer = self._workspaces.call(place, "GET", f"{API}/list", query={"path": path}, where=path)
        except NotFound:
            return _Listing()
        except SignInError:
            raise
        except CloudError as error:
            return _Listing(error=error.message)
        items = {str(item["path"]): item for item in answer.get("objects") or ()}
        # A list of what is no directory shows that object itself.
        other = str(items[path].get("object_type")) if path in items else "DIRECTORY"
        if other != "DIRECTORY":
            return _Listing(error=f"{path} is no directory but a {other}, which has to go first.")
        return _Listing(items)

    def _observation(
        self, place: Place, each: Resource | Entry, listings: Mapping[str, _Listing]
    ) -> Observation:
        key, path = each.key, each.key.name
        listing = listings[path if key.kind == DIRECTORY else parent_of(path)]
        if listing.error:
            return Observation(key, Status.UNKNOWN, error=listing.error)
        if listing.items is None:
            return Observation(key, Status.ABSENT)
        if key.kind == DIRECTORY:
            return looked(key, partial(self._directory, place, each))
        item = listing.items.get(path)
        if item is None:
            return Observation(key, Status.ABSENT)
        return looked(key, partial(self._object, place, each, item))

    def _directory(self, place: Place, each: Resource | Entry) -> Observation:
        """A directory that is there; its permissions only where some are asked for, and once an hour."""
        spec = each.spec if isinstance(each, Resource) else each.applied or {}
        if permissions.NAME not in spec:
            return Observation(each.key, Status.PRESENT, each.key.name)
        entry = self._recorded.get(each.key)
        if entry is not None and entry.baseline and not due(entry, self._now()):
            return Observation(each.key, Status.PRESENT, each.key.name, entry.baseline, stamp=entry.stamp)
        return self._directory_now(place, each.key)

    def _directory_now(self, place: Place, key: Key) -> Observation:
        status = self._status(place, key)
        granted = permissions.read(self._workspaces, place, "directories", str(status["object_id"]), {}, key)
        stamp = read_at(self._now())
        return Observation(key, Status.PRESENT, key.name, {permissions.NAME: granted}, stamp=stamp)

    def _object(self, place: Place, each: Resource | Entry, item: Mapping[str, Any]) -> Observation:
        """One object: by its record while the list shows no write, else by its export."""
        shown = _shown(item)
        entry = self._recorded.get(each.key)
        if entry is not None and entry.baseline and _same_type(each.key, item):
            before = {name: value for name, value in entry.stamp.items() if name != READ}
            stays = "modified_at" in shown or not due(entry, self._now())
            if before == shown and stays:
                return Observation(each.key, Status.PRESENT, each.key.name, entry.baseline, stamp=entry.stamp)
        return self._export(place, each.key, each.at, item)

    def _export(self, place: Place, key: Key, at: Mapping[str, Any], item: Mapping[str, Any]) -> Observation:
        spec: dict[str, Any] = {"objectType": str(item.get("object_type", ""))}
        if item.get("language"):
            spec["language"] = str(item["language"])
        if _same_type(key, item):
            spec["content"] = self._digest(place, key, at, item)
        stamp = {**_shown(item), **({} if "modified_at" in item else read_at(self._now()))}
        return Observation(key, Status.PRESENT, key.name, spec, stamp=stamp)

    def _digest(self, place: Place, key: Key, at: Mapping[str, Any], item: Mapping[str, Any]) -> str:
        format_ = str(at["format"])
        if key.kind != NOTEBOOK and int(item.get("size") or 0) > LIMIT:
            content = self._workspaces.download(place, f"{FILES}{quote(key.name)}", where=str(key))
        else:
            query = {"path": key.name, "format": format_}
            answer = self._workspaces.call(place, "GET", f"{API}/export", query=query, where=str(key))
            content = base64.b64decode(answer.get("content") or "")
        if key.kind == LIBRARY:
            return f"sha256:{hashlib.sha256(content).hexdigest()}"
        kind = "notebook" if key.kind == NOTEBOOK else "file"
        return digest(kind, str(item.get("language") or ""), format_, content)

    def _status(self, place: Place, key: Key) -> Mapping[str, Any]:
        query = {"path": key.name}
        return self._workspaces.call(place, "GET", f"{API}/get-status", query=query, where=str(key))

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        return {each.key: looked(each.key, partial(self._read, each)) for each in made}

    def _read(self, resource: Resource) -> Observation:
        """After a write. What was sent counts as there once the export was seen to equal it; content that was
        seen before needs no other export where it has again the size that it had then."""
        place, key = Place.of(resource.at), resource.key
        if key.kind == DIRECTORY:
            if permissions.NAME in resource.spec:
                return self._directory_now(place, key)
            self._status(place, key)
            return Observation(key, Status.PRESENT, key.name)
        item = self._status(place, key)
        entry = self._recorded.get(key)
        known = entry.baseline if entry is not None and entry.baseline else {}
        proven = (
            entry is not None
            and known.get("content") == resource.spec["content"]
            and "modified_at" in item
            and entry.stamp.get("size") == item.get("size") is not None
            and _same_type(key, item)
            and known.get("language") == item.get("language")
        )
        if proven:
            return Observation(key, Status.PRESENT, key.name, known, stamp=_shown(item))
        return self._export(place, key, resource.at, item)

    # Writing

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        (resource,) = batch
        at = {name: resource.at[name] for name in ("host", "resourceId", "format") if name in resource.at}
        return {"key": str(resource.key), "at": at, "content": resource.spec.get("content", "")}

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        (resource,) = batch
        place, key = Place.of(resource.at), resource.key
        if key.kind == DIRECTORY:
            self._mkdirs(place, key.name, str(key))
            if permissions.NAME in resource.spec:
                object_id = str(self._status(place, key)["object_id"])
                permissions.write(
                    self._workspaces, place, "directories", object_id, resource.spec[permissions.NAME], key
                )
            return Done()
        self._mkdirs(place, parent_of(key.name), str(key))
        content = self._content(resource.at)
        if key.kind != NOTEBOOK and len(content) > LIMIT:
            path = f"{FILES}/import-file{quote(key.name)}"
            query = {"overwrite": "true"}
            self._workspaces.call(place, "POST", path, query=query, data=content, where=str(key))
            return Done()
        # As a form and not as base64 in JSON, whose third more would count against the limit.
        body = {"path": key.name, "format": resource.at["format"], "overwrite": "true"}
        if resource.at["format"] == "SOURCE":
            body["language"] = resource.spec["language"]
        self._workspaces.call(place, "POST", f"{API}/import", body=body, file=content, where=str(key))
        return Done()

    def _mkdirs(self, place: Place, path: str, where: str) -> None:
        with self._lock:
            if (place.host, path) in self._there:
                return
        self._workspaces.call(place, "POST", f"{API}/mkdirs", body={"path": path}, where=where)
        with self._lock:
            self._there.add((place.host, path))

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        at = {name: entry.at[name] for name in ("host", "resourceId") if name in entry.at}
        return {"delete": str(entry.key), "key": str(entry.key), "at": at}

    def delete(self, entry: Entry) -> Done | Pending:
        place = Place.of(entry.at)
        body = {"path": entry.key.name, "recursive": False}
        with self._lock:
            self._there.discard((place.host, entry.key.name))
        try:
            self._workspaces.call(place, "POST", f"{API}/delete", body=body, where=str(entry.key))
        except NotFound:
            return Done()
        except Conflict as error:
            raise Conflict(
                f"{error.message} Somebody put something into it; remove that, or leave the directory.",
                where=str(entry.key),
                code=error.code,
            ) from None
        return Done()

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        """Whether a call whose answer was never seen came through. Made again it does no harm."""
        key, at = Key.parse(str(token["key"])), token["at"]
        place = Place.of(at)
        not_made = Done({key: NeverArrived("the call was not made.", where=str(key))})
        try:
            item = self._status(place, key)
        except NotFound:
            return Done() if "delete" in token else not_made
        if "delete" in token:
            return not_made
        if key.kind == DIRECTORY:
            return Done()
        same = _same_type(key, item) and self._digest(place, key, at, item) == token["content"]
        return Done() if same else not_made


def _shown(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in SHOWN if name in item}


def _same_type(key: Key, item: Mapping[str, Any]) -> bool:
    return KINDS.get(str(item.get("object_type"))) in (key.kind, {LIBRARY: FILE}.get(key.kind))


def fetched(at: Mapping[str, Any]) -> bytes:
    """A library from its address, if it is what its SHA-256 says. Raises CloudError."""
    import requests

    url = str(at["url"])
    try:
        answer = requests.get(url, timeout=60)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise CloudError(f"{url} was not fetched: {type(error).__name__}.", code="fetch") from None
    found = hashlib.sha256(answer.content).hexdigest()
    if found != at["sha256"]:
        raise CloudError(
            f"What {url} gives has the SHA-256 {found}, and Git asks for {at['sha256']}. It is not used.",
            code="sha256",
        )
    return answer.content
