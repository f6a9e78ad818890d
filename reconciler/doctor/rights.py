"""The rights that are needed, in one table, and which of them one environment needs. Pure.

Names are those of https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from reconciler import factory
from reconciler.adf.kinds import NAMESPACE as FACTORY_TYPE
from reconciler.armid import parse
from reconciler.change import Action
from reconciler.desired import Desired
from reconciler.environment import Environment
from reconciler.policy import Policy, matches
from reconciler.resolve import unknowns
from reconciler.resource import Key, Manage, Resource

SECRETS = "Microsoft.KeyVault/vaults/secrets"
ROLES = "Microsoft.Authorization/roleAssignments"
VAULTS, ACCOUNTS = "Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts"
ADMIN = "Microsoft.Databricks/workspaces/assignWorkspaceAdmin/action"
NAMED = "vault:"
"""How a scope begins that is the name of a vault which is not ours."""
EVENTS = ("BlobEventsTrigger", "CustomEventsTrigger")


@dataclass(frozen=True)
class Right:
    """One line of the table.

    action: as Azure names it; `{type}` stands for the type of a resource. word: that of access policies, for
    a data action of a vault. role: the built-in role that has it and little more."""

    action: str
    why: str
    word: str = ""
    role: str = ""

    @property
    def data(self) -> bool:
        return bool(self.word)


OFFICER, USER = "Key Vault Secrets Officer", "Key Vault Secrets User"
OPERATOR = "Storage Account Key Operator Service Role"

RIGHTS: Mapping[str, tuple[Right, ...]] = {
    "registration": (
        Right("Microsoft.Resources/subscriptions/providers/read", "to tell whether providers are registered"),
    ),
    "group": (
        Right("Microsoft.Resources/subscriptions/resourceGroups/read", "to see the resource group"),
        Right("Microsoft.Resources/subscriptions/resourceGroups/resources/read", "to list what is in it"),
    ),
    "groupWrite": (
        Right("Microsoft.Resources/subscriptions/resourceGroups/write", "to make and tag the resource group"),
        Right("Microsoft.Resources/subscriptions/resourceGroups/delete", "to remove it by `destroy`"),
    ),
    "deployment": (
        Right("Microsoft.Resources/deployments/read", "to see how a deployment ended"),
        Right("Microsoft.Resources/deployments/write", "to write resources: each write is a deployment"),
        Right("Microsoft.Resources/deployments/operations/read", "to see which of its resources failed"),
    ),
    "read": (Right("{type}/read", "to compare it with Git"),),
    "write": (Right("{type}/write", "to make it, and to put it right"),),
    "delete": (Right("{type}/delete", "to remove it once it has left Git"),),
    "referenced": (Right("{type}/read", "to read what a template or a secret refers to"),),
    "vaultRecovery": (
        Right("Microsoft.KeyVault/locations/deletedVaults/read", "to take a deleted vault back"),
    ),
    "storageKey": (
        Right(f"{ACCOUNTS}/listKeys/action", "to read the key that `${storageKey:…}` names", role=OPERATOR),
    ),
    "rotation": (Right(f"{ACCOUNTS}/regenerateKey/action", "to rotate the account's keys", role=OPERATOR),),
    "trigger": (
        Right(f"{FACTORY_TYPE}/triggers/start/action", "to start triggers"),
        Right(f"{FACTORY_TYPE}/triggers/stop/action", "to stop triggers while they are written"),
    ),
    "eventTrigger": (
        Right(f"{FACTORY_TYPE}/triggers/subscribetoevents/action", "to start triggers of events"),
    ),
    "pipelineCheck": (
        Right(f"{FACTORY_TYPE}/pipelines/createrun/action", "to run a pipeline as a check"),
        Right(f"{FACTORY_TYPE}/pipelineruns/read", "to see how that run ended"),
        Right(f"{FACTORY_TYPE}/pipelineruns/cancel/action", "to end a check that takes too long"),
        Right(f"{FACTORY_TYPE}/pipelineruns/queryactivityruns/action", "to tell which activity failed"),
    ),
    "secretRead": (
        Right(f"{SECRETS}/readMetadata/action", "to list secrets and see when they changed", "list", USER),
        Right(f"{SECRETS}/getSecret/action", "to read secrets", "get", USER),
    ),
    "secretWrite": (
        Right(f"{SECRETS}/setSecret/action", "to write secrets", "set", OFFICER),
        Right(f"{SECRETS}/update/action", "to put right what stands beside their values", "set", OFFICER),
        Right(f"{SECRETS}/recover/action", "to take back secrets that were deleted", "recover", OFFICER),
    ),
    "secretDelete": (Right(f"{SECRETS}/delete", "to remove secrets that have left Git", "delete", OFFICER),),
    "workspace": (Right(ADMIN, "to get into the Databricks workspace as an administrator"),),
}
"""By what asks for them. Registration of providers, the limits of role writing and the group `admins` of a
workspace are looked at beside."""

NO_DELETE = (f"{FACTORY_TYPE}/managedVirtualNetworks",)
"""Types that are there as long as what holds them: they have no action to delete them."""
SAMPLE = (
    "Microsoft.Resources/", "Microsoft.Authorization/roleAssignments/", f"{VAULTS}/", f"{FACTORY_TYPE}/",
    "Microsoft.Databricks/workspaces/", f"{ACCOUNTS}/read", f"{ACCOUNTS}/write", f"{ACCOUNTS}/listKeys/",
    f"{ACCOUNTS}/regenerateKey/", f"{ACCOUNTS}/blobServices/", "Microsoft.KeyVault/locations/",
)  # fmt: skip
"""How the actions begin that `arm/reconciler-role.json` knows without being told."""


@dataclass(frozen=True)
class Need:
    """A right that an environment needs. action: with its type put in. scopes: ids at which it is needed."""

    right: Right
    action: str
    scopes: tuple[str, ...]


def needed(environment: Environment, desired: Desired, policy: Policy, today: date) -> tuple[Need, ...]:
    """All rights that an environment needs of Azure, each once."""
    found: dict[str, tuple[Right, str, dict[str, None]]] = {}
    for name, scope, type_ in _asked(environment, desired, policy, today):
        for right in RIGHTS[name]:
            action = right.action.replace("{type}", type_)
            found.setdefault(action.lower(), (right, action, {}))[2][scope] = None
    return tuple(Need(right, action, tuple(scopes)) for right, action, scopes in found.values())


Asked = tuple[str, str, str]
"""A name of RIGHTS, the scope, and a type where that counts."""


def _asked(environment: Environment, desired: Desired, policy: Policy, today: date) -> Iterator[Asked]:
    azure = environment.azure
    assert azure is not None
    subscription = f"/subscriptions/{azure.subscription}"
    yield "registration", subscription, ""
    for resource in desired.graph:
        if _of_azure(resource):
            yield from _of_resource(resource, policy, today)
    ids = {str(resource.at.get("id", "")).lower() for resource in desired.graph}
    for id_ in dict.fromkeys(_referenced(desired)):
        if id_.lower() not in ids and "/providers/" in id_:
            yield "referenced", id_, parse(id_).type
    yield from _of_secrets(environment, desired, subscription)
    yield from _of_factory(environment, desired, policy)
    workspace = workspace_id(desired)
    if environment.databricks is not None and workspace:
        yield "workspace", workspace, ""


def _of_azure(resource: Resource) -> bool:
    """Whether Azure Resource Manager knows it by its id and type."""
    return resource.key.kind.startswith(("arm.group", "arm.resource", "adf."))


def _written(resource: Resource, policy: Policy) -> bool:
    """Whether it is more than watched."""
    watched = any(matches(pattern, resource.key) for pattern in policy.observe)
    return resource.manage is Manage.WRITE and not watched


def _of_resource(resource: Resource, policy: Policy, today: date) -> Iterator[Asked]:
    id_, key = str(resource.at["id"]), resource.key
    if key.kind == "arm.group":
        yield "group", id_, ""
        if _written(resource, policy):
            yield "groupWrite", id_, ""
        return
    parts = parse(id_)
    scope = parts.parent or id_.partition("/providers/")[0]
    yield "read", scope, resource.type
    if not _written(resource, policy):
        return
    if key.kind.startswith("arm."):
        yield "deployment", id_.partition("/providers/")[0], ""
    yield "write", scope, resource.type
    kept = policy.protects(resource.type) and not policy.acknowledged(Action.DELETE, key, today)
    lasting = resource.type.lower() in map(str.lower, NO_DELETE) or parts.name.endswith("/default")
    if policy.prune and not kept and not lasting:
        yield "delete", scope, resource.type
    if resource.type.lower() == VAULTS.lower():
        yield "vaultRecovery", f"/subscriptions/{parts.subscription}", ""


def _referenced(desired: Desired) -> Iterator[str]:
    """Ids that templates, and sections which read their outputs, refer to."""
    for resource in desired.graph:
        for unknown in (*unknowns(resource.spec), *unknowns(resource.at)):
            yield from unknown.references
    for outputs in desired.outputs.values():
        for unknown in unknowns(outputs):
            yield from unknown.references


def _of_secrets(environment: Environment, desired: Desired, subscription: str) -> Iterator[Asked]:
    azure, section = environment.azure, environment.key_vault
    assert azure is not None
    for name in sorted({ref.parts[0] for _, ref in environment.references() if ref.kind == "storageKey"}):
        account = id_of(desired, ACCOUNTS, name)
        if not account:
            yield "referenced", subscription, ACCOUNTS
        yield "storageKey", account or subscription, ""
    for name in azure.storage_keys:
        yield "rotation", id_of(desired, ACCOUNTS, name) or subscription, ""
    for name in sorted({ref.parts[0] for _, ref in environment.references() if ref.kind == "secret"}):
        yield "secretRead", vault_scope(desired, name), ""
    if section is not None and section.secrets:
        scope = vault_scope(desired, section.vault)
        yield "secretRead", scope, ""
        yield "secretWrite", scope, ""
        if environment.policy.prune and environment.policy.secrets == "delete":
            yield "secretDelete", scope, ""


def _of_factory(environment: Environment, desired: Desired, policy: Policy) -> Iterator[Asked]:
    if environment.data_factory is None:
        return
    own = factory.id_of(environment)
    triggers = [r for r in desired.graph if r.key.kind == "adf.trigger" and _written(r, policy)]
    if triggers:
        yield "trigger", own, ""
    if any((trigger.spec.get("properties") or {}).get("type") in EVENTS for trigger in triggers):
        yield "eventTrigger", own, ""
    if any(check.data_factory_pipeline for check in environment.checks):
        yield "pipelineCheck", own, ""


def id_of(desired: Desired, type_: str, name: str) -> str:
    """The id of a resource of ours whose name is unique in all of Azure; "" where there is none."""
    wanted = f"{type_}:{name}".lower()
    return next((str(r.at["id"]) for r in desired.graph if r.key.name.lower() == wanted), "")


def vault_scope(desired: Desired, name: str) -> str:
    """A vault's id, if it is ours; else its name after `NAMED`, for the one who looks it up."""
    return id_of(desired, VAULTS, name) or f"{NAMED}{name}"


