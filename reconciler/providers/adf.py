"""The objects of a data factory, each by one call, read by the lists that Data Factory offers.

Definitions travel as the JSON they are. A trigger's `runtimeState` is no part of what is PUT: here it stands
at the top of the spec, and is brought about by start and stop
(https://learn.microsoft.com/rest/api/datafactory/triggers)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from reconciler.adf import API_VERSION, KINDS, object_name
from reconciler.armtemplate.values import has_unknown
from reconciler.errors import CloudError, NotFound, SignInError
from reconciler.providers.azure import Answer, Arm, error_of
from reconciler.providers.deployment import NeverArrived, with_carried
from reconciler.providers.provider import Done, Looked, Pending, looked
from reconciler.record import RUNTIME_STATE as STATE
from reconciler.record import STARTED, STOPPED, Entry
from reconciler.resource import Key, Observation, Resource, Status

READERS = 10
FACTORY = "adf.factory"
FACTORIES = "/providers/microsoft.datafactory/factories/"
NO_SPEC = frozenset({"id", "name", "type", "etag", "eTag", "_network"})
"""What an answer holds beside the spec."""
NETWORK, ENDPOINT = "managedVirtualNetwork", "managedPrivateEndpoint"
EVENTS = ("BlobEventsTrigger", "CustomEventsTrigger")
"""Triggers that have to be subscribed to their events before they are started."""
SUBSCRIBING = 60.0
"""Longest wait in seconds for a subscription to events."""
RUNNING = ("InProgress", "Running", "Accepted", "Pending", "Provisioning", "Deprovisioning")


def factory_of(id_: str) -> str:
    """The id of the factory in which an object with this id stands."""
    name = id_.lower().index(FACTORIES) + len(FACTORIES)
    end = id_.find("/", name)
    return id_ if end < 0 else id_[:end]


def spec_of(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it is live, in the form of the desired spec."""
    spec = {name: value for name, value in body.items() if name not in NO_SPEC}
    properties = spec.get("properties")
    if kind == "adf.trigger" and isinstance(properties, Mapping):
        rest = {name: value for name, value in properties.items() if name != STATE}
        return {**spec, "properties": rest, STATE: properties.get(STATE, STOPPED)}
    return spec


