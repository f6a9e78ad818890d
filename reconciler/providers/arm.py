"""Resource groups and the resources in them, through Azure Resource Manager.

Resources are written by deployments that we generate, so that Azure evaluates, orders and checks them;
they are read by id with the API version that the template names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from reconciler.armid import group_id, key_of, parse
from reconciler.errors import Busy, CloudError, Forbidden, NotFound, ReconcilerError, SignInError, Unreachable
from reconciler.judge import PARTS
from reconciler.providers.azure import Arm, error_of
from reconciler.providers.deployment import (
    FINAL,
    MARK,
    RUN,
    NeverArrived,
    failures,
    generate,
    is_final,
    secure_names,
)
from reconciler.providers.provider import Done, Looked, Pending
from reconciler.record import Entry
from reconciler.resource import Key, Observation, Resource, Status

GROUPS = "2024-11-01"
DEPLOYMENTS = "2025-04-01"
READERS = 10
"""Reads at once."""
KEY_VAULT = "2023-07-01"
VAULTS = "microsoft.keyvault/vaults"
ROLE_ASSIGNMENTS = "microsoft.authorization/roleassignments"


class ArmProvider:
    """Kinds `arm.group` and `arm.resource`.

    secure: gives the values of a deployment's secure parameters by the deployment's name."""

    kinds = frozenset({"arm.group", "arm.resource"})

    def __init__(
        self, arm: Arm, environment: str, secure: Callable[[str], Mapping[str, Any]] = lambda _: {}
    ) -> None:
        self._arm = arm
        self._environment = environment
        self._secure = secure
        self._absent: frozenset[Key] = frozenset()
        """What was not there when we looked last."""

    # Reading

    def observe(self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry]) -> Looked:
        wanted = tuple(wanted)
        groups = sorted({(p.subscription, p.group) for w in wanted if (p := parse(str(w.at["id"]))).group})
        with ThreadPoolExecutor(READERS) as pool:
            seen_groups = dict(zip(groups, pool.map(lambda g: self._read_group(*g), groups), strict=True))
            present = [group for group in groups if seen_groups[group].status is Status.PRESENT]
            listed = dict(zip(present, pool.map(lambda g: self._list_group(*g), present), strict=True))
            singles = [w for w in wanted if w.key.kind == "arm.resource"]
            seen = list(pool.map(lambda w: self._read(w, seen_groups), singles))
        observations = {observation.key: observation for observation in seen}
        for group, observation in seen_groups.items():
            ids = listed.get(group)
            if isinstance(ids, CloudError):
                observation = replace(observation, status=Status.UNKNOWN, error=ids.message)
            observations[observation.key] = observation
        self._absent = frozenset(key for key, each in observations.items() if each.status is Status.ABSENT)
        known = {w.key for w in wanted}
        unmanaged = {key_of(id_) for ids in listed.values() if isinstance(ids, list) for id_ in ids} - known
        return Looked(observations, tuple(sorted(unmanaged)))

    def _read_group(self, subscription: str, group: str) -> Observation:
        """Raises Unreachable where there was no answer at all: then no other call of this run gets one."""
        id_ = group_id(subscription, group)
        return self._look(Key("arm.group", subscription, group), id_, GROUPS, silence=False)

    def _list_group(self, subscription: str, group: str) -> list[str] | CloudError:
        """Ids of what stands in a group, or why it cannot be told: then the group must not be deleted."""
        try:
            found = self._arm.pages(f"{group_id(subscription, group)}/resources", GROUPS)
            return [item["id"] for item in found]
        except NotFound:
            return []
        except SignInError:
            raise
        except CloudError as error:
            return error

    def _read(self, wanted: Resource | Entry, groups: Mapping[tuple[str, str], Observation]) -> Observation:
        id_ = str(wanted.at["id"])
        parts = parse(id_)
        group = groups.get((parts.subscription, parts.group))
        if group is not None and group.status is not Status.PRESENT:
            return Observation(wanted.key, group.status, error=group.error)
        return self._look(wanted.key, id_, str(wanted.at["apiVersion"]))

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        made = tuple(made)
        with ThreadPoolExecutor(READERS) as pool:
            seen = pool.map(self._read_one, made)
        return {observation.key: observation for observation in seen}

    def _read_one(self, made: Resource) -> Observation:
        version = GROUPS if made.key.kind == "arm.group" else str(made.at["apiVersion"])
        return self._look(made.key, str(made.at["id"]), version)

    def elsewhere(self, absent: Iterable[Resource]) -> Mapping[Key, Observation]:
        """Absent resources that are there under another name.

        A role assignment's name is any GUID, and Azure refuses a second one with the same principal, role and
        scope (RoleAssignmentExists, https://learn.microsoft.com/azure/role-based-access-control/troubleshooting):
        whoever made it, it is what is wanted."""
        asked = [resource for resource in absent if resource.type.lower() == ROLE_ASSIGNMENTS]
        with ThreadPoolExecutor(READERS) as pool:
            found = pool.map(self._same_assignment, asked)
        return {observation.key: observation for observation in found if observation is not None}

    def _same_assignment(self, wanted: Resource) -> Observation | None:
        said = wanted.spec.get("properties") or {}
        principal, role = said.get("principalId"), said.get("roleDefinitionId")
        if not isinstance(principal, str) or not isinstance(role, str):
            return None
        scope, _, name = str(wanted.at["id"]).rpartition(
            "/providers/Microsoft.Authorization/roleAssignments/"
        )
        if not name:
            return None
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments"
        filtered = f"$filter=principalId%20eq%20'{principal}'"
        try:
            assignments = list(self._arm.pages(path, str(wanted.at["apiVersion"]), query=filtered))
        except CloudError:
            return None
        for body in assignments:
            properties = body["properties"]
            same_role = (
                properties["roleDefinitionId"].lower().rsplit("/", 1)[1] == role.lower().rsplit("/", 1)[1]
            )
            if same_role and properties["scope"].lower().rstrip("/") == scope.lower():
                return Observation(wanted.key, Status.PRESENT, id=body["id"], spec=body)
        return None

    def look_up(self, id_: str, api_version: str) -> Mapping[str, Any] | None:
        """Any resource as GET gives it, ours or not; None where it is not there or not to be read."""
        try:
            body = self._arm.call("GET", id_, api_version).body
            return body if isinstance(body, dict) else None
        except (NotFound, Forbidden):
            return None

    def look(self, key: Key, id_: str, api_version: str) -> Observation:
        """One resource by its id, ours or not. Raises CloudError where there is no such subscription."""
        return self._look(key, id_, api_version)

    def _look(self, key: Key, id_: str, api_version: str, *, silence: bool = True) -> Observation:
        """silence: whether no answer at all makes it unknown; else that is raised."""
        try:
            body = self._arm.call("GET", id_, api_version, where=str(key)).body
        except NotFound:
            return Observation(key, Status.ABSENT)
        except SignInError:
            raise
        except CloudError as error:
            unanswered = isinstance(error, Unreachable) and error.status == 0
            if error.code in ("SubscriptionNotFound", "InvalidSubscriptionId") or (
                unanswered and not silence
            ):
                raise
            return Observation(key, Status.UNKNOWN, error=error.message)
        if not isinstance(body, dict) or not body.keys() & {"id", "name", "properties"}:
            return Observation(key, Status.UNKNOWN, error="Azure's answer does not describe it.")
        state = str((body.get("properties") or {}).get("provisioningState", ""))
        return Observation(
            key,
            Status.GOING if state in ("Deleting", "Deprovisioning") else Status.PRESENT,
            id=str(body.get("id", id_)),
            spec=body,
            etag=str(body.get("etag") or body.get("eTag") or ""),
            mark=str((body.get("tags") or {}).get(MARK, "")),
        )

    # Writing

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        """What to look after when the coming call's answer is never seen: nothing for a group, whose write is
        no long operation."""
        first = batch[0]
        if first.key.kind == "arm.group":
            return {}
        name = first.at["deployment"]
        return {
            "deployment": f"{first.at['scope']}/providers/Microsoft.Resources/deployments/{name}",
            "run": run,
            "resources": {str(resource.at["id"]): str(resource.key) for resource in batch},
            "secure": secure_names(batch),
        }

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        first = batch[0]
        where = str(first.key) if len(batch) == 1 else str(first.at.get("deployment", ""))
        if first.key.kind == "arm.group":
            body = {**first.spec, "tags": {**(first.spec.get("tags") or {}), MARK: self._environment}}
            self._arm.call("PUT", str(first.at["id"]), GROUPS, body, where=where)
            return Done()
        for resource in batch:
            if resource.key in self._absent and resource.type.lower() == VAULTS:
                self._recover(resource)
        secure = self._secure(str(first.at["deployment"]))
        body = generate(batch, secure, self._environment, str(token["run"]))
        try:
            answer = self._arm.call("PUT", str(token["deployment"]), DEPLOYMENTS, body, where=where)
        except CloudError as error:
            self._hush(token, error)
            raise
        return self._after(token, answer.body, answer.wait)

    def _recover(self, vault: Resource) -> None:
        """Take back a vault of this id that was deleted, with all that is in it: until it is purged, no other
        one can have its name (https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery).

        Raises CloudError where it may not be taken back."""
        id_, where = str(vault.at["id"]), str(vault.key)
        location = str(vault.spec.get("location", "")).replace(" ", "").lower()
        place = f"/subscriptions/{parse(id_).subscription}/providers/Microsoft.KeyVault/locations/{location}"
        try:
            found = self._arm.call("GET", f"{place}/deletedVaults/{vault.at['name']}", KEY_VAULT, where=where)
        except (NotFound, Forbidden):
            return  # if there is one all the same, the deployment tells
        if str(found.body["properties"]["vaultId"]).lower() != id_.lower():
            return  # it is of another group: the deployment tells that its name is taken
        said = vault.spec.get("properties") or {}
        properties = {n: said[n] for n in ("tenantId", "sku") if isinstance(said.get(n), (str, dict))}
        body = {"location": location, "properties": {**properties, "createMode": "recover"}}
        self._arm.call("PUT", id_, KEY_VAULT, body, where=where)

    def _hush(self, token: Mapping[str, Any], error: ReconcilerError) -> None:
        """Take out of an error's message what was sent as secret: services quote what they refuse."""
        sent = self._secure(str(token["deployment"]).rsplit("/", 1)[1])
        asked = {name.lower() for name in token.get("secure", ())}
        secrets = {text for name, value in sent.items() if name.lower() in asked for text in _texts(value)}
        for text in sorted(secrets, key=len, reverse=True):
            error.message = error.message.replace(text, "(secret)")

    def delete(self, entry: Entry) -> Done | Pending:
        id_ = str(entry.at["id"])
        if entry.type.lower() in PARTS:
            return Done()
        version = GROUPS if entry.key.kind == "arm.group" else str(entry.at["apiVersion"])
        try:
            if entry.key.kind == "arm.group":
                self._must_be_empty(entry.key, id_)
            answer = self._arm.call("DELETE", id_, version, where=str(entry.key))
        except NotFound:
            return Done()
        follow = answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location")
        if answer.status == 202 and follow:
            return Pending({"delete": id_, "version": version, "url": follow}, answer.wait)
        return Done()

    def _must_be_empty(self, key: Key, id_: str) -> None:
        """A deleted group takes along whatever is in it, also what was made since the plan looked.

        Raises Busy where it is not empty: the next plan tells what stays, or sees the last of ours gone."""
        left = next(self._arm.pages(f"{id_}/resources", GROUPS, where=str(key)), None)
        if left is not None:
            raise Busy(
                f"the group still holds {left['id']}, so it is not deleted.",
                where=str(key),
                code="GroupNotEmpty",
            )

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        version = GROUPS if entry.key.kind == "arm.group" else str(entry.at["apiVersion"])
        return {"delete": entry.at["id"], "version": version}

    # Long operations

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        if "deployment" in token:
            return self._poll_deployment(token)
        if "url" in token:
            return self._poll_url(token)
        if "delete" in token:
            return self._poll_gone(token)
        return Done()

    def _poll_deployment(self, token: Mapping[str, Any]) -> Done | Pending:
        """Settle the deployment of our call. Another one under its name means that ours never arrived."""
        try:
            answer = self._arm.call("GET", str(token["deployment"]), DEPLOYMENTS)
        except NotFound:
            return self._never(token)
        if (answer.body.get("tags") or {}).get(RUN) != token["run"]:
            return self._never(token)
        return self._after(token, answer.body, answer.wait)

    @staticmethod
    def _never(token: Mapping[str, Any]) -> Done:
        keys = [Key.parse(text) for text in token["resources"].values()]
        return Done({key: NeverArrived("the call was not made.", where=str(key)) for key in keys})

    def _after(
        self, token: Mapping[str, Any], deployment: Mapping[str, Any], wait: float | None
    ) -> Done | Pending:
        if not is_final(deployment):
            return Pending(token, wait)
        if deployment["properties"]["provisioningState"] == "Succeeded":
            return Done()
        keys = {id_: Key.parse(text) for id_, text in token["resources"].items()}
        operations = self._arm.pages(f"{token['deployment']}/operations", DEPLOYMENTS)
        failed = failures(keys, deployment, operations)
        for error in failed.values():
            self._hush(token, error)
        return Done(failed)

    def _poll_url(self, token: Mapping[str, Any]) -> Done | Pending:
        """Follow Azure-AsyncOperation or Location. Any status but the final ones means that it goes on
        (https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations)."""
        try:
            answer = self._arm.call("GET", str(token["url"]))
        except (NotFound, Forbidden):
            return self._poll_gone(token)
        body = answer.body if isinstance(answer.body, dict) else {}
        status = str(body.get("status", ""))
        if answer.status == 202 or status not in ("", *FINAL):
            return Pending(token, answer.wait)
        if status in ("Failed", "Canceled"):
            key = key_of(str(token["delete"]))
            return Done({key: error_of(409, body, where=str(key))})
        return Done()

    def _poll_gone(self, token: Mapping[str, Any]) -> Done | Pending:
        key = key_of(str(token["delete"]))
        seen = self._look(key, str(token["delete"]), str(token["version"]))
        if seen.status is Status.ABSENT:
            return Done()
        if seen.status is Status.GOING:
            return Pending(token)
        return Done({key: NeverArrived("the delete was not made.", where=str(key))})


def _texts(value: Any) -> Iterator[str]:
    """The texts in a secret's value that are long enough to be told from other words."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif len(str(value)) > 3:
        yield str(value)
