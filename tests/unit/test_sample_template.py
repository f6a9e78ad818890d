"""The sample's platform template gives what its parameters promise, as the offline evaluator sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from reconciler.armtemplate import Context, Evaluation, Resource, Unknown, evaluate, parse

FILE = Path(__file__).parents[2] / "arm" / "azuredeploy.json"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bikeshare-test"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/bikes"
STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store"
FACTORY = f"{GROUP}/providers/Microsoft.DataFactory/factories/adf"
SHARED_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000002/resourceGroups/shared"
SHARED = f"{SHARED_GROUP}/providers/Microsoft.Databricks/workspaces/lake"
RECONCILER = "11111111-1111-1111-1111-111111111111"
FACTORY_PRINCIPAL = "22222222-2222-2222-2222-222222222222"
READS_FACTORY = "reference(variables('dataFactoryId')"
NAMES = {"storageAccountName": "store", "keyVaultName": "bikes", "dataFactoryName": "adf"}
LIVE = {
    STORAGE: {"properties": {"primaryEndpoints": {"dfs": "https://store.dfs.core.windows.net/"}}},
    VAULT: {"properties": {"vaultUri": "https://bikes.vault.azure.net/"}},
    FACTORY: {"identity": {"principalId": FACTORY_PRINCIPAL}, "properties": {}},
    SHARED: {"properties": {"workspaceUrl": "adb-7.7.azuredatabricks.net"}},
    f"{GROUP}/providers/Microsoft.Databricks/workspaces/adf-dbw": {
        "properties": {"workspaceUrl": "adb-1.1.azuredatabricks.net"}
    },
}


def platform(live: dict[str, Any] | None = None, **parameters: Any) -> Evaluation:
    context = Context(
        subscription_id="00000000-0000-0000-0000-000000000001",
        resource_group="bikeshare-test",
        location="westeurope",
        tenant_id="00000000-0000-0000-0000-00000000000a",
        references=live or {},
    )
    return evaluate(parse(FILE.read_text(), "arm/azuredeploy.json"), {**NAMES, **parameters}, context)


def roles(evaluation: Evaluation) -> list[Resource]:
    return [r for r in evaluation.resources if r.type == "Microsoft.Authorization/roleAssignments"]


def vault(evaluation: Evaluation) -> dict[str, Any]:
    (found,) = (r for r in evaluation.resources if r.type == "Microsoft.KeyVault/vaults")
    return dict(found.body["properties"])


def test_every_parameter_is_described_and_has_a_default() -> None:
    """Someone tries the template with no parameter file, and an editor shows what each parameter is for."""
    parameters = json.loads(FILE.read_text())["parameters"]
    assert [name for name, one in parameters.items() if not one.get("metadata", {}).get("description")] == []
    assert [name for name, one in parameters.items() if "defaultValue" not in one] == []


def test_the_defaults_alone_give_a_platform_with_legal_names() -> None:
    """Storage and vault names have 3 to 24 characters, and a storage account's has no hyphen."""
    evaluation = evaluate(parse(FILE.read_text(), "arm/azuredeploy.json"), {}, Context(location="westeurope"))
    names = {r.type: r.name for r in evaluation.resources}
    assert names["Microsoft.Storage/storageAccounts"].isalnum()
    assert 3 <= len(names["Microsoft.Storage/storageAccounts"]) <= 24
    assert 3 <= len(names["Microsoft.KeyVault/vaults"]) <= 24
    assert "Microsoft.Databricks/workspaces" not in names


