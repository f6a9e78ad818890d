"""From Git, live and state to a plan. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler import factory, redaction, secrets, triggers
from reconciler import plan as plan_
from reconciler import resolve as resolve_
from reconciler.armid import key_of
from reconciler.change import Action
from reconciler.checkout import NOBODY, Checkout
from reconciler.cloud import Cloud, Identity, Material
from reconciler.comparing import Compare
from reconciler.desired import Desired
from reconciler.environment import Environment
from reconciler.errors import CloudError, Fault, InputError, ReconcilerError, SignInError
from reconciler.fingerprints import remembered
from reconciler.graph import Graph
from reconciler.judge import doubtful
from reconciler.lastplan import drawing
from reconciler.memo import Memo
from reconciler.plan import Plan
from reconciler.policy import Acknowledgement, Policy, Rule
from reconciler.providers.deployment import NeverArrived
from reconciler.providers.provider import Pending
from reconciler.rebuilt import rebuilt
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource, Status
from reconciler.rules import for_type, masked, secret_paths
from reconciler.settle import rekeyed, settle
from reconciler.source import Snapshot
from reconciler.survey import as_recorded, survey
from reconciler.tick import Planned

SignIn = Callable[[str, str | None, str, Material], tuple[Cloud, Identity]]
"""Signs in for a subscription, a client id (None = the app's own identity) and an environment."""


@dataclass(frozen=True)
class Session:
    """One environment's clouds, signed in. `material` is filled when desired is known."""

    cloud: Cloud
    identity: Identity
    material: Material = field(default_factory=Material)


@dataclass(frozen=True)
class Planner:
    """Makes plans. `key` gives the key of hashed secrets."""

    checkout: Checkout
    sign_in: SignIn
    memos: dict[str, Memo] = field(default_factory=dict, repr=False)

    def memo(self, name: str) -> Memo:
        """What was found out of an environment by the last plan of this process."""
        return self.memos.setdefault(name, Memo())

    def session(self, environment: Environment, snapshot: Snapshot) -> Session:
        """Sign in for an environment that has a section `azure`. Raises SignInError.

        Raises InputError first, so that bad input makes no call, not even for a token."""
        assert environment.azure is not None
        self.checkout.sound(environment, snapshot)
        material = Material(disable=environment.policy.secrets == "disable")
        azure = environment.azure
        cloud, identity = self.sign_in(azure.subscription, azure.identity, environment.name, material)
        return Session(cloud, identity, material)

    def plan(self, name: str, state: State, *, commit: str | None = None, offline: bool = False) -> Planned:
        """What would be done, and why. Raises InputError, SourceError, SignInError and CloudError."""
        snapshot = self.checkout.snapshot(name, commit)
        environment = self.checkout.environment(name, snapshot)
        if environment is None:
            return self.orphans(name, snapshot, state)
        if offline:
            recorded = state.notes.get("identity")
            identity = Identity(*recorded) if recorded else NOBODY
            return self.offline(self.checkout.desired(environment, snapshot, identity), snapshot, state)
        return self.live(environment, snapshot, state, self.session(environment, snapshot))[0]

    def live(
        self, environment: Environment, snapshot: Snapshot, state: State, session: Session
    ) -> tuple[Planned, set[Key]]:
        """The plan, and the keys whose earlier operations still go on."""
        desired = self.checkout.desired(environment, snapshot, session.identity)
        cloud = session.cloud
        session.material.secure.update(desired.secure)
        session.material.contents.update(desired.contents)
        ended, running = self.look_after(state, cloud)
        memo = self.memo(environment.name)
        found = survey(desired.graph, state, cloud, memo)
        ended, running = {**ended, **never_arrived(running & found.gone)}, running - found.gone
        graph, seen = found.graph, found.observations
        seen = {**seen, **cloud.provider.elsewhere(_absent(graph, seen))}
        seen = triggers.as_running(seen, state)
        graph, unread = cloud.values.sealed(graph, state.entries, seen, desired.outputs)
        graph = graph.steady(found.graph, memo, "sealed")
        memo.of("graph", (graph,), "", lambda: memo.keep({each.key for each in (*desired.graph, *graph)}))
        now = cloud.now()
        state = settle(state, graph, seen, ended, mask=self.mask, commit=snapshot.commit, now=now)
        state = rekeyed(state, graph)
        state, seen, lost = rebuilt(graph, state, seen, environment.name)
        plan = plan_.make(
            graph,
            seen,
            state,
            policy_of(environment, len(state.ours)),
            environment=environment.name,
            commit=snapshot.commit,
            now=now,
            unmanaged=_unmanaged(environment, graph, state, found.unmanaged, cloud),
            sections=sections_of(environment),
            stopped={**unread, **_unset(desired, graph), **_git_linked(environment, graph, seen)},
            hashing=self.checkout.key(),
            past=found.past,
            comparing=Compare(memo),
        )
        warnings = (*snapshot.warnings, *desired.warnings, *lost)
        pauses = triggers.to_pause(plan, graph, state, seen)
        drawn = memo.of("drawn", (graph, state.entries), redaction.known(), lambda: drawing(graph, state))
        calls = cloud.calls()
        planned = Planned(
            plan, state, graph, seen, desired, found.others, pauses, found.unplaced, calls, warnings, drawn
        )
        return planned, running

    def look_after(self, state: State, cloud: Cloud) -> tuple[dict[Key, ReconcilerError | None], set[Key]]:
        """Look once at every long operation that an earlier run left, and at calls without an answer."""
        tokens: dict[str, list[Key]] = {}
        for key, entry in state.entries.items():
            if entry.intent is not None:
                tokens.setdefault(repr(sorted(entry.intent.token.items())), []).append(key)
        ended: dict[Key, ReconcilerError | None] = {}
        running: set[Key] = set()
        for keys in tokens.values():
            intent = state.entries[keys[0]].intent
            provider = next(p for p in cloud.providers if keys[0].kind in p.kinds)
            assert intent is not None
            try:
                answer = provider.poll(intent.token)
            except SignInError:
                raise
            except CloudError:
                running.update(keys)  # nothing is known of it: it counts as going on
                continue
            if isinstance(answer, Pending):
                running.update(keys)
            else:
                ended.update({key: answer.failed.get(key) for key in keys})
        return ended, running

    def orphans(self, name: str, snapshot: Snapshot, state: State) -> Planned:
        """Its file, or its whole section, has gone: that deletes nothing, it is only told.

        Raises InputError where nothing is recorded of it either: then the name or the file is wrong."""
        if not state.entries:
            found = self.checkout.load(name, snapshot)
            hint = "Add `azure:` with subscription, resourceGroup and location."
            raise InputError(
                [Fault(found.where(), f"The environment {name!r} has no section `azure`.", hint)]
            )
        plan = Plan(
            name,
            snapshot.commit,
            orphaned=tuple(sorted(state.ours)),
            lineage=state.lineage,
            serial=state.serial,
        )
        told = (
            f"Git says nothing of {name} any more; nothing is deleted. `reconciler destroy {name}` does that."
        )
        return Planned(plan, state, warnings=(*snapshot.warnings, told))

    def offline(self, desired: Desired, snapshot: Snapshot, state: State) -> Planned:
        """The plan against what was recorded, without a call."""
        environment = desired.environment
        wanted = as_recorded(desired.graph, state)
        state = rekeyed(state, wanted)
        seen = {
            resource.key: Observation(
                resource.key,
                Status.PRESENT,
                entry.id,
                entry.baseline if entry.baseline is not None else entry.applied or {},
            )
            if (entry := state.entries.get(resource.key)) is not None and entry.ours
            else Observation(resource.key, Status.ABSENT)
            for resource in wanted
        }
        seen |= {
            key: Observation(key, Status.PRESENT, entry.id, entry.baseline or {})
            for key, entry in state.entries.items()
            if key not in seen
        }
        graph = Graph(
            remembered(resolve_.resolve(resource, seen), state.entries.get(resource.key))
            for resource in wanted
        )
        plan = plan_.make(
            graph,
            seen,
            state,
            policy_of(environment, len(state.ours)),
            environment=environment.name,
            commit=snapshot.commit,
            now=datetime.now(UTC),
            sections=sections_of(environment),
            stopped=_unset(desired, graph),
            hashing=self.checkout.key(),
        )
        warnings = (
            *snapshot.warnings,
            *desired.warnings,
            "offline: compared with what was recorded, not with Azure.",
        )
        return Planned(plan, state, graph, seen, desired, warnings=warnings)

    def doubts(self, resource: Resource, seen: Observation, entry: Entry | None) -> bool:
        """Whether a read after our write shows what may be somebody's edit."""
        return doubtful(resource.spec, seen.spec, for_type(resource.type), entry, self.checkout.key())

    def mask(
        self, type_: str, spec: Mapping[str, Any], sent: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """What of a spec may be kept in state. sent: what was written, where spec is what came back of it."""
        return masked(spec, for_type(type_), self.checkout.key(), secret_paths(sent))


def never_arrived(gone: Iterable[Key]) -> dict[Key, ReconcilerError | None]:
    """How calls have ended of which nobody can be asked any more: what they were made to has gone."""
    return {key: NeverArrived("what it was made to has gone.", where=str(key)) for key in gone}


def _unmanaged(
    environment: Environment, graph: Graph, state: State, seen: tuple[Key, ...], cloud: Cloud
) -> tuple[Key, ...]:
    """What stands beside ours. A factory that only the section declares has a key of its own kind, and so has
    a vault's secret that a template makes."""
    section = environment.data_factory
    ours = {key_of(factory.id_of(environment))} if section is not None else set()
    ours |= {key for key, _ in secrets.by_templates(graph)}
    return tuple(sorted({*seen, *_beside(environment, graph, state, cloud)} - ours))


def _beside(environment: Environment, graph: Graph, state: State, cloud: Cloud) -> tuple[Key, ...]:
    """What stands in a factory whose folder is empty: nothing of it is asked for, nothing else lists it."""
    if environment.data_factory is None or environment.data_factory.git is not None:
        return ()
    if any(key.kind.startswith("adf.") for key in (*(r.key for r in graph), *state.entries)):
        return ()
    return cloud.adf.beside(factory.id_of(environment))


def _unset(desired: Desired, graph: Graph) -> dict[Key, tuple[str, str]]:
    """What is not set, by the keys of the graph: a workspace may have got its address since."""
    blocked = {(key.kind, key.name): reason for key, reason in desired.blocked.items()}
    scoped = {key: reason for key, reason in desired.blocked.items() if key in graph}
    found = {
        resource.key: scoped.get(resource.key) or blocked[resource.key.kind, resource.key.name]
        for resource in graph
        if resource.key in scoped
        or (resource.key.kind.startswith("databricks.") and (resource.key.kind, resource.key.name) in blocked)
    }
    return {key: ("secret", reason) for key, reason in found.items()}


def _git_linked(
    environment: Environment, graph: Graph, seen: Mapping[Key, Observation]
) -> dict[Key, tuple[str, str]]:
    """Definitions are not written over a factory that is linked to Git: Studio would publish over them."""
    section = environment.data_factory
    if section is None or section.git is not None:
        return {}
    live = seen.get(key_of(factory.id_of(environment))) or seen.get(factory.key_of(section))
    if live is None or not (live.spec.get("properties") or {}).get("repoConfiguration"):
        return {}
    reason = "Declare `dataFactory.git` instead of definitions, or unlink the factory in Studio."
    return {resource.key: ("gitLinked", reason) for resource in graph if resource.key.kind.startswith("adf.")}


def _absent(graph: Graph, seen: Mapping[Key, Observation]) -> list[Resource]:
    """What is absent though all that it needs is there: it may be there under another name."""
    gone = {key for key, observation in seen.items() if observation.status is Status.ABSENT}
    return [resource for resource in graph if resource.key in gone and not gone.intersection(resource.needs)]


def sections_of(environment: Environment) -> frozenset[str]:
    """The sections that an environment file has; what is recorded of another is orphaned, not deleted."""
    azure, section = environment.azure, environment.data_factory
    has = {
        "azure": azure is not None,
        "azure.deployments": azure is not None and bool(azure.deployments),
        "dataFactory": section is not None,
        "dataFactory.definitions": section is not None and bool(section.definitions or section.template),
        "databricks": environment.databricks is not None,
        "keyVault": environment.key_vault is not None,
    }
    return frozenset(name for name, there in has.items() if there)


def policy_of(environment: Environment, recorded: int) -> Policy:
    """The environment's policy in the form that the plan asks, with so many resources recorded as ours."""
    said = environment.policy
    return Policy(
        heal=said.heal,
        prune=said.prune,
        adopt=said.adopt,
        resets_allowed=said.resets == "allow",
        deletes=said.limits.deletes.of(recorded),
        changes=said.limits.changes.of(recorded),
        protect=tuple(said.protect),
        ignore=tuple(Rule(rule.key, rule.path) for rule in said.ignore),
        observe=tuple(said.observe),
        acknowledge=tuple(
            Acknowledgement(action, pattern, known.until)
            for known in said.acknowledge
            for action, pattern in (
                (Action.DELETE, known.delete),
                (Action.REPLACE, known.replace),
            )
            if pattern
        ),
    )
