"""The loop for resources that hold secrets: look, seal, plan, apply, record, with real SDKs on the sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from azure.identity import DefaultAzureCredential

from reconciler import plan as plan_
from reconciler.apply import run
from reconciler.environment.permission import settings_reader
from reconciler.errors import CloudError, ReconcilerError
from reconciler.graph import Graph
from reconciler.outcome import Outcome
from reconciler.plan import Plan
from reconciler.policy import Policy
from reconciler.providers.azure import Arm
from reconciler.providers.keyvault import VaultProvider
from reconciler.providers.provider import Pending, Provider
from reconciler.providers.scopes import ScopeProvider
from reconciler.providers.tokens import Tokens
from reconciler.providers.vaults import Vaults
from reconciler.providers.workspace import Workspaces
from reconciler.record import State, from_json, to_json
from reconciler.resource import Key, Observation, Resource, Secret, Status
from reconciler.rules import for_type, masked, secret_paths
from reconciler.secret_values import SecretValues
from reconciler.secrets import KEY_VAULT, SCOPE_TYPE, SECRET_TYPE, VAULT_SCOPE_TYPE, VAULT_TYPE
from reconciler.settle import settle
from reconciler.step import Tools

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
KEY = b"k" * 32


@dataclass
class Loop:
    """One environment's state, and a session that is new for each run. `settings` are its app settings."""

    settings: dict[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset({"*"})
    name: str = "one"
    disable: bool = False
    state: State = field(default_factory=lambda: State.new("one"))
    azure: dict[Key, Observation] = field(default_factory=dict)

    def session(self) -> Session:
        return Session(self)

    def plan(self, *resources: Resource) -> Plan:
        return self.session().plan(resources)

    def tick(self, *resources: Resource) -> tuple[Outcome, ...]:
        return self.session().tick(resources)

    def settled(self, *resources: Resource) -> bool:
        """Whether a plan finds nothing to do; a look at it makes no write and reads no value."""
        session = self.session()
        plan = session.plan(resources)
        assert session.arm.calls["write"] == 0
        return not plan.changes and not plan.blocked and not plan.waiting


class Session:
    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        credential = DefaultAzureCredential()
        self.arm = Arm(credential, SUBSCRIPTION)
        vaults = Vaults(credential, self.arm.calls)
        self.values = SecretValues(
            settings_reader(loop.settings, loop.allowed),
            self.arm,
            vaults,
            KEY,
            subscription=SUBSCRIPTION,
        )
        workspaces = Workspaces(credential, self.arm.calls)
        tokens = Tokens(workspaces, self.arm, loop.name)
        self.providers: tuple[Provider, ...] = (
            VaultProvider(vaults, self.arm, self.values, tokens, loop.name, disable=loop.disable),
            ScopeProvider(workspaces, self.values),
        )

    def plan(self, resources: Iterable[Resource]) -> Plan:
        return self._plan(resources)[0]

    def _plan(self, resources: Iterable[Resource]) -> tuple[Plan, Graph, dict[Key, Observation]]:
        loop, wanted = self.loop, Graph(resources)
        now = datetime.now(UTC)
        ended = self._ended()
        seen = dict(loop.azure)
        unmanaged: set[Key] = set()
        asked: dict[Key, Any] = {**loop.state.entries, **{each.key: each for each in wanted}}
        for provider in self.providers:
            mine = [each for key, each in asked.items() if key.kind in provider.kinds]
            if mine:
                looked = provider.observe(mine, loop.state.entries)
                seen.update(looked.observations)
                unmanaged.update(looked.unmanaged)
        loop.state = settle(loop.state, wanted, seen, ended, mask=_mask, commit="c", now=now)
        graph, unread = self.values.sealed(wanted, loop.state.entries, seen)
        plan = plan_.make(
            graph,
            seen,
            loop.state,
            Policy(),
            environment=loop.name,
            commit="c",
            now=now,
            unmanaged=unmanaged,
            sections=("keyVault", "databricks"),
            stopped=unread,
            hashing=KEY,
        )
        return plan, graph, seen

    def _ended(self) -> dict[Key, ReconcilerError | None]:
        ended: dict[Key, ReconcilerError | None] = {}
        for key, entry in self.loop.state.entries.items():
            if entry.intent is not None:
                provider = next(each for each in self.providers if key.kind in each.kinds)
                answer = provider.poll(entry.intent.token)
                if not isinstance(answer, Pending):
                    ended[key] = answer.failed.get(key)
        return ended

    def tick(self, resources: Iterable[Resource]) -> tuple[Outcome, ...]:
        loop = self.loop
        plan, graph, seen = self._plan(resources)
        plan = replace(plan, lineage=loop.state.lineage, serial=loop.state.serial)
        tools = Tools(
            providers=self.providers,
            resolve=self._resolve,
            save=self._save,
            mask=_mask,
            now=lambda: datetime.now(UTC),
            deadline=time.monotonic() + 60,
        )
        applied = run(plan, graph, seen, loop.state, tools)
        loop.state = from_json(to_json(applied.state))
        return applied.outcomes

    def _resolve(self, resource: Resource, live: Mapping[Key, Observation]) -> Resource:
        try:
            return self.values.seal(resource, self.loop.state.entries.get(resource.key), live)
        except CloudError:
            return resource

    def _save(self, state: State) -> State:
        self.loop.state = replace(state, serial=state.serial + 1)
        return self.loop.state


def _mask(type_: str, spec: Mapping[str, Any], sent: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    return masked(spec, for_type(type_), KEY, secret_paths(sent))


def vault_secret(
    name: str, source: str, *, vault: str = "bikes-kv", vault_id: str = "", **spec: Any
) -> Resource:
    said = {"value": Secret("", "", source), "enabled": True, **spec}
    return Resource(
        Key("keyvault.secret", vault, name), VAULT_TYPE, said, {"vault": vault, "vaultId": vault_id}
    )


def scope(at: Mapping[str, Any], name: str, **spec: Any) -> Resource:
    said = {"backend": "DATABRICKS", **spec}
    type_ = VAULT_SCOPE_TYPE if said["backend"] == KEY_VAULT else SCOPE_TYPE
    return Resource(Key("databricks.secretScope", str(at["host"]), name), type_, said, at)


def scope_secret(at: Mapping[str, Any], name: str, source: str) -> Resource:
    key = Key("databricks.secret", str(at["host"]), name)
    needs = (Key("databricks.secretScope", str(at["host"]), name.partition("/")[0]),)
    return Resource(key, SECRET_TYPE, {"value": Secret("", "", source)}, at, needs)


def account_seen(body: Mapping[str, Any]) -> dict[Key, Observation]:
    """A storage account as the provider of ARM saw it."""
    key = Key("arm.resource", "bikes", f"Microsoft.Storage/storageAccounts:{body['name']}")
    return {key: Observation(key, Status.PRESENT, body["id"], body)}
