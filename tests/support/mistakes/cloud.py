"""Mistakes that Azure, Databricks or what stands there answers."""

from __future__ import annotations

from typing import Any

from support.mistakes import sample
from support.mistakes.bench import Bench, Mistake
from support.mistakes.written import DEV, PLATFORM, with_
from support.project import Azure, group

ACCOUNT = "Microsoft.Storage/storageAccounts/bikesdev"
VAULT = "Microsoft.KeyVault/vaults/bikes-dev-kv"
FACTORY = "Microsoft.DataFactory/factories/bikes-dev-adf"
WORKSPACE = "Microsoft.Databricks/workspaces/bikes-dev-dbw"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
AUTHORIZATION = "Microsoft.Authorization"
SCOPE = f"/subscriptions/{sample.SUBSCRIPTION}"
TENANT = "00000000-0000-0000-0000-00000000000a"
APPLY = ("apply", "dev", "--yes")
LINK = {
    "type": "FactoryGitHubConfiguration",
    "accountName": "you",
    "repositoryName": "bikes",
    "collaborationBranch": "main",
    "rootFolder": "/datafactory",
}


def made(name: str, resource: str, version: str, body: dict[str, Any]) -> None:
    """Somebody else makes a resource, and its group."""
    azure = Azure()
    azure.call("PUT", group(name), "2021-04-01", {"location": "westeurope"})
    azure.call("PUT", group(name, resource), version, {"location": "westeurope", **body})


def somebody(bench: Bench, *roles: str) -> None:
    """The environment is reconciled by an identity that has these roles in the subscription, and no other."""
    me = bench.sandbox.control("POST", "identities", {"name": "ci"})
    for number, role in enumerate(roles):
        name = f"{AUTHORIZATION}/roleAssignments/00000000-0000-0000-0000-0000000000c{number}"
        properties = {
            "roleDefinitionId": f"{SCOPE}/providers/{AUTHORIZATION}/roleDefinitions/{role}",
            "principalId": me["objectId"],
            "principalType": "ServicePrincipal",
        }
        Azure().call("PUT", f"{SCOPE}/providers/{name}", "2022-04-01", {"properties": properties})
    bench.shown |= {
        me["objectId"]: "11111111-2222-3333-4444-555555555555",
        me["clientId"]: "66666666-7777-8888-9999-000000000000",
    }
    bench.edit(DEV, "  location: westeurope", f"  location: westeurope\n  identity: {me['clientId']}")


def reader(bench: Bench) -> None:
    """Its group is there already, and may be read."""
    Azure().call("PUT", group("bikes-dev"), "2021-04-01", {"location": "westeurope"})
    somebody(bench, READER)


def throttled(bench: Bench) -> None:
    bench.sandbox.fault(
        "status",
        match={"method": "GET", "path": "*/resourceGroups/bikes-dev"},
        times=0,
        status=429,
        retryAfter=300,
        code="SubscriptionRequestsThrottled",
        message=f"Number of read requests for subscription '{sample.SUBSCRIPTION}' exceeded the limit. "
        "Please try again after '300' seconds.",
    )


def unregistered(bench: Bench) -> None:
    bench.sandbox.fault(
        "status", match={"method": "POST", "path": "*/register"}, times=0, status=403,
        code="AuthorizationFailed", message="The identity may not register a provider.",
    )  # fmt: skip
    bench.sandbox.fault(
        "status",
        match={"method": "PUT", "path": "*/deployments/*"},
        times=0,
        status=409,
        code="MissingSubscriptionRegistration",
        message="The subscription is not registered to use namespace 'Microsoft.Storage'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions.",
    )


def taken(bench: Bench) -> None:
    body = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": {}}
    made("somebody-else", ACCOUNT, "2023-05-01", body)


def soft_deleted(bench: Bench) -> None:
    vault = {
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [],
        }
    }
    made("old", VAULT, "2023-07-01", vault)
    Azure().call("DELETE", group("old", VAULT), "2023-07-01")
    bench.commit({PLATFORM: sample.template(sample.VAULT_RESOURCE)})


def linked(bench: Bench) -> None:
    bench.commit({PLATFORM: sample.template(sample.FACTORY_RESOURCE)})
    bench.applied()
    body = {
        "location": "westeurope",
        "properties": {"repoConfiguration": LINK},
        "tags": {"reconciler": "dev"},
    }
    Azure().call("PUT", group("bikes-dev", FACTORY), "2018-06-01", body)
    with_(sample.FACTORY)(bench)


def with_vault(bench: Bench) -> None:
    bench.commit({PLATFORM: sample.template(sample.VAULT_RESOURCE), DEV: sample.DEV + sample.VAULT})


def secret_unset(bench: Bench) -> None:
    with_vault(bench)
    bench.patch.delenv("API_KEY")