def test_with_role_assignments_the_vault_has_no_policies_and_each_right_is_one_assignment() -> None:
    """Azure ignores access policies of such a vault, so the rights must be complete without them."""
    evaluation = platform(LIVE, reconcilerObjectId=RECONCILER)
    assert vault(evaluation)["enableRbacAuthorization"] is True
    assert vault(evaluation)["accessPolicies"] == []
    given = {
        (
            r.scope,
            r.body["properties"]["principalId"],
            r.body["properties"]["roleDefinitionId"].rsplit("/", 1)[1],
        )
        for r in roles(evaluation)
    }
    assert given == {
        (STORAGE, FACTORY_PRINCIPAL, "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),  # Storage Blob Data Contributor
        (VAULT, FACTORY_PRINCIPAL, "4633458b-17de-408a-b874-0445c86b69e6"),  # Key Vault Secrets User
        (VAULT, RECONCILER, "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"),  # Key Vault Secrets Officer
        (STORAGE, RECONCILER, "81a9662b-bebf-436f-a333-f67b29880f12"),  # Storage Account Key Operator
    }
    assert len({UUID(r.name) for r in roles(evaluation)}) == 4


def test_with_access_policies_both_identities_are_in_them_and_no_role_is_given_on_the_vault() -> None:
    """The other access model gives the same people the same rights."""
    evaluation = platform(LIVE, reconcilerObjectId=RECONCILER, enableRbacAuthorization=False)
    policies = {p["objectId"]: p["permissions"] for p in vault(evaluation)["accessPolicies"]}
    assert vault(evaluation)["enableRbacAuthorization"] is False
    assert policies == {
        FACTORY_PRINCIPAL: {"secrets": ["get", "list"]},
        RECONCILER: {"secrets": ["get", "list", "set", "delete", "recover"]},
    }
    assert [r.id for r in roles(evaluation) if r.scope == VAULT] == []


@pytest.mark.parametrize("rbac", [True, False])
def test_without_a_reconciler_only_the_factory_gets_rights(rbac: bool) -> None:
    """An empty object id must not become a principal: Azure would refuse the whole deployment."""
    evaluation = platform(LIVE, enableRbacAuthorization=rbac)
    principals = {r.body["properties"]["principalId"] for r in roles(evaluation)}
    principals |= {p["objectId"] for p in vault(evaluation)["accessPolicies"]}
    assert principals == {FACTORY_PRINCIPAL}


def test_before_the_factory_exists_its_principal_is_unknown_and_waits_for_the_factory() -> None:
    """The plan says "known after apply" and orders the assignment after the factory."""
    (assignment,) = (r for r in roles(platform()) if r.scope == STORAGE)
    principal = assignment.body["properties"]["principalId"]
    assert isinstance(principal, Unknown)
    assert principal.references == (FACTORY,)
    assert set(assignment.depends_on) == {STORAGE, FACTORY}


@pytest.mark.parametrize(
    ("parameters", "workspaces", "identifier", "url"),
    [
        ({}, [], "", ""),
        (
            {"deployDatabricks": True},
            ["adf-dbw"],
            f"{GROUP}/providers/Microsoft.Databricks/workspaces/adf-dbw",
            "https://adb-1.1.azuredatabricks.net",
        ),
        ({"databricksResourceId": SHARED}, [], SHARED, "https://adb-7.7.azuredatabricks.net"),
        (
            {"deployDatabricks": True, "databricksResourceId": SHARED},
            ["adf-dbw"],
            f"{GROUP}/providers/Microsoft.Databricks/workspaces/adf-dbw",
            "https://adb-1.1.azuredatabricks.net",
        ),
    ],
    ids=["none", "own", "shared", "own wins over shared"],
)
def test_databricks_is_none_own_or_shared(
    parameters: dict[str, Any], workspaces: list[str], identifier: str, url: str
) -> None:
    """An environment reads the same two outputs in each case."""
    evaluation = platform(LIVE, **parameters)
    made = [r.name for r in evaluation.resources if r.type == "Microsoft.Databricks/workspaces"]
    assert made == workspaces
    assert evaluation.outputs["databricksId"].value == identifier
    assert evaluation.outputs["databricksUrl"].value == url


OWN = f"{GROUP}/providers/Microsoft.Databricks/workspaces/adf-dbw"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"


@pytest.mark.parametrize(
    ("parameters", "workspace"),
    [
        ({"deployDatabricks": True}, OWN),
        ({"databricksResourceId": SHARED}, SHARED),
        ({"deployDatabricks": True, "databricksResourceId": SHARED}, OWN),
    ],
    ids=["own", "shared, of another subscription", "own wins over shared"],
)
def test_the_factory_is_contributor_of_the_workspace_wherever_that_lies(
    parameters: dict[str, Any], workspace: str
) -> None:
    """A linked service with authentication MSI needs that right, and only on the workspace itself. The name
    depends on nothing but ids, so a second deployment writes the same assignment."""
    (given,) = (r for r in roles(platform(LIVE, **parameters)) if "Databricks" in r.scope)
    subscription = "/".join(workspace.split("/")[:3])
    assert given.scope == workspace
    assert given.id.startswith(f"{workspace}/providers/Microsoft.Authorization/roleAssignments/")
    assert given.body["properties"]["principalId"] == FACTORY_PRINCIPAL
    assert given.body["properties"]["roleDefinitionId"] == (
        f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{CONTRIBUTOR}"
    )
    (before,) = (r for r in roles(platform(**parameters)) if "Databricks" in r.scope)
    assert before.name == given.name
    assert before.body["properties"]["principalId"].references == (FACTORY,)


def test_without_databricks_nobody_is_made_contributor() -> None:
    """No workspace, no such right."""
    assert CONTRIBUTOR not in json.dumps(
        [r.body for r in roles(platform(LIVE, reconcilerObjectId=RECONCILER))]
    )


def test_purge_protection_is_sent_as_true_or_not_at_all() -> None:
    """Azure refuses false, as that would turn it off."""
    assert vault(platform())["enablePurgeProtection"] is None
    assert vault(platform(enablePurgeProtection=True))["enablePurgeProtection"] is True


def test_everything_a_resource_depends_on_is_in_the_template() -> None:
    """ARM refuses a dependsOn that names nothing."""
    evaluation = platform(deployDatabricks=True, reconcilerObjectId=RECONCILER)
    ids = {r.id for r in evaluation.resources}
    assert [need for r in evaluation.resources for need in r.depends_on if need not in ids] == []
    assert len(ids) == len(evaluation.resources)


def test_what_reads_the_factory_by_its_id_says_that_it_depends_on_it() -> None:
    """ARM takes `reference` as a dependency only where it has a name, not an id, and here it has the id."""
    readers = [r for r in json.loads(FILE.read_text())["resources"] if READS_FACTORY in json.dumps(r)]
    assert len(readers) == 5
    assert [r["type"] for r in readers if "[variables('dataFactoryId')]" not in r["dependsOn"]] == []
