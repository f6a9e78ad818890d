"""Secrets of key vaults.

A tick makes one list of a vault and reads no value: a secret whose `updated` is the recorded one has the
recorded version still. Where it moved, the version is looked at, and another version's value is held against
the fingerprint. The list shows no version, and tells time by the second
(https://learn.microsoft.com/rest/api/keyvault/secrets/get-secrets)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.errors import (
    Busy,
    CloudError,
    Conflict,
    Forbidden,
    NotFound,
    SignInError,
    Throttled,
    Unreachable,
)
from reconciler.providers.azure import Arm
from reconciler.providers.deployment import NeverArrived
from reconciler.providers.followers import followers
from reconciler.providers.hidden import VALUE, Values, recorded_text, secret_of, shown, unseen
from reconciler.providers.provider import Done, Looked, Pending, looked
from reconciler.providers.tokens import FOREVER, RENEW, REVOKE, Tokens
from reconciler.providers.vault_shapes import (
    CLEARED,
    Newest,
    fields_of,
    mark_of,
    spec_of,
    stamp_of,
    token_of,
    version_of,
)
from reconciler.providers.vaults import DELETED, Vaults
from reconciler.record import Entry, Intent
from reconciler.resource import Key, Observation, Resource, Secret, Status
from reconciler.secrets import DUE, NOTHING, is_made, is_token

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretProperties

READERS = 10
VAULTS = "2023-07-01"
"""API version by which Azure Resource Manager is asked whether a vault is there."""
RECOVERING = 30.0
"""Longest wait in seconds for a deleted secret to be readable again."""


class VaultProvider:
    """Kind `keyvault.secret`. Remembers what it saw last.

    environment: whose mark is put on secrets. disable: what has left Git is disabled, not deleted."""

    kinds = frozenset({"keyvault.secret"})

    def __init__(
        self,
        vaults: Vaults,
        arm: Arm,
        values: Values,
        tokens: Tokens,
        environment: str,
        *,
        disable: bool = False,
    ) -> None:
        self._vaults, self._arm, self._values, self._tokens = vaults, arm, values, tokens
        self._environment, self._disable = environment, disable
        self._recorded: Mapping[Key, Entry] = {}
        self._seen: dict[Key, Observation] = {}
        self._written: dict[Key, str] = {}

    # Reading

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        self._recorded = recorded
        self._tokens.look()
        wanted = tuple(wanted)
        observations: dict[Key, Observation] = {}
        unmanaged: set[Key] = set()
        for vault in sorted({each.key.scope.lower() for each in wanted}):
            mine = [each for each in wanted if each.key.scope.lower() == vault]
            listed = self._list(vault, str(mine[0].at.get("vaultId", "")))
            if isinstance(listed, CloudError):
                told = listed.message
                observations |= {e.key: Observation(e.key, Status.UNKNOWN, error=told) for e in mine}
                continue
            with ThreadPoolExecutor(READERS) as pool:
                seen = pool.map(partial(self._observation, listed), mine)
                observations |= {each.key: each for each in seen}
            others = (Key("keyvault.secret", vault, str(each.name)) for each in listed.values())
            unmanaged.update(key for key in others if key not in observations)
        self._seen.update(observations)
        return Looked(observations, tuple(sorted(unmanaged)))

    def _list(self, vault: str, id_: str) -> dict[str, SecretProperties] | CloudError:
        """Secrets by name in lower case; none where the vault is not there. Certificates' are left out."""
        try:
            try:
                found = self._vaults.listed(vault, once=True)
            except (Unreachable, Throttled) as error:
                if isinstance(error, Unreachable) and self._gone(id_):
                    return {}
                found = self._vaults.listed(vault)
        except SignInError:
            raise
        except CloudError as error:
            return error
        return {str(each.name).lower(): each for each in found if not each.managed}

    def _gone(self, id_: str) -> bool:
        """Whether Azure says that there is no such vault: its host does not answer then."""
        if not id_:
            return False
        try:
            self._arm.call("GET", id_, VAULTS)
        except NotFound:
            return True
        return False

    def _observation(self, listed: Mapping[str, SecretProperties], wanted: Resource | Entry) -> Observation:
        key = wanted.key
        properties = listed.get(key.name.lower())
        if properties is None:
            return Observation(key, Status.ABSENT)
        return looked(key, partial(self._listed, wanted, properties))

    def _listed(self, wanted: Resource | Entry, properties: SecretProperties) -> Observation:
        entry, stamp = self._recorded.get(wanted.key), stamp_of(properties)
        text, id_ = recorded_text(entry), entry.id if entry is not None else ""
        if not text or entry is None or entry.stamp != stamp:
            text, id_ = self._value_now(wanted, entry, properties)
        return self._present(wanted, id_, properties, text, stamp)

    def _present(
        self,
        wanted: Resource | Entry,
        id_: str,
        properties: SecretProperties,
        text: str,
        stamp: Mapping[str, Any],
        due: str = "",
    ) -> Observation:
        """What is seen of a secret. Of a token, what is due and not when it expires: it is renewed in time.

        due: where that is known; else it is asked for."""
        key, source = wanted.key, secret_of(wanted).source
        spec = {**spec_of(properties), VALUE: text}
        if is_token(source) or is_token(
            secret_of(self._recorded[key]).source if key in self._recorded else ""
        ):
            spec.pop("expires", None)
        if is_token(source) and isinstance(wanted, Resource):
            id_of_token = token_of(properties)
            spec[DUE] = due or self._tokens.due(
                wanted.at, key, source, id_of_token, followed=self._followed(key, stamp)
            )
        return Observation(key, Status.PRESENT, id_, spec, mark=mark_of(properties), stamp=stamp)

    def _followed(self, key: Key, stamp: Mapping[str, Any]) -> bool:
        """Whether every copy of it is one of its newest value."""
        copies = followers(self._recorded.values(), f"secret:{key.scope}/{key.name}")
        return all(each.mark == str(stamp.get("updated")) for each in copies)

    def _value_now(
        self, wanted: Resource | Entry, entry: Entry | None, listed: SecretProperties
    ) -> tuple[str, str]:
        """What stands for the value of a secret that was written since our record, and its id."""
        now = self._newest(wanted.key, disabled=listed.enabled is False)
        known, source = recorded_text(entry), secret_of(wanted).source
        if entry is not None and known and version_of(entry.id) == version_of(now.id):
            return known, now.id
        if is_made(source) and entry is None and mark_of(listed) == self._environment:
            return shown(self._values.fingerprint_of(source)), now.id  # what we once made is kept
        if entry is not None and entry.intent is not None and _new_token(entry, now):
            return shown(_sent(entry.intent)), now.id  # minted by a run that saw no answer
        if is_made(source) or now.value is None:
            return unseen(stamp_of(listed)), now.id
        return shown(self._values.fingerprint_of(now.value)), now.id

    def _newest(self, key: Key, *, disabled: bool = False) -> Newest:
        """The newest version; its value where it can be read. Raises NotFound."""
        if not disabled:
            with suppress(Forbidden):  # disabled since the list, or no right to read values
                found = self._vaults.get(key.scope, key.name)
                return Newest(found.properties, found.value)
        properties = self._vaults.newest(key.scope, key.name)
        if properties is None:
            raise NotFound(f"There is no secret {key.name}.", where=str(key))
        return Newest(properties, None)

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        """After a write. Where another version than ours is there already, no stamp of it is kept: the next
        look finds an edit."""
        with ThreadPoolExecutor(READERS) as pool:
            seen = pool.map(lambda each: looked(each.key, partial(self._read, each)), made)
            found = {each.key: each for each in seen}
        self._seen.update(found)
        return found

    def _read(self, resource: Resource) -> Observation:
        key = resource.key
        now = self._newest(key, disabled=resource.spec.get("enabled") is False)
        fingerprint, written = secret_of(resource).fingerprint, self._written.get(key, "")
        ours = now.id == written or (
            now.value is not None and self._values.fingerprint_of(now.value) == fingerprint
        )
        stamp = stamp_of(now.properties) if ours else {}
        text = shown(fingerprint) if fingerprint else unseen(stamp)
        return self._present(resource, now.id if ours else written, now.properties, text, stamp, NOTHING)

    # Writing

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        """What was there before, and the fingerprint of what is to be there."""
        (resource,) = batch
        seen, secret = self._seen.get(resource.key), secret_of(resource)
        before = {"before": 0, "id": ""}
        if seen is not None and seen.status is Status.PRESENT:
            before = {"before": seen.stamp.get("updated", 0), "id": seen.id}
        made = is_made(secret.source)
        return {
            "key": str(resource.key),
            "run": run,
            **before,
            "fingerprint": secret.fingerprint,
            "made": made,
        }

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        (resource,) = batch
        self._look_again(resource)
        try:
            self._put(resource, str(token["run"]))
        except Conflict as error:
            if error.code != DELETED:
                raise
            if not self._recovered(resource):
                return Pending({**token, "recovering": True})
            self._put(resource, str(token["run"]))
        return Done()

    def _look_again(self, resource: Resource) -> None:
        """What was not there and is recorded may have come back with its vault, as it was."""
        key, seen = resource.key, self._seen.get(resource.key)
        if seen is not None and seen.status is Status.ABSENT and key in self._recorded:
            with suppress(CloudError):
                self._seen[key] = self._as_it_is(resource)

    def _as_it_is(self, resource: Resource) -> Observation:
        now = self._newest(resource.key)
        text, id_ = self._value_now(resource, self._recorded.get(resource.key), now.properties)
        return self._present(resource, id_, now.properties, text, stamp_of(now.properties))

    def _put(self, resource: Resource, run: str) -> None:
        """Only what differs: a new version where the value is another, else what stands beside it."""
        key, secret = resource.key, secret_of(resource)
        seen = self._seen.get(key)
        live = seen.spec if seen is not None and seen.status is Status.PRESENT else {}
        token = str(seen.stamp.get("token", "")) if seen is not None and is_token(secret.source) else ""
        fields = fields_of(resource.spec, self._environment, token)
        same = bool(secret.fingerprint) and live.get(VALUE) == shown(secret.fingerprint)
        cleared = any(name in live and name not in resource.spec for name in CLEARED)
        if seen is not None and same and not cleared and not _says(live, RENEW):
            if seen.mark == self._environment and _beside(live) == _beside(resource.spec):
                self._written[key] = seen.id
            else:
                made = self._vaults.update(key.scope, key.name, fields, version_of(seen.id))
                self._written[key] = str(made.id or "")
            if _says(live, REVOKE):
                self._tokens.keep(resource.at, key, token)
        elif is_token(secret.source):
            self._mint(resource, run)
        else:
            made = self._vaults.set(key.scope, key.name, self._value(resource), fields)
            self._written[key] = str(made.id or "")
            self._forget_tokens(key)

    def _mint(self, resource: Resource, run: str) -> None:
        """A new token into the vault, and only then away with the older ones. Where the secret is copied,
        they go once the copies are those of the new one."""
        key, source = resource.key, secret_of(resource).source
        minted = self._tokens.mint(resource.at, key, source, run)
        fields = fields_of(resource.spec, self._environment, minted.id)
        if minted.expires < FOREVER:
            fields["expires_on"] = minted.expires
        try:
            made = self._vaults.set(key.scope, key.name, minted.value, fields)
        except (Unreachable, Throttled, Busy):
            raise  # it may be in the vault
        except CloudError:
            with suppress(CloudError):
                self._tokens.revoke(resource.at, key, minted.id)
            raise
        self._written[key] = str(made.id or "")
        if not any(followers(self._recorded.values(), f"secret:{key.scope}/{key.name}")):
            with suppress(CloudError):  # the next look finds those that are left
                self._tokens.keep(resource.at, key, minted.id)

    def _forget_tokens(self, key: Key) -> None:
        """What was a token until now, and comes from elsewhere."""
        entry = self._recorded.get(key)
        if entry is not None and is_token(secret_of(entry).source):
            with suppress(CloudError):
                self._tokens.keep(entry.at, key)

    def _value(self, resource: Resource) -> str:
        """The value to write. What we once made is taken from the recorded version while that is there."""
        key, source, entry = resource.key, secret_of(resource).source, self._recorded.get(resource.key)
        if is_made(source) and entry is not None and secret_of(entry).source == source:
            version = version_of(entry.id)
            with suppress(NotFound, Forbidden):
                kept = self._vaults.get(key.scope, key.name, version).value if version else None
                if kept is not None:
                    return kept
        return self._values.value(source)

    def _recovered(self, resource: Resource) -> bool:
        """Take back a deleted secret and wait until it is there; False where that takes longer."""
        key = resource.key
        self._vaults.recover(key.scope, key.name)
        until, pause = time.monotonic() + RECOVERING, 0.0
        while time.monotonic() + pause < until:
            time.sleep(pause)
            pause = min(pause + 0.5, 5.0)
            with suppress(NotFound):
                self._seen[key] = self._as_it_is(resource)
                return True
        return False

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        return {"key": str(entry.key), "delete": True}

    def delete(self, entry: Entry) -> Done | Pending:
        """Delete it so that it can be recovered, or disable it; nothing is ever purged. A token is revoked
        first: should that fail, the secret stays as a sign of it."""
        if is_token(secret_of(entry).source):
            self._tokens.keep(entry.at, entry.key)
        with suppress(NotFound):
            if self._disable:
                self._vaults.update(entry.key.scope, entry.key.name, {"enabled": False})
            else:
                self._vaults.delete(entry.key.scope, entry.key.name)
        return Done()

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        """Whether a call without an answer came through, by what is there now."""
        key = Key.parse(str(token["key"]))
        never = Done({key: NeverArrived("the call was not made.", where=str(key))})
        try:
            now = self._newest(key)
        except NotFound:
            if token.get("recovering"):
                return Pending(token)
            return Done() if "delete" in token else never
        if "delete" in token:
            return Done() if self._disable and now.properties.enabled is False else never
        another = now.id != token["id"]
        if token.get("recovering") or not (another or stamp_of(now.properties)["updated"] != token["before"]):
            return never
        if token["made"] or now.value is None:
            return Done() if another and token["made"] else never
        return Done() if self._values.fingerprint_of(now.value) == token["fingerprint"] else never


def _says(live: Mapping[str, Any], step: str) -> bool:
    """Whether this is what is due."""
    return str(live.get(DUE, "")).startswith(step)


def _beside(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside the value."""
    return {name: value for name, value in spec.items() if name not in (VALUE, DUE)}


def _new_token(entry: Entry, now: Newest) -> bool:
    """Whether it is another token than the recorded one."""
    return token_of(now.properties) not in ("", entry.stamp.get("token"))


def _sent(intent: Intent) -> str:
    """The fingerprint of what was being sent."""
    sent = intent.spec.get(VALUE)
    return sent.fingerprint if isinstance(sent, Secret) else ""
