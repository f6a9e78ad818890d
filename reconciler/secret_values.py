"""Values of secrets: where they are read, how a look at little tells that they moved, and their fingerprints.

A value stays in memory for one session and goes nowhere but to what it is written to. For every source there
is a cheap mark that stays while the value stays: when a vault last changed the secret (its list shows no
version), when Azure made the account's key. While the recorded mark is shown, nothing is read."""

from __future__ import annotations

import secrets as random_
import string
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from reconciler import armtemplate
from reconciler.armtemplate import Context, TemplateError, Unknown
from reconciler.environment import Reference, pieces
from reconciler.environment.permission import Settings
from reconciler.errors import CloudError, NotFound
from reconciler.fingerprints import filled, recorded, secrets_in
from reconciler.graph import Graph
from reconciler.providers.azure import Arm
from reconciler.providers.followers import SOURCES
from reconciler.providers.hidden import VALUE, shown
from reconciler.providers.storagekeys import ACTIVE, FIRST, ROTATE
from reconciler.providers.storagekeys import API as STORAGE
from reconciler.providers.tokens import RENEW
from reconciler.providers.vaults import Vaults
from reconciler.record import Entry
from reconciler.redaction import remember
from reconciler.resolve import References
from reconciler.resource import Key, Observation, Resource, Secret, Status
from reconciler.rules import HASHED, hashed
from reconciler.secrets import ACCOUNTS, DUE, GENERATE, ROTATION, is_made

VAULTS = "Microsoft.KeyVault/vaults"
VAULT_SECRET = "keyvault.secret"
UNSET = "secret"
"""Code of an error that says: a secret is not set, not allowed, or not there."""

Outputs = Mapping[str, Mapping[str, Any]]


