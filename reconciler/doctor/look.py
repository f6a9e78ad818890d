"""Reads which rights we hold in Azure and in Databricks. Writes nothing, and lets nobody into a workspace."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from reconciler.cloud import Cloud, Identity
from reconciler.desired import Desired
from reconciler.doctor import rights
from reconciler.doctor.finding import Finding, Verdict
from reconciler.doctor.permissions import Permission, assignable, grants
from reconciler.doctor.rights import ADMIN, NAMED, ROLES, VAULTS, Need, Right
from reconciler.errors import CloudError, Forbidden, NotFound, SignInError
from reconciler.providers.workspace import Place
from reconciler.resource import Resource

AUTHORIZATION, RESOURCES = "2022-04-01", "2021-04-01"
VAULT, WORKSPACE = "2023-07-01", "2024-05-01"
ME = "/api/2.0/preview/scim/v2/Me"
LOGIN_APP = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
POLICY = ("get", "list", "set", "delete", "recover")
SOON = "it comes with the deployment"

Seen = tuple[Verdict, str]
"""What was seen, and the reason."""


@dataclass(frozen=True)
class Looker:
    """Looks for one environment with its own sign-in. What Azure answered is remembered."""

    cloud: Cloud
    identity: Identity
    desired: Desired
    subscription: str
    location: str
    needs: tuple[Need, ...]

    def findings(self) -> Iterator[Finding]:
        yield from self._registrations()
        words: set[tuple[str, str]] = set()
        for need in self.needs:
            finding = self._judge(need, words)
            if finding is not None:
                yield finding
        yield from self._roles()

    # Rights

    def _judge(self, need: Need, words: set[tuple[str, str]]) -> Finding | None:
        """The worst that is seen at any scope; None where access policies say the same in one word."""
        worst: Finding | None = None
        for scope in need.scopes:
            try:
                found = self._secret(need, scope, words) if need.right.data else self._action(need, scope)
            except SignInError:
                raise
            except CloudError as error:
                found = Finding(need.action, Verdict.UNKNOWN, need.right.why, scope, error.message)
            if found is not None and (worst is None or _WORSE[found.verdict] > _WORSE[worst.verdict]):
                worst = found
        return worst

    def _action(self, need: Need, scope: str) -> Finding:
        look = self._workspace if need.action == ADMIN else self._granted
        verdict, reason = look(need, scope)
        way_out = ""
        if verdict is Verdict.MISSING:
            way_out = self._add_admin(scope) if reason.startswith(KNOWN) else self._grant(need.right, scope)
        return Finding(need.action, verdict, need.right.why, scope, reason, way_out)

    def _granted(self, need: Need, scope: str) -> Seen:
        place, held = self._held(scope)
        if grants(held, need.action, data=need.right.data):
            return Verdict.OK, ""
        if place != scope and grants(self._coming(scope), need.action, data=need.right.data):
            return Verdict.OK, SOON
        return Verdict.MISSING, f"No role that we hold at {place} has it."

    def _held(self, scope: str) -> tuple[str, list[Permission]]:
        """Where we looked, and what we hold there: at the scope, else at the next one above that is there."""
        if scope not in self._permissions:
            path = f"{scope}/providers/Microsoft.Authorization/permissions"
            try:
                self._permissions[scope] = scope, list(self.cloud.arm.pages(path, AUTHORIZATION))
            except NotFound:
                above = _above(scope)
                if not above:
                    raise
                self._permissions[scope] = self._held(above)
        return self._permissions[scope]

    @cached_property
    def _permissions(self) -> dict[str, tuple[str, list[Permission]]]:
        return {}

    def _coming(self, scope: str) -> list[Permission]:
        """What the templates will grant us there."""
        roles = {
            role
            for at, role, principal in rights.role_writes(self.desired).values()
            if principal == self.identity.object_id and f"{scope.lower()}/".startswith(f"{at.lower()}/")
        }
        return [permission for role in sorted(roles) for permission in self._role(role)["permissions"]]

    def _role(self, guid: str) -> dict[str, Any]:
        """A role's properties; without permissions where there is no such role."""
        if guid not in self._definitions:
            path = (
                f"/subscriptions/{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
            )
            try:
                self._definitions[guid] = self.cloud.arm.call("GET", path, AUTHORIZATION).body["properties"]
            except NotFound:
                self._definitions[guid] = {"roleName": guid, "permissions": []}
        return self._definitions[guid]

    @cached_property
    def _definitions(self) -> dict[str, dict[str, Any]]:
        return {}

    # Vaults

    def _secret(self, need: Need, scope: str, words: set[tuple[str, str]]) -> Finding | None:
        id_, properties, there = self._vault(scope)
        if properties.get("enableRbacAuthorization"):
            verdict, reason = self._granted(need, id_)
            way_out = self._assign(need.right.role, self._held(id_)[0]) if verdict is Verdict.MISSING else ""
            return Finding(need.action, verdict, need.right.why, id_, reason, way_out)
        word, name = need.right.word, id_.rpartition("/")[2]
        if (id_, word) in words:
            return None
        words.add((id_, word))
        held = _policy_words(properties, self.identity.object_id)
        what = f"secrets/{word} (access policy)"
        if word in held or "all" in held:
            return Finding(what, Verdict.OK, need.right.why, id_, "" if there else SOON)
        asked = " ".join(sorted({*POLICY, *held}))
        command = f"az keyvault set-policy --name {name} --object-id {self.identity.object_id}"
        reason = "No access policy of the vault grants it to us."
        way_out = f"{command} --secret-permissions {asked}"
        return Finding(what, Verdict.MISSING, need.right.why, id_, reason, way_out)

    def _vault(self, scope: str) -> tuple[str, Mapping[str, Any], bool]:
        """A vault's id, its properties, and whether it is there; as Git wants it where it is not.

        Raises CloudError where it cannot be read."""
        id_ = self._find_vault(scope.removeprefix(NAMED)) if scope.startswith(NAMED) else scope
        if id_ not in self._vaults:
            try:
                body, there = self.cloud.arm.call("GET", id_, VAULT).body, True
            except NotFound:
                body, there = _wanted(self.desired, id_), False
            self._vaults[id_] = body.get("properties") or {}, there
        return id_, *self._vaults[id_]

    @cached_property
    def _vaults(self) -> dict[str, tuple[Mapping[str, Any], bool]]:
        return {}

    def _find_vault(self, name: str) -> str:
        path = f"/subscriptions/{self.subscription}/resources"
        asked = quote(f"resourceType eq '{VAULTS}'")
        for found in self.cloud.arm.pages(path, RESOURCES, query=f"$filter={asked}"):
            if str(found["name"]).lower() == name.lower():
                return str(found["id"])
        raise NotFound(f"There is no vault {name} in the subscription, as far as we see.")

    # Databricks

    def _workspace(self, need: Need, scope: str) -> Seen:
        """Whether the workspace knows us as an administrator, or would take us as one.

        Asked without the headers that let us in: with them it would make us an administrator."""
        try:
            body = self.cloud.arm.call("GET", scope, WORKSPACE).body
        except NotFound:
            return self._granted(need, scope)
        host = str((body.get("properties") or {}).get("workspaceUrl") or "")
        if not host:
            return Verdict.UNKNOWN, "The workspace has no address yet."
        try:
            me = self.cloud.workspaces.call(Place(host), "GET", ME)
        except (Forbidden, SignInError):
            verdict, reason = self._granted(need, scope)
            told = "The workspace does not know us yet"
            ok = verdict is Verdict.OK
            return verdict, f"{told}; our first call lets us in." if ok else f"{told}. {reason}"
        groups = {str(group.get("display")) for group in me.get("groups") or ()}
        if "admins" in groups:
            return Verdict.OK, "We are in its group admins."
        return Verdict.MISSING, f"{KNOWN} {host} as {me.get('id')}, and not in its group admins."

    def _add_admin(self, scope: str) -> str:
        show = f"az databricks workspace show --ids {scope} --query workspaceUrl --output tsv"
        return (
            f"In the workspace's settings, add {self.identity.object_id} to the group admins "
            f"(its address: `{show}`)."
        )

    # Registration and the limits of role writing

    def _registrations(self) -> Iterator[Finding]:
        why = "to deploy its resources"
        for subscription, names in rights.namespaces(self.desired).items():
            for name in names:
                at = f"/subscriptions/{subscription}/providers/{name}"
                try:
                    body = self.cloud.arm.call("GET", at, RESOURCES).body
                except SignInError:
                    raise
                except CloudError as error:
                    yield Finding(f"{name} registered", Verdict.UNKNOWN, why, at, error.message)
                    continue
                ready = "Registered", "Registering"
                free = body.get("registrationPolicy") == "RegistrationFree"
                if free or body.get("registrationState") in ready:
                    yield Finding(f"{name} registered", Verdict.OK, why, at)
                    continue
                reason = f"The subscription says {body.get('registrationState')}."
                way_out = f"az provider register --subscription {subscription} --namespace {name}"
                yield Finding(f"{name} registered", Verdict.MISSING, why, at, reason, way_out)

    def _roles(self) -> Iterator[Finding]:
        """Whether the roles that the templates give are among those that we may give."""
        asked: dict[str, set[str]] = {}
        for scope, role, _ in rights.role_writes(self.desired).values():
            asked.setdefault(scope, set()).add(role)
        everything = sorted(set().union(*asked.values()))
        for scope, roles in asked.items():
            what, why = "assignable roles", "to give the roles that the templates name"
            try:
                limits = self._limits(scope)
            except SignInError:
                raise
            except (CloudError, ValueError) as error:
                yield Finding(what, Verdict.UNKNOWN, why, scope, f"{error}")
                continue
            if None in limits:
                reason = "No condition limits them: we may give any role, also to ourselves."
                yield Finding(what, Verdict.OK, why, scope, reason)
                continue
            for role in sorted(roles) if limits else ():  # without the right itself, that is what is told
                held = any(limit and role in limit for limit in limits)
                reason = "" if held else "The condition of our role assignment does not name this role."
                way_out = "" if held else self._deploy(f"assignableRoles='{json.dumps(everything)}'")
                verdict = Verdict.OK if held else Verdict.MISSING
                yield Finding(f"assignable role {self._name(role)}", verdict, why, scope, reason, way_out)

    def _name(self, guid: str) -> str:
        try:
            return f"{self._role(guid)['roleName']} ({guid})"
        except CloudError:
            return guid

    def _limits(self, scope: str) -> list[frozenset[str] | None]:
        """Of each assignment that lets us give roles there: which; None for any. Raises ValueError, see
        `assignable`."""
        place, _ = self._held(scope)
        asked = quote(f"atScope() and assignedTo('{self.identity.object_id}')")
        path = f"{place}/providers/{ROLES}"
        limits: list[frozenset[str] | None] = []
        for found in self.cloud.arm.pages(path, AUTHORIZATION, query=f"$filter={asked}"):
            properties = found["properties"]
            role = self._role(str(properties["roleDefinitionId"]).rpartition("/")[2].lower())
            if grants(role["permissions"], f"{ROLES}/write"):
                limits.append(assignable(properties.get("condition") or ""))
        return limits

    # Ways out

    def _grant(self, right: Right, scope: str) -> str:
        if right.role:
            return self._assign(right.role, self._held(scope)[0])
        more = rights.additional(self.needs)
        return self._deploy(*([f"additionalActions='{json.dumps(more)}'"] if more else []))

    def _assign(self, role: str, scope: str) -> str:
        return (
            f'az role assignment create --assignee {self.identity.object_id} --role "{role}" --scope {scope}'
        )

    def _deploy(self, *parameters: str) -> str:
        command = f"az deployment sub create --subscription {self.subscription} --location {self.location}"
        given = " ".join((f"principalId={self.identity.object_id}", *parameters))
        return f"{command} --template-file arm/reconciler-role.json --parameters {given}"


KNOWN = "We are known to"
_WORSE = {Verdict.OK: 0, Verdict.UNKNOWN: 1, Verdict.MISSING: 2}


def _above(scope: str) -> str:
    """The id of what a scope lies in: a parent resource, the group, the subscription; "" above that."""
    if "/providers/" in scope:
        head, _, tail = scope.rpartition("/providers/")
        parts = tail.split("/")
        return f"{head}/providers/{'/'.join(parts[:-2])}" if len(parts) > 3 else head
    parts = scope.split("/")
    return "/".join(parts[:3]) if len(parts) > 3 else ""


def _policy_words(properties: Mapping[str, Any], object_id: str) -> set[str]:
    policies: Iterable[Any] = properties.get("accessPolicies") or ()
    return {
        str(word).lower()
        for policy in policies
        if isinstance(policy, Mapping) and policy.get("objectId") == object_id
        for word in (policy.get("permissions") or {}).get("secrets") or ()
    }


def _wanted(desired: Desired, id_: str) -> Mapping[str, Any]:
    found: Resource | None = next(
        (r for r in desired.graph if str(r.at.get("id", "")).lower() == id_.lower()), None
    )
    if found is None:
        raise NotFound("The vault is not there, and no template of this environment makes it.")
    return found.spec