def secret_refused(bench: Bench) -> None:
    with_vault(bench)
    bench.patch.delenv("RECONCILER_SECRETS")


def denied(bench: Bench) -> None:
    rule = {
        "if": {"field": "type", "equals": "Microsoft.Storage/storageAccounts"},
        "then": {"effect": "deny"},
    }
    definition = f"{SCOPE}/providers/{AUTHORIZATION}/policyDefinitions/no-storage"
    assignment = f"{SCOPE}/providers/{AUTHORIZATION}/policyAssignments/no-storage"
    azure = Azure()
    body: dict[str, Any] = {"properties": {"policyType": "Custom", "mode": "All", "policyRule": rule}}
    azure.call("PUT", definition, "2021-06-01", body)
    body = {"properties": {"displayName": "No storage accounts", "policyDefinitionId": definition}}
    azure.call("PUT", assignment, "2022-06-01", body)


def lock(bench: Bench) -> None:
    bench.applied()
    path = group("bikes-dev", f"{AUTHORIZATION}/locks/frozen")
    Azure().call("PUT", path, "2016-09-01", {"properties": {"level": "ReadOnly"}})
    bench.edit(PLATFORM, "TLS1_2", "TLS1_3")


def many(bench: Bench) -> None:
    """Six identities are ours, and leave Git in one commit."""
    one = (
        '    {{"type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2023-01-31",'
        ' "name": "bikes-{}", "location": "westeurope"}},\n'
    )
    bench.commit({PLATFORM: sample.template(*(one.format(number) for number in range(6)))})
    bench.applied()
    bench.commit({PLATFORM: sample.TEMPLATE})


def protected(bench: Bench) -> None:
    bench.applied()
    start = sample.TEMPLATE.index('    {\n      "type"')
    end = sample.TEMPLATE.index("  ],\n")
    bench.commit({PLATFORM: sample.TEMPLATE[:start] + sample.TEMPLATE[end:]})


def exists(bench: Bench) -> None:
    body = {
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"minimumTlsVersion": "TLS1_0"},
    }
    made("bikes-dev", ACCOUNT, "2023-05-01", body)


def immutable(bench: Bench) -> None:
    bench.applied()
    bench.edit(
        PLATFORM, '"minimumTlsVersion": "TLS1_2"', '"minimumTlsVersion": "TLS1_2", "isHnsEnabled": true'
    )


def moved(bench: Bench) -> None:
    """The account has a location of its own here, so that only the group is to move."""
    bench.edit(PLATFORM, "[resourceGroup().location]", "westeurope")
    bench.applied()
    bench.edit(DEV, "location: westeurope", "location: northeurope")


def not_in_workspace(bench: Bench) -> None:
    managed = {"managedResourceGroupId": f"{SCOPE}/resourceGroups/bikes-dev-managed"}
    made("bikes-dev", WORKSPACE, "2024-05-01", {"sku": {"name": "premium"}, "properties": managed})
    url = Azure().get(group("bikes-dev", WORKSPACE), "2024-05-01")["properties"]["workspaceUrl"]
    somebody(bench, READER)
    bench.shown[url] = "adb-1234567890123456.7.azuredatabricks.net"
    bench.commit({DEV: (bench.repository.path / DEV).read_text("utf-8") + sample.WORKSPACE})
    bench.edit(DEV, "workspace: ${azure.platform.url}", f"workspace: {url}")
    bench.edit(DEV, "  resourceId: ${azure.platform.id}\n", "")


def two_owners(bench: Bench) -> None:
    bench.applied()
    bench.commit({"environments/test.yaml": sample.DEV.replace("name: dev", "name: test")})


RIGHTS = (
    Mistake(
        "The subscription does not exist, or is another tenant's",
        "",
        ("11111111-1111-1111-1111-111111111111", "Check azure.subscription"),
        (DEV, f"subscription: {sample.SUBSCRIPTION}", "subscription: 11111111-1111-1111-1111-111111111111"),
        calls=True,
    ),
    Mistake(
        "The identity may not read",
        "The environment's identity was made, and no role was given to it.",
        ("bikes-dev", "az role assignment create"),
        before=somebody,
        code=2,
        calls=True,
    ),
    Mistake(
        "The identity may read and not write",
        "The environment's identity has the role *Reader*.",
        ("bikes-dev", "az role assignment create"),
        before=reader,
        words=APPLY,
        calls=True,
    ),
    Mistake(
        "The identity is not let in to the Databricks workspace",
        "The identity is no user of the workspace, and `databricks.resourceId` is not given.",
        ("azuredatabricks.net", "databricks.resourceId"),
        before=not_in_workspace,
        code=2,
        calls=True,
    ),
    Mistake(
        "A secret is not set",
        "`keyVault.secrets` says `${env:API_KEY}`, and there is no such app setting.",
        ("api-key", "API_KEY", "app setting"),
        before=secret_unset,
        code=2,
        calls=True,
    ),
    Mistake(
        "A secret that the environment may not read",
        "`keyVault.secrets` says `${env:API_KEY}`, and `RECONCILER_SECRETS` does not name it.",
        ("api-key", "API_KEY", "RECONCILER_SECRETS"),
        before=secret_refused,
        code=2,
        calls=True,
    ),
)