class SecretValues:
    """The values of one environment's secrets, for one session. Safe under threads.

    setting: see `settings_reader`. key: that of the store, for fingerprints. Raises CloudError and its kinds,
    which name the source and never a value."""

    def __init__(
        self,
        setting: Settings,
        arm: Arm,
        vaults: Vaults,
        key: bytes,
        *,
        subscription: str,
    ) -> None:
        self._setting, self._arm, self._vaults, self._key = setting, arm, vaults, key
        self._subscription = subscription
        self._active: dict[str, str] = {}
        """By account, the name of the storage key that is in use."""
        self._values: dict[str, str] = {}
        self._marks: dict[str, Mapping[str, str]] = {}
        self._outputs: dict[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self._wanted: dict[Key, str] = {}
        """The fingerprints that our own secrets are to have by the plan under way."""
        self._known = False
        self._lock = threading.RLock()

    # What providers ask

    def value(self, source: str) -> str:
        """The value that a source gives; what we make ourselves is made anew by each call."""
        if is_made(source):
            return remember(generated(int(source.removeprefix(GENERATE))))
        with self._lock:
            if source not in self._values:
                self._values[source] = remember(
                    "".join(
                        piece if isinstance(piece, str) else remember(self._read(piece))
                        for piece in pieces(source)
                    )
                )
            return self._values[source]

    def fingerprint_of(self, value: str) -> str:
        return hashed(value, self._key).removeprefix(HASHED)

    def fingerprint(self, source: str) -> str:
        """The keyed hash of a source's value. What we make ourselves is known by its source alone: any value
        will do, once it is there, and whether it is still that one is told by its version."""
        return self.fingerprint_of(source if is_made(source) else self.value(source))

    def know(self, resources: Iterable[Resource]) -> None:
        """Read every value that these resources are to hold, once, so that it is known wherever it is shown.

        What cannot be read is passed over."""
        with self._lock:
            asked = [] if self._known else list(resources)
            self._known = True
        for resource in asked:
            for secret in secrets_in(resource.spec):
                with suppress(CloudError):
                    if secret.source and not is_made(secret.source):
                        self.value(secret.source)
                    elif resource.key.kind == VAULT_SECRET:
                        self._vaults.get(resource.key.scope, resource.key.name)

    # What a plan asks

    def stamp(
        self, source: str, observations: Mapping[Key, Observation], outputs: Outputs | None = None
    ) -> Mapping[str, str] | None:
        """The marks of where a value comes from, by reference; None where that is not there yet.

        A value that was read under other marks is forgotten."""
        marks: dict[str, str] = {}
        for piece in () if is_made(source) else pieces(source):
            if isinstance(piece, Reference):
                mark = self._mark(piece, observations, outputs or {})
                if mark is None:
                    return None
                marks[piece.text[2:-1]] = mark
        with self._lock:
            if self._marks.get(source) != marks:
                self._values.pop(source, None)
            self._marks[source] = marks
        return marks

    def seal(
        self,
        resource: Resource,
        entry: Entry | None,
        observations: Mapping[Key, Observation],
        outputs: Outputs | None = None,
    ) -> Resource:
        """The resource with the fingerprints of its secrets, and the marks of their sources in `at`.

        The recorded fingerprint where source and marks are as recorded, else that of the value, which is read
        now; none where the source is not there yet."""
        if not resource.secret:
            return resource
        found: dict[str, str] = {}
        marks: dict[str, str] = {}
        known = recorded(entry)
        before = entry.at.get(SOURCES, {}) if entry is not None else {}
        for source in sorted({s.source for s in secrets_in(resource.spec) if s.source and not s.fingerprint}):
            stamp = self.stamp(source, observations, outputs)
            if stamp is None:
                continue
            same = stamp and source in known and all(before.get(n) == mark for n, mark in stamp.items())
            found[source] = known[source] if same else self.fingerprint(source)
            marks |= stamp
        if not found:
            return resource
        marks = {**resource.at.get(SOURCES, {}), **marks}
        at = {**resource.at, SOURCES: marks} if marks else resource.at
        return replace(resource, spec=filled(resource.spec, found), at=at)

    def sealed(
        self,
        graph: Graph,
        entries: Mapping[Key, Entry],
        observations: Mapping[Key, Observation],
        outputs: Outputs | None = None,
    ) -> tuple[Graph, Mapping[Key, tuple[str, str]]]:
        """The graph with all fingerprints that can be told, and what cannot be read: code and reason by key.

        outputs: `Desired.outputs`, for sources that hold what only Azure tells."""
        self._listed.clear()
        self._wanted.clear()
        dropped = {key for key in entries if key.kind == ROTATION and key not in graph}
        observations = {key: seen for key, seen in observations.items() if key not in dropped}
        unread: dict[Key, tuple[str, str]] = {}

        def sealed(resource: Resource) -> Resource:
            if not resource.secret:
                return resource
            try:
                done = self.seal(resource, entries.get(resource.key), observations, outputs)
                self._wanted[resource.key] = next(secrets_in(done.spec), Secret("")).fingerprint
                return done
            except CloudError as error:
                code = UNSET if error.code == UNSET or isinstance(error, NotFound) else "unreadable"
                unread[resource.key] = (code, error.message)
                return resource

        return graph.mapped(sealed), unread

    # The marks

    def _mark(
        self, reference: Reference, observations: Mapping[Key, Observation], outputs: Outputs
    ) -> str | None:
        """None where the source is not there yet. What is told at once is marked by what it says."""
        if reference.kind == "env":
            with _Naming(reference):
                return self.fingerprint_of(remember(self._permit(reference)))[:16]
        if reference.kind == "azure":
            return self._output_mark(reference, observations, outputs)
        mark = self._secret_mark if reference.kind == "secret" else self._account_mark
        with _Naming(reference):
            return mark(reference, observations)

    def _output_mark(
        self, reference: Reference, observations: Mapping[Key, Observation], outputs: Outputs
    ) -> str | None:
        """An output of a deployment, once live tells it."""
        deployment, output, *keys = reference.parts
        said = {name.lower(): value for name, value in outputs.get(deployment, {}).items()}
        found = said.get(output.lower())
        if isinstance(found, Unknown):
            asked = replace(found, expression=".".join((found.expression, *keys)))
            try:
                found = armtemplate.resolve(asked, Context(references=References(observations, {})))
            except TemplateError:
                return None
        if found is None or isinstance(found, Unknown):
            return None
        self._outputs[reference.text] = str(found)
        return self.fingerprint_of(str(found))[:16]

    def _secret_mark(self, reference: Reference, observations: Mapping[Key, Observation]) -> str | None:
        vault, name = reference.parts
        self._permit(reference)
        ours = observations.get(Key(VAULT_SECRET, vault, name))
        home = _named(VAULTS, vault, observations)
        if any(seen is not None and seen.status is Status.ABSENT for seen in (ours, home)):
            return None
        if ours is not None and ours.status is Status.PRESENT:
            another = ours.key in self._wanted and ours.spec.get(VALUE) != shown(self._wanted[ours.key])
            if another or str(ours.spec.get(DUE, "")).startswith(RENEW):
                return None  # it is about to be written
            return _text(ours.stamp.get("updated"))
        if vault not in self._listed:
            self._listed[vault] = {str(each.name).lower(): each for each in self._vaults.listed(vault)}
        found = self._listed[vault].get(name.lower())
        if found is None:
            raise NotFound(f"There is no secret {name} in the vault {vault}.")
        return _text(int(found.updated_on.timestamp()) if found.updated_on else None)

    def _account_mark(self, reference: Reference, observations: Mapping[Key, Observation]) -> str | None:
        account = reference.parts[0]
        seen = _named(ACCOUNTS, account, observations)
        if seen is None:
            body = self._account(account)
        elif seen.status is Status.ABSENT:
            return None
        elif seen.status is not Status.PRESENT:
            raise CloudError(f"The account could not be read. {seen.error}".strip())
        else:
            body = dict(seen.spec)
            self._accounts[account] = seen.id
            if "keyCreationTime" not in (body.get("properties") or {}):  # API versions before 2021-02-01
                body = self._arm.call("GET", seen.id, STORAGE).body
        properties = body.get("properties") or {}
        if properties.get("allowSharedKeyAccess") is False:
            told = "Shared keys are switched off on the account (KeyBasedAuthenticationNotPermitted)."
            raise CloudError(f"{told} Sign in with Entra ID instead of a key.", code=UNSET)
        rotation = next(
            (o for k, o in observations.items() if k.kind == ROTATION and k.name == account), None
        )
        if rotation is None or rotation.status is Status.ABSENT:
            self._active[account] = FIRST
            return f"{FIRST} {_text((properties.get('keyCreationTime') or {}).get(FIRST))}"
        if rotation.status is not Status.PRESENT:
            raise CloudError(f"Which key is in use could not be read. {rotation.error}".strip())
        if str(rotation.spec.get(DUE, "")).startswith(ROTATE):
            return None  # another one is about to be taken in use
        active = self._active[account] = str(rotation.spec[ACTIVE])
        return f"{active} {rotation.stamp[active]}"

    def _account(self, account: str) -> dict[str, Any]:
        """An account that is not ours, by one list of all that the subscription has."""
        if ACCOUNTS not in self._listed:
            path = f"/subscriptions/{self._subscription}/providers/{ACCOUNTS}"
            self._listed[ACCOUNTS] = {each["name"].lower(): each for each in self._arm.pages(path, STORAGE)}
        found = self._listed[ACCOUNTS].get(account)
        if found is None:
            raise NotFound(f"There is no storage account {account} in the subscription.")
        self._accounts[account] = str(found["id"])
        body: dict[str, Any] = found
        return body

    # The values

    def _read(self, reference: Reference) -> str:
        with _Naming(reference):
            if reference.kind == "env":
                return self._permit(reference)
            if reference.kind == "secret":
                self._permit(reference)
                return self._vaults.get(*reference.parts).value or ""
            if reference.kind == "storageKey":
                return self._storage_key(reference.parts[0])
            if reference.text not in self._outputs:
                raise CloudError("It is not known yet.", code="not-known-yet")
            return self._outputs[reference.text]

    def _permit(self, reference: Reference) -> str:
        value, missing = self._setting(reference.text[2:-1])
        if missing:
            raise CloudError(missing, code=UNSET)
        return value

    def _storage_key(self, account: str) -> str:
        if account not in self._accounts:
            self._account(account)
        path, wanted = f"{self._accounts[account]}/listKeys", self._active.get(account, FIRST)
        answer = self._arm.call("POST", path, STORAGE, repeatable=True).body
        found = {each["keyName"]: remember(str(each["value"])) for each in answer["keys"]}
        return found[wanted]


class _Naming:
    """Puts the reference before the message of what goes wrong with it."""

    def __init__(self, reference: Reference) -> None:
        self._text = reference.text

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CloudError):
            told = f"{self._text}: {error.message}"
            raise type(error)(
                told, where=error.where, code=error.code, status=error.status, wait=error.wait
            ) from None


def generated(length: int) -> str:
    """A random text of letters and digits; small and large letters and digits are all in it."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    while True:
        value = "".join(random_.choice("".join(kinds)) for _ in range(length))
        if all(any(each in kind for each in value) for kind in kinds):
            return value


def _named(type_: str, name: str, observations: Mapping[Key, Observation]) -> Observation | None:
    wanted = f"{type_}:{name}".lower()
    return next((seen for key, seen in observations.items() if key.name.lower() == wanted), None)


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