def workspace_id(desired: Desired) -> str:
    """The Azure id of the environment's Databricks workspace, as far as it is known."""
    for resource in desired.graph:
        if resource.key.kind.startswith("databricks."):
            said = resource.at.get("resourceId")
            if isinstance(said, str) and said:
                return said
            waits = [id_ for unknown in unknowns(dict(resource.at)) for id_ in unknown.references]
            return next((id_ for id_ in waits if "/microsoft.databricks/workspaces/" in id_.lower()), "")
    return ""


def namespaces(desired: Desired) -> Mapping[str, tuple[str, ...]]:
    """The resource providers of what is deployed, by subscription id."""
    found: dict[str, set[str]] = {}
    for resource in desired.graph:
        if _of_azure(resource) and resource.key.kind != "arm.group":
            subscription = parse(str(resource.at["id"])).subscription
            found.setdefault(subscription, set()).add(resource.type.partition("/")[0])
    return {subscription: tuple(sorted(names)) for subscription, names in found.items()}


def role_writes(desired: Desired) -> Mapping[Key, tuple[str, str, object]]:
    """The role assignments that are wanted: where, which role (a GUID in small letters), for whom."""
    found: dict[Key, tuple[str, str, object]] = {}
    for resource in desired.graph:
        if resource.type.lower() == ROLES.lower():
            properties = resource.spec.get("properties") or {}
            role = properties.get("roleDefinitionId")
            if isinstance(role, str):
                scope = str(resource.at["id"]).rpartition("/providers/")[0]
                guid = role.rstrip("/").rpartition("/")[2].lower()
                found[resource.key] = (scope, guid, properties.get("principalId"))
    return found


def additional(needs: Iterable[Need]) -> list[str]:
    """The actions that the sample's role has to be told."""
    known = tuple(start.lower() for start in SAMPLE)
    return sorted(n.action for n in needs if not n.right.data and not n.action.lower().startswith(known))