class AdfProvider:
    """Kinds `adf.*`. Remembers what it saw last, to tell whether a call without an answer came through."""

    kinds = frozenset({FACTORY, *(f"adf.{kind}" for kind in KINDS)})

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._seen: dict[Key, Observation] = {}

    # Reading

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        by_factory: dict[str, list[Resource | Entry]] = {}
        for each in wanted:
            by_factory.setdefault(factory_of(str(each.at["id"])), []).append(each)
        observations: dict[Key, Observation] = {}
        unmanaged: set[Key] = set()
        for factory, mine in sorted(by_factory.items()):
            found, broken = self._list(factory)
            for each in mine:
                if each.key.kind == FACTORY:
                    observations[each.key] = self._look(each.key, str(each.at["id"]))
                elif each.key.kind in broken:
                    observations[each.key] = Observation(
                        each.key, Status.UNKNOWN, error=broken[each.key.kind]
                    )
                else:
                    observations[each.key] = found.get(each.key) or Observation(each.key, Status.ABSENT)
            unmanaged.update(found)
        self._seen.update(observations)
        return Looked(observations, tuple(sorted(unmanaged - observations.keys())))

    def beside(self, factory: str, *, whole: bool = False) -> tuple[Key, ...]:
        """All that stands in a factory. whole: raises CloudError where a part of it cannot be listed."""
        found, broken = self._list(factory)
        if whole and broken:
            kind, reason = min(broken.items())
            raise CloudError(
                f"What stands in this factory cannot be listed ({kind}): {reason}", where=factory
            )
        return tuple(sorted(found))

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        """Look at just these, each by a call of its own."""
        made = tuple(made)
        with ThreadPoolExecutor(READERS) as pool:
            seen = pool.map(lambda each: self._look(each.key, str(each.at["id"])), made)
        observations = {observation.key: observation for observation in seen}
        self._seen.update(observations)
        return observations

    def _list(self, factory: str) -> tuple[dict[Key, Observation], dict[str, str]]:
        """All objects of a factory by key, and for each kind that could not be listed the reason."""
        kinds = [kind for kind in KINDS if kind != ENDPOINT]
        with ThreadPoolExecutor(READERS) as pool:
            lists = dict(
                zip(kinds, pool.map(lambda kind: self._pages(factory, KINDS[kind].type), kinds), strict=True)
            )
            networks = lists[NETWORK]
            names = [str(each["name"]) for each in networks] if isinstance(networks, list) else []
            inner = list(pool.map(lambda name: self._endpoints(factory, name), names))
        refused = [each for each in inner if isinstance(each, CloudError)]
        lists[ENDPOINT] = (
            refused[0] if refused else [item for each in inner if isinstance(each, list) for item in each]
        )
        if isinstance(networks, CloudError):
            lists[ENDPOINT] = networks
        found: dict[Key, Observation] = {}
        broken: dict[str, str] = {}
        scope = factory.rpartition("/")[2]
        for kind, items in lists.items():
            if isinstance(items, CloudError):
                broken[f"adf.{kind}"] = items.message
                continue
            for body in items:
                key = Key(f"adf.{kind}", scope, _name(kind, body))
                found[key] = self._observation(key, body)
        return found, broken

    def _pages(self, factory: str, type_: str) -> list[Any] | CloudError:
        try:
            return list(self._arm.pages(f"{factory}/{type_}", API_VERSION))
        except NotFound:
            return []
        except SignInError:
            raise
        except CloudError as error:
            return error

    def _endpoints(self, factory: str, network: str) -> list[Any] | CloudError:
        found = self._pages(factory, f"managedVirtualNetworks/{network}/managedPrivateEndpoints")
        if isinstance(found, CloudError):
            return found
        return [{**body, "_network": network} for body in found]

    def _look(self, key: Key, id_: str) -> Observation:
        if key.kind == f"adf.{ENDPOINT}":
            return self._look_for_endpoint(key, id_)
        return looked(
            key, lambda: self._observation(key, self._arm.call("GET", id_, API_VERSION, where=str(key)).body)
        )

    def _look_for_endpoint(self, key: Key, id_: str) -> Observation:
        """An endpoint is looked for in its network's list: a GET of an absent one answers 400, not 404."""
        network, name = id_.split("/")[-3], id_.rpartition("/")[2].lower()
        found = self._endpoints(factory_of(id_), network)
        if isinstance(found, CloudError):
            return Observation(key, Status.UNKNOWN, error=found.message)
        same = (body for body in found if str(body["name"]).rpartition("/")[2].lower() == name)
        body = next(same, None)
        return Observation(key, Status.ABSENT) if body is None else self._observation(key, body)

    @staticmethod
    def _observation(key: Key, body: Mapping[str, Any]) -> Observation:
        etag = str(body.get("etag") or body.get("eTag") or "")
        return Observation(key, Status.PRESENT, str(body.get("id", "")), spec_of(key.kind, body), etag)

    # Writing

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        """The etag before the call: when it has changed afterwards, the call came through."""
        seen = self._seen.get(batch[0].key)
        before = seen.etag if seen is not None and seen.status is Status.PRESENT else ""
        return {"object": batch[0].at["id"], "key": str(batch[0].key), "etag": before}

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        (resource,) = batch
        id_, where = str(resource.at["id"]), str(resource.key)
        body = with_carried({name: value for name, value in resource.spec.items() if name != STATE}, resource)
        if has_unknown(body):
            raise CloudError("It needs a value that is not known yet.", where=where, code="not-known-yet")
        if resource.key.kind != "adf.trigger":
            self._arm.call("PUT", id_, API_VERSION, body, where=where)
            return Done()
        seen = self._seen.get(resource.key)
        there = seen is not None and seen.status is Status.PRESENT
        if there and seen is not None and seen.spec.get(STATE) == STARTED:
            self._turn(resource.key, id_, "stop")
        self._arm.call("PUT", id_, API_VERSION, body, where=where)
        if resource.spec.get(STATE) == STARTED:
            return self._start(resource.key, id_, str(body["properties"].get("type", "")), token)
        return Done()

    def _turn(self, key: Key, id_: str, verb: str) -> Answer:
        """Start or stop a trigger, and remember that."""
        self._remember(key, "")  # a call without an answer may have come through
        answer = self._arm.call("POST", f"{id_}/{verb}", API_VERSION, where=str(key), repeatable=True)
        self._remember(key, STARTED if verb == "start" else STOPPED)
        return answer

    def _remember(self, key: Key, state: str) -> None:
        seen = self._seen.get(key)
        if seen is not None:
            self._seen[key] = replace(seen, spec={**seen.spec, STATE: state})

    def _start(self, key: Key, id_: str, type_: str, token: Mapping[str, Any]) -> Done | Pending:
        """Start a trigger; one of events once its subscription, which takes a while, is made."""
        if type_ in EVENTS:
            made = self._subscribe(key, id_, token)
            if isinstance(made, Pending) or made.failed:
                return made
        answer = self._turn(key, id_, "start")
        follow = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if answer.status == 202 and follow:
            return Pending({**token, "url": follow}, answer.wait)
        return Done()

    def _subscribe(self, key: Key, id_: str, token: Mapping[str, Any]) -> Done | Pending:
        """Subscribe to events, and wait for that: the start after it is a write, and no look may make it.

        Where it takes longer it is left pending; a later write starts the trigger."""
        answer = self._arm.call("POST", f"{id_}/subscribeToEvents", API_VERSION, where=str(key))
        follow = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if answer.status != 202 or not follow:
            return Done()
        made: Done | Pending = Pending({**token, "url": follow}, answer.wait)
        until = time.monotonic() + SUBSCRIBING
        while isinstance(made, Pending) and time.monotonic() < until:
            time.sleep(max(made.wait or 0.0, 0.5))
            made = self._poll_url(made.token, key)
        return made

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        return {"delete": entry.at["id"], "key": str(entry.key)}

    def delete(self, entry: Entry) -> Done | Pending:
        id_, where = str(entry.at["id"]), str(entry.key)
        seen = self._seen.get(entry.key)
        try:
            if seen is not None and seen.spec.get(STATE) == STARTED:
                self._turn(entry.key, id_, "stop")
            answer = self._arm.call("DELETE", id_, API_VERSION, where=where)
        except NotFound:
            return Done()
        follow = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if answer.status == 202 and follow:
            return Pending({**self.intend_delete(entry), "url": follow}, answer.wait)
        return Done()

    # Triggers

    def pause(self, entry: Entry) -> None:
        """Stop a trigger for a while. One that is gone, or stopped already, is as it should be."""
        self._quietly(entry, "stop")

    def resume(self, entry: Entry) -> None:
        """Start a trigger again that we stopped, unless its own write did."""
        seen = self._seen.get(entry.key)
        if seen is None or seen.spec.get(STATE) != STARTED:
            self._quietly(entry, "start")

    def _quietly(self, entry: Entry, verb: str) -> None:
        try:
            self._turn(entry.key, str(entry.at["id"]), verb)
        except NotFound:
            return

    # Long operations

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        key = Key.parse(str(token["key"]))
        if "url" in token:
            return self._poll_url(token, key)
        seen = self._look(key, str(token.get("object") or token["delete"]))
        if seen.status is Status.UNKNOWN:
            return Pending(token)
        gone = seen.status is Status.ABSENT
        if "delete" in token:
            return Done() if gone else Done({key: NeverArrived("the delete was not made.", where=str(key))})
        if gone or seen.etag == token["etag"]:
            return Done({key: NeverArrived("the call was not made.", where=str(key))})
        return Done()

    def _poll_url(self, token: Mapping[str, Any], key: Key) -> Done | Pending:
        try:
            answer = self._arm.call("GET", str(token["url"]))
        except NotFound:
            return Done()
        body = answer.body if isinstance(answer.body, dict) else {}
        status = str(body.get("status", ""))
        if answer.status == 202 or status in RUNNING:
            return Pending(token, answer.wait)
        if status in ("Failed", "Canceled"):
            return Done({key: error_of(409, body, where=str(key))})
        return Done()


def _name(kind: str, body: Mapping[str, Any]) -> str:
    """The object's name in its key; an endpoint's says its network where that is not the usual one."""
    name = str(body["name"]).rpartition("/")[2]
    return object_name([str(body["_network"]), name]) if kind == ENDPOINT else name
