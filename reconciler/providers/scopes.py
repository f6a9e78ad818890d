"""Secret scopes of Databricks workspaces, who may use them, and their secrets.

The API gives no value back; a secret's list item tells when it was written, and while that is the recorded
time it holds what we wrote (https://docs.databricks.com/api/azure/workspace/secrets). Names of scopes and
keys do not regard case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from reconciler.errors import CloudError, Conflict, Denied, NotFound, SignInError
from reconciler.providers.deployment import NeverArrived
from reconciler.providers.hidden import VALUE, Values, recorded_text, secret_of, shown, unseen
from reconciler.providers.provider import Done, Looked, Pending
from reconciler.providers.workspace import Place, Workspaces, by_place
from reconciler.record import Entry
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.secrets import DATABRICKS, KEY_VAULT

API = "/api/2.0/secrets"
ME = "/api/2.0/preview/scim/v2/Me"
SCOPE, SECRET = "databricks.secretScope", "databricks.secret"
PERMISSIONS = "permissions"
EVERYBODY, MANAGE = "users", "MANAGE"
STAMP = "last_updated_timestamp"
USER_ONLY = "userAADToken"
"""In the refusal of a scope of a key vault to whoever is no user
(https://learn.microsoft.com/azure/databricks/security/secrets/#create-an-azure-key-vault-backed-secret-scope)."""


@dataclass(frozen=True)
class _Scope:
    """One scope as it is. secrets: list items by their key in lower case. error: why they cannot be told."""

    item: Mapping[str, Any]
    secrets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    permissions: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


def scope_of(key: Key) -> str:
    """The scope that a key names, or that its secret is in."""
    return key.name.partition("/")[0]


class ScopeProvider:
    """Kinds `databricks.secretScope` and `databricks.secret`. Remembers what it saw last."""

    kinds = frozenset({SCOPE, SECRET})

    def __init__(self, workspaces: Workspaces, values: Values) -> None:
        self._workspaces, self._values = workspaces, values
        self._recorded: Mapping[Key, Entry] = {}
        self._seen: dict[Key, Observation] = {}
        self._names: dict[Place, frozenset[str]] = {}

    # Reading

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        self._recorded = recorded
        observations: dict[Key, Observation] = {}
        unmanaged: set[Key] = set()
        for place, mine in by_place(wanted):
            seen, others = self._look(place, mine)
            observations |= seen
            unmanaged |= others
        self._seen.update(observations)
        return Looked(observations, tuple(sorted(unmanaged)))

    def _look(self, place: Place, wanted: list[Resource | Entry]) -> tuple[dict[Key, Observation], set[Key]]:
        """What is there of those that are asked for, and what else there is beside them."""
        try:
            listed = {str(each["name"]).lower(): each for each in self._scopes(place)}
        except SignInError:
            raise
        except CloudError as error:
            told = error.message
            return {e.key: Observation(e.key, Status.UNKNOWN, error=told) for e in wanted}, set()
        names = {scope_of(each.key).lower() for each in wanted}
        granted = {each.key.name.lower() for each in wanted if each.key.kind == SCOPE and _granted(each)}
        scopes = {
            name: self._scope(place, item, name in granted) for name, item in listed.items() if name in names
        }
        found = {each.key: self._observation(place, each, scopes) for each in wanted}
        asked = {(key.kind, key.name.lower()) for key in found}
        others = {(SCOPE, str(item["name"])) for item in listed.values()}
        for scope in scopes.values():
            if scope.item.get("backend_type") != KEY_VAULT:
                name = scope.item["name"]
                others |= {(SECRET, f"{name}/{item['key']}") for item in scope.secrets.values()}
        return found, {Key(k, place.host, name) for k, name in others if (k, name.lower()) not in asked}

    def _scopes(self, place: Place) -> list[Mapping[str, Any]]:
        answer = self._workspaces.call(place, "GET", f"{API}/scopes/list")
        return list(answer.get("scopes") or ())

    def _scope(self, place: Place, item: Mapping[str, Any], granted: bool = False) -> _Scope:
        query = {"scope": item["name"]}
        get = partial(self._workspaces.call, place, "GET", query=query, where=str(item["name"]))
        try:
            secrets = {}
            if item.get("backend_type") != KEY_VAULT:
                secrets = {str(each["key"]).lower(): each for each in get(f"{API}/list").get("secrets") or ()}
            acls = get(f"{API}/acls/list").get("items") or () if granted else ()
        except SignInError:
            raise
        except CloudError as error:
            return _Scope(item, error=error.message)
        return _Scope(item, secrets, {str(each["principal"]): str(each["permission"]) for each in acls})

    def _observation(
        self, place: Place, wanted: Resource | Entry, scopes: Mapping[str, _Scope]
    ) -> Observation:
        key = wanted.key
        scope = scopes.get(scope_of(key).lower())
        if scope is None:
            return Observation(key, Status.ABSENT)
        if scope.error:
            return Observation(key, Status.UNKNOWN, error=scope.error)
        if key.kind == SCOPE:
            try:
                return self._scope_observation(place, wanted, scope)
            except SignInError:
                raise
            except CloudError as error:
                return Observation(key, Status.UNKNOWN, error=error.message)
        item = scope.secrets.get(key.name.partition("/")[2].lower())
        if item is None:
            return Observation(key, Status.ABSENT)
        entry, stamp = self._recorded.get(key), {STAMP: item.get(STAMP)}
        known = recorded_text(entry) if entry is not None and entry.stamp == stamp else ""
        return _secret(key, known or unseen(stamp), stamp)

    def _scope_observation(self, place: Place, wanted: Resource | Entry, scope: _Scope) -> Observation:
        """Permissions only where some are asked for. Whoever makes a scope may manage it from then on: what
        we may ourselves is never an edit."""
        found: dict[str, Any] = {"backend": scope.item.get("backend_type") or DATABRICKS}
        said = {name.lower() for name in _granted(wanted)}
        if said:
            others = {name for name in scope.permissions if name.lower() not in said}
            ours = self._own_names(place) if others else frozenset[str]()
            hidden = {name for name in others if name.lower() in ours}
            found[PERMISSIONS] = {n: level for n, level in scope.permissions.items() if n not in hidden}
        behind = scope.item.get("keyvault_metadata")
        if behind:
            address = str(behind.get("dns_name", "")).rstrip("/")
            found["keyVault"] = {"resourceId": behind.get("resource_id"), "dnsName": f"{address}/"}
        return Observation(wanted.key, Status.PRESENT, str(scope.item["name"]), found)

    def _own_names(self, place: Place) -> frozenset[str]:
        """What stands for ourselves in permissions: a service principal is known by its application."""
        if place not in self._names:
            me = self._workspaces.call(place, "GET", ME)
            found = (me.get("userName"), me.get("applicationId"))
            self._names[place] = frozenset(str(each).lower() for each in found if each)
        return self._names[place]

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        """After a write: what was sent, at the time that the list shows now."""
        made = tuple(made)
        found: dict[Key, Observation] = {}
        for place in {Place.of(each.at) for each in made}:
            mine: list[Resource | Entry] = [each for each in made if Place.of(each.at) == place]
            found |= self._look(place, mine)[0]
        for resource in made:
            seen, fingerprint = found[resource.key], secret_of(resource).fingerprint
            if resource.key.kind == SECRET and seen.status is Status.PRESENT and fingerprint:
                found[resource.key] = _secret(resource.key, shown(fingerprint), seen.stamp)
        self._seen.update(found)
        return found

    # Writing

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        (resource,) = batch
        seen = self._seen.get(resource.key)
        there = seen is not None and seen.status is Status.PRESENT
        before = seen.stamp.get(STAMP) if there and seen is not None else None
        return {**_where(resource), "before": before, "there": there}

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        (resource,) = batch
        place, key = Place.of(resource.at), resource.key
        if key.kind == SCOPE:
            self._write_scope(place, resource)
            return Done()
        scope, _, name = key.name.partition("/")
        body = {"scope": scope, "key": name, "string_value": self._values.value(secret_of(resource).source)}
        self._workspaces.call(place, "POST", f"{API}/put", body=body, where=str(key))
        return Done()

    def _write_scope(self, place: Place, resource: Resource) -> None:
        key, spec = resource.key, resource.spec
        seen = self._seen.get(key)
        if seen is None or seen.status is not Status.PRESENT:
            with suppress(Conflict):  # an earlier attempt came through, or somebody was faster
                self._create(place, resource)
            seen = self._look(place, [resource])[0][key]
        if seen.status is not Status.PRESENT:
            raise CloudError(f"The scope is not there. {seen.error}".strip(), where=str(key))
        if seen.spec["backend"] != spec["backend"]:
            told = f"A scope of this name is there, and kept in {seen.spec['backend']}; it is left as it is."
            raise Denied(told, where=str(key), code="exists")
        self._grant(place, resource, seen.spec.get(PERMISSIONS, {}))

    def _create(self, place: Place, resource: Resource) -> None:
        key, spec = resource.key, resource.spec
        body: dict[str, Any] = {"scope": key.name, "scope_backend_type": spec["backend"]}
        if _granted(resource).get(EVERYBODY) == MANAGE:
            body["initial_manage_principal"] = EVERYBODY  # on the standard tier, the only one there may be
        behind = spec.get("keyVault")
        if behind:
            body["backend_azure_keyvault"] = {
                "resource_id": behind["resourceId"],
                "dns_name": behind["dnsName"],
            }
        try:
            self._workspaces.call(place, "POST", f"{API}/scopes/create", body=body, where=str(key))
        except CloudError as error:
            if USER_ONLY not in error.message:
                raise
            raise Denied(
                by_hand(place.host, key.name, behind or {}), where=str(key), code="by-hand"
            ) from None

    def _grant(self, place: Place, resource: Resource, live: Mapping[str, str]) -> None:
        """Just what is said: what was granted by hand goes."""
        said, where = _granted(resource), str(resource.key)
        wanted, held = {name.lower() for name in said}, {name.lower(): level for name, level in live.items()}
        call = partial(self._workspaces.call, place, "POST", where=where)
        for principal, level in said.items():
            if held.get(principal.lower()) != level:
                body = {"scope": resource.key.name, "principal": principal, "permission": level}
                call(f"{API}/acls/put", body=body)
        for principal in (name for name in live if name.lower() not in wanted):
            with suppress(NotFound):
                call(f"{API}/acls/delete", body={"scope": resource.key.name, "principal": principal})

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        return {**_where(entry), "delete": True}

    def delete(self, entry: Entry) -> Done | Pending:
        place, key = Place.of(entry.at), entry.key
        if key.kind == SCOPE:
            return self._delete_scope(place, key)
        scope, _, name = key.name.partition("/")
        body = {"scope": scope, "key": name}
        return self._delete(place, f"{API}/delete", body, key)

    def _delete_scope(self, place: Place, key: Key) -> Done:
        """A scope goes with all that it holds: so one with a secret of somebody else's stays, and so does the
        view of a key vault, which no API may bring back."""
        item = next((i for i in self._scopes(place) if str(i["name"]).lower() == key.name.lower()), None)
        if item is None:
            return Done()
        if item.get("backend_type") == KEY_VAULT:
            told = "A scope of a key vault is not deleted: it may be that only a person can make it again."
            raise Denied(f"{told} Delete it by hand if that is meant.", where=str(key), code="kept")
        left = self._scope(place, item)
        if left.secrets or left.error:
            inside = ", ".join(sorted(str(each["key"]) for each in left.secrets.values())[:5]) or left.error
            told = f"The scope is not deleted: it holds what is not ours ({inside})."
            raise Denied(f"{told} Remove that, or leave the scope.", where=str(key), code="kept")
        return self._delete(place, f"{API}/scopes/delete", {"scope": key.name}, key)

    def _delete(self, place: Place, path: str, body: Mapping[str, Any], key: Key) -> Done:
        with suppress(NotFound):
            self._workspaces.call(place, "POST", path, body=body, where=str(key))
        return Done()

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        """Whether a call without an answer came through. A scope's may have done a part: it is made again."""
        key = Key.parse(str(token["key"]))
        entry = Entry(key, "", token["at"])
        seen = self._look(Place.of(token["at"]), [entry])[0][key]
        if seen.status is Status.UNKNOWN:
            return Pending(token)
        gone = seen.status is Status.ABSENT
        if "delete" in token:
            came = gone
        elif key.kind == SCOPE:
            came = not gone and not token["there"]
        else:
            came = not gone and seen.stamp.get(STAMP) != token["before"]
        return Done() if came else Done({key: NeverArrived("the call was not made.", where=str(key))})


def by_hand(host: str, name: str, behind: Mapping[str, Any]) -> str:
    """What a person has to do for a scope of a key vault."""
    return (
        "Databricks lets only users make a scope of a key vault, no service principal or managed identity. "
        f"Open https://{host}#secrets/createScope as a user with Contributor on the vault, and enter: "
        f"Scope name {name}; DNS name {behind.get('dnsName')}; Resource ID {behind.get('resourceId')}. "
        "The next tick takes it over."
    )


def _granted(known: Resource | Entry) -> Mapping[str, str]:
    """The permissions that are asked for."""
    spec = known.spec if isinstance(known, Resource) else known.applied or {}
    return spec.get(PERMISSIONS) or {}


def _where(known: Resource | Entry) -> dict[str, Any]:
    at = {name: known.at[name] for name in ("host", "resourceId") if name in known.at}
    return {"key": str(known.key), "at": at}


def _secret(key: Key, text: str, stamp: Mapping[str, Any]) -> Observation:
    return Observation(key, Status.PRESENT, key.name, {VALUE: text}, stamp=stamp)