NAMES = (
    Mistake(
        "The name of the storage account is taken",
        "Names of storage accounts are unique in all of Azure. Somebody else has this one.",
        ("bikesdev", "another name"),
        before=taken,
        words=APPLY,
        calls=True,
        writes=True,
        absent=ACCOUNT,
    ),
    Mistake(
        "The name of the storage account is not one",
        "",
        ("Bikes-Dev", "lower"),
        (DEV, "accountName: bikesdev", "accountName: Bikes-Dev"),
        words=APPLY,
        calls=True,
        writes=True,
        absent="Microsoft.Storage/storageAccounts/Bikes-Dev",
    ),
    Mistake(
        "A deleted key vault still has the name",
        "The vault was deleted a week ago. Azure keeps it, and its name, until it is purged.",
        ("bikes-dev-kv", "az keyvault"),
        before=soft_deleted,
        words=APPLY,
        calls=True,
        writes=True,
        absent=VAULT,
    ),
    Mistake(
        "The region does not exist",
        "",
        ("westeuropa", "az account list-locations"),
        (DEV, "location: westeurope", "location: westeuropa"),
        words=APPLY,
        calls=True,
        writes=True,
        absent=ACCOUNT,
    ),
    Mistake(
        "The resource group is to move to another region",
        "`location: westeurope` became `location: northeurope` in a file whose group is there.",
        ("bikes-dev", "put its location back"),
        before=moved,
        words=APPLY,
        calls=True,
    ),
    Mistake(
        "The subscription does not know the service yet",
        "The subscription is new, nobody has used storage accounts in it, and the identity may not register\n"
        "the provider.",
        ("Microsoft.Storage", "az provider register"),
        before=unregistered,
        words=APPLY,
        calls=True,
        writes=True,
        absent=ACCOUNT,
    ),
)

THERE = (
    Mistake(
        "It exists already, and differs",
        "Somebody made the account in the portal, with other settings than Git's.",
        ("bikesdev", "minimumTlsVersion", "Make Git say what is there"),
        before=exists,
        code=2,
        calls=True,
    ),
    Mistake(
        "Two environments want the same resource",
        "`environments/test.yaml` was copied from `dev.yaml`, and only its name was changed.",
        ("bikesdev", "The tag names 'dev'", "Take it out of one"),
        before=two_owners,
        words=("plan", "test"),
        code=2,
        calls=True,
    ),
    Mistake(
        "What cannot be changed was changed",
        "`isHnsEnabled: true` was added. Azure takes it only when an account is made.",
        ("bikesdev", "cannot be changed in place", "acknowledge:"),
        before=immutable,
        code=2,
        calls=True,
    ),
    Mistake(
        "A storage account was taken out of the template",
        "Types that hold data are never deleted unless a commit says so.",
        ("bikesdev", "Its type is protected", "acknowledge:"),
        before=protected,
        code=2,
        calls=True,
    ),
    Mistake(
        "A commit deletes more than it may",
        "Six resources left the template in one commit.",
        ("policy.limits.deletes", "policy.acknowledge", "`reconciler plan dev` lists them"),
        before=many,
        words=APPLY,
        calls=True,
    ),
    Mistake(
        "A policy of the company denies it",
        "",
        ("no-storage", "exemption"),
        before=denied,
        words=APPLY,
        calls=True,
        writes=True,
        absent=ACCOUNT,
    ),
    Mistake(
        "A lock stands in the way",
        "Somebody put a lock of the kind *ReadOnly* on the resource group.",
        ("bikes-dev", "Remove the lock"),
        before=lock,
        words=APPLY,
        calls=True,
        writes=True,  # Azure takes the deployment, and refuses what is in it
    ),
    Mistake(
        "The factory is linked to Git",
        "The environment has `dataFactory.definitions`, and somebody has linked the factory in ADF Studio.",
        ("bikes-dev-adf", "unlink the factory in Studio"),
        before=linked,
        code=2,
        calls=True,
    ),
    Mistake(
        "Azure throttles for longer than a tick can wait",
        "Something else in the subscription calls Azure too often.",
        ("bikes-dev", "'300' seconds", "The next tick tries again"),
        before=throttled,
        calls=True,
        code=2,
    ),
)

CLOUD = (*RIGHTS, *NAMES, *THERE)
