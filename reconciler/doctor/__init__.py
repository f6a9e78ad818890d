"""Looks whether settings, sign-in and rights are enough, and says what is missing and how to grant it.

Writes nothing, neither in Azure nor in a workspace."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from reconciler.cloud import Identity
from reconciler.doctor.finding import Examined, Finding, Verdict, of
from reconciler.doctor.look import Looker
from reconciler.doctor.permissions import assignable, grants
from reconciler.doctor.rights import RIGHTS, Need, Right, needed
from reconciler.engine import Reconciler
from reconciler.environment import Environment
from reconciler.errors import ReconcilerError
from reconciler.planner import policy_of
from reconciler.source import Snapshot

__all__ = [
    "RIGHTS",
    "Examined",
    "Finding",
    "Need",
    "Right",
    "Verdict",
    "assignable",
    "examine",
    "grants",
    "needed",
    "of",
]


def installation(engine: Reconciler, state: str) -> Examined:
    """Whether the repository is readable and the state is writable. state: where it is kept, a folder."""
    return Examined("", tuple(_installation(engine, state)))


def _installation(engine: Reconciler, state: str) -> Iterator[Finding]:
    written = _state(engine, state)
    yield written
    if written.verdict is not Verdict.OK:
        return  # a snapshot of the repository is kept there too
    why = "to read what the environments should be"
    try:
        names = engine.checkout.names()
        told = f"{engine.checkout.snapshot().commit[:12]}: {', '.join(names) or 'no environment'}"
        yield Finding("RECONCILER_REPO", Verdict.OK, why, reason=told)
    except ReconcilerError as error:
        yield _wrong(
            "RECONCILER_REPO", why, error, "Set RECONCILER_REPO, and RECONCILER_GIT_TOKEN if needed."
        )


def _state(engine: Reconciler, state: str) -> Finding:
    what, why, way_out = "RECONCILER_STATE", "to remember what was written", "Name a folder of your own."
    if "://" not in state:
        folder = Path(state).expanduser().absolute()
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
            return Finding(what, Verdict.MISSING, why, state, f"{there} cannot be written.", way_out)
    try:
        engine.store.environments()
    except ReconcilerError as error:
        return _wrong(what, why, error, way_out)
    return Finding(what, Verdict.OK, why, state)


def examine(engine: Reconciler, name: str) -> Examined:
    """Everything that one environment needs. Raises nothing of our own: what goes wrong is a finding."""
    return Examined(name, tuple(_environment(engine, name)))


def _environment(engine: Reconciler, name: str) -> Iterator[Finding]:
    checkout = engine.checkout
    try:
        snapshot = checkout.snapshot(name)
        environment = checkout.load(name, snapshot)
        yield from _secrets(engine, environment)
        checkout.desired(environment, snapshot)
        yield Finding("environment file", Verdict.OK, at=environment.where())
    except ReconcilerError as error:
        yield _wrong("environment file", "to know what is wanted", error, f"reconciler validate {name}")
        return
    if environment.azure is None:
        reason = "It has no section `azure`: there is nothing to look at in Azure."
        yield Finding("azure", Verdict.OK, reason=reason)
        return
    yield from _cloud(engine, environment, snapshot)


def _cloud(engine: Reconciler, environment: Environment, snapshot: Snapshot) -> Iterator[Finding]:
    azure = environment.azure
    assert azure is not None
    why = "to be somebody in Azure"
    try:
        session = engine.planner.session(environment, snapshot)
        yield Finding("sign-in", Verdict.OK, why, reason=_who(session.identity))
        desired = engine.checkout.desired(environment, snapshot, session.identity)
        needs = needed(environment, desired, policy_of(environment, 0), datetime.now(UTC).date())
        looker = Looker(session.cloud, session.identity, desired, azure.subscription, azure.location, needs)
        yield from looker.findings()
    except ReconcilerError as error:
        yield _wrong("sign-in", why, error, "az login")


def _who(identity: Identity) -> str:
    return f"object id {identity.object_id} of tenant {identity.tenant_id}"


def _secrets(engine: Reconciler, environment: Environment) -> Iterator[Finding]:
    """App settings that `${env:…}` names, and what RECONCILER_SECRETS does not allow."""
    asked = {reference.text[2:-1]: reference for _, reference in environment.references()}
    for text, reference in sorted(asked.items()):
        if not reference.is_secret or reference.kind == "storageKey":
            continue
        _, missing = engine.checkout.secret(text)
        name = "/".join(reference.parts)
        way_out = f"Name {name} in RECONCILER_SECRETS" + (
            f", and set the app setting {name}." if reference.kind == "env" else "."
        )
        verdict = Verdict.MISSING if missing else Verdict.OK
        yield Finding(text, verdict, "to write secrets", reason=missing, way_out=way_out if missing else "")


def _wrong(what: str, why: str, error: ReconcilerError, way_out: str) -> Finding:
    return Finding(what, Verdict.MISSING, why, error.where, error.message, way_out)
