"""Template deployments as the real clients see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from support.arm_calls import ARM, SUBSCRIPTION, Caller, code, sign_in
from support.sandbox import Sandbox

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikes"
DEPLOYMENT = f"{GROUP}/providers/Microsoft.Resources/deployments/platform"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
VERSION = "2024-07-01"
TENANT = "00000000-0000-0000-0000-00000000000a"
SAMPLE = Path(__file__).resolve().parents[2] / "arm" / "azuredeploy.json"


@pytest.fixture
def arm(sandbox: Sandbox) -> Caller:
    caller = sign_in()
    assert caller("PUT", GROUP, {"location": "westeurope"}).status_code == 201
    return caller


@pytest.fixture
def deployments(arm: Caller) -> Any:
    return DeploymentsMgmtClient(DefaultAzureCredential(), SUBSCRIPTION).deployments


def template(*resources: dict[str, Any], **sections: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", **sections, "resources": list(resources)}


def widget(name: str, *needs: str, **fields: Any) -> dict[str, Any]:
    needed = [f"[resourceId('Contoso.Bikes/widgets', '{one}')]" for one in needs]
    return {
        "type": "Contoso.Bikes/widgets",
        "apiVersion": "2024-01-01",
        "name": name,
        "location": "[resourceGroup().location]",
        "dependsOn": needed,
        **fields,
    }


def body(source: dict[str, Any], mode: str = "Incremental", **parameters: Any) -> dict[str, Any]:
    values = {name: {"value": value} for name, value in parameters.items()}
    return {"properties": {"mode": mode, "template": source, "parameters": values}}


def deploy(arm: Caller, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    """PUT, which must be accepted, and the deployment as it is after that."""
    answer = arm("PUT", DEPLOYMENT, body(source, **more), VERSION)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = arm("GET", DEPLOYMENT, version=VERSION).json()
    return found


def test_the_sample_deploys_through_the_sdk_and_again_without_change(deployments: Any, arm: Caller) -> None:
    """Create everything, read the outputs, deploy the same again: what-if sees no change in between."""
    source = json.loads(SAMPLE.read_text())
    given = {
        "storageAccountName": "bikesharetest",
        "keyVaultName": "bikes-kv",
        "dataFactoryName": "bikes-adf",
    }
    sent = body(source, **given)
    made = deployments.begin_create_or_update("bikes", "platform", sent).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.outputs["storageAccountName"] == {"type": "String", "value": "bikesharetest"}
    assert made.properties.outputs["keyVaultUri"]["value"] == "https://bikes-kv.vault.azure.net/"
    factory = arm(
        "GET", f"{GROUP}/providers/Microsoft.DataFactory/factories/bikes-adf", version="2018-06-01"
    ).json()
    assert made.properties.outputs["dataFactoryPrincipalId"]["value"] == factory["identity"]["principalId"]
    written = {one.id.split("/providers/")[-1].split("/")[0] for one in made.properties.output_resources}
    assert "Microsoft.Storage" in written
    result = deployments.begin_what_if("bikes", "platform", sent).result()
    assert {
        (one.change_type, one.resource_id) for one in result.changes if one.change_type != "NoChange"
    } == set()
    again = deployments.begin_create_or_update("bikes", "platform", sent).result()
    assert again.properties.outputs == made.properties.outputs
    assert [one.name for one in deployments.list_by_resource_group("bikes")] == ["platform"]


def test_resources_are_written_in_the_order_of_their_needs(arm: Caller) -> None:
    """Explicit and implicit dependencies; the operations tell the order, and the outputs come last."""
    source = template(
        widget("c", "b"),
        widget("b", properties={"copied": "[reference(resourceId('Contoso.Bikes/widgets', 'a')).size]"}),
        widget("a", properties={"size": 3}),
        outputs={"size": {"type": "int", "value": "[reference('b').copied]"}},
    )
    done = deploy(arm, source)["properties"]
    assert (done["provisioningState"], done["outputs"]) == (
        "Succeeded",
        {"size": {"type": "Int", "value": 3}},
    )
    operations = arm("GET", f"{GROUP}/deployments/platform/operations", version=VERSION).json()["value"]
    names = [one["properties"].get("targetResource", {}).get("resourceName") for one in operations]
    assert names == ["a", "b", "c", None]
    assert operations[-1]["properties"]["provisioningOperation"] == "EvaluateDeploymentOutput"
    needs = {
        one["resourceName"]: [n["resourceName"] for n in one["dependsOn"]] for one in done["dependencies"]
    }
    assert needs["c"] == ["b"]
    assert done["providers"][0] == {
        "namespace": "Contoso.Bikes",
        "resourceTypes": [{"resourceType": "widgets", "locations": ["westeurope"]}],
    }


def test_secure_parameters_and_outputs_are_never_shown(arm: Caller) -> None:
    """Their types alone; the value still reaches the resource."""
    declared = {"password": {"type": "secureString"}, "size": {"type": "int", "defaultValue": 4}}
    source = template(
        widget("a", properties={"password": "[parameters('password')]"}),
        parameters=declared,
        outputs={"back": {"type": "securestring", "value": "[parameters('password')]"}},
    )
    done = deploy(arm, source, password="s3cret")
    assert "s3cret" not in json.dumps(done)
    assert done["properties"]["parameters"] == {
        "password": {"type": "SecureString"},
        "size": {"type": "Int", "value": 4},
    }
    live = arm("GET", f"{GROUP}/providers/Contoso.Bikes/widgets/a").json()
    assert live["properties"]["password"] == "s3cret"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"properties": {"template": template()}}, (400, "InvalidRequestContent")),
        ({"properties": {"mode": "Incremental"}}, (400, "InvalidRequestContent")),
        (
            {"properties": {"mode": "Incremental", "templateLink": {"uri": "https://x.y/z"}}},
            (501, "NotImplemented"),
        ),
        ({"location": "westeurope", **body(template())}, (400, "InvalidDeployment")),
        (body(template(parameters={"p": {"type": "string"}})), (400, "InvalidTemplate")),
        (body(template(), unknown=1), (400, "InvalidTemplate")),
        (body(template(widget("[nosuch()]"))), (400, "InvalidTemplate")),
        (body(template(widget("a", "b"), widget("b", "a"))), (400, "InvalidTemplate")),
        (body(template(widget("a", location="atlantis"))), (400, "InvalidTemplateDeployment")),
    ],
)
def test_validation_refuses_before_anything_is_written(
    arm: Caller, sent: dict[str, Any], expected: tuple[int, str]
) -> None:
    """PUT and validate refuse alike, and no deployment is left behind."""
    assert code(arm("PUT", DEPLOYMENT, sent, VERSION)) == expected
    assert code(arm("POST", f"{DEPLOYMENT}/validate", sent, VERSION)) == expected
    assert code(arm("GET", DEPLOYMENT, version=VERSION)) == (404, "DeploymentNotFound")


def test_list_functions_answer_as_the_resource_does_once_it_is_there(arm: Caller) -> None:
    """`listKeys` of an account in the same template; an action that reads is no write in the journal."""
    account = {
        "type": "Microsoft.Storage/storageAccounts",
        "apiVersion": "2024-01-01",
        "name": "bikeskeys",
        "location": "westeurope",
        "sku": {"name": "Standard_LRS"},
        "kind": "StorageV2",
    }
    keys = (
        "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'bikeskeys'), '2024-01-01').keys[0].value]"
    )
    user = widget("a", properties={"key": keys}) | {
        "dependsOn": ["[resourceId('Microsoft.Storage/storageAccounts', 'bikeskeys')]"]
    }
    assert deploy(arm, template(user, account))["properties"]["provisioningState"] == "Succeeded"
    path = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/bikeskeys/listKeys"
    listed = arm("POST", path, version="2024-01-01").json()["keys"][0]["value"]
    live = arm("GET", f"{GROUP}/providers/Contoso.Bikes/widgets/a").json()
    assert live["properties"]["key"] == listed


def test_a_name_that_is_taken_is_refused_before_anything_is_written(arm: Caller) -> None:
    """The provider's own refusal is in the details."""
    account = {"location": "westeurope", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    other = GROUP + "2"
    arm("PUT", other, {"location": "westeurope"})
    made = arm(
        "PUT", f"{other}/providers/Microsoft.Storage/storageAccounts/bikestaken", account, "2024-01-01"
    )
    assert made.status_code == 202
    kind = {"type": "Microsoft.Storage/storageAccounts", "apiVersion": "2024-01-01", "name": "bikestaken"}
    refused = arm("PUT", DEPLOYMENT, body(template(widget("a"), {**kind, **account})), VERSION)
    assert code(refused) == (400, "InvalidTemplateDeployment")
    assert [one["code"] for one in refused.json()["error"]["details"]] == [
        "StorageAccountInAnotherResourceGroup"
    ]
    assert arm("GET", f"{GROUP}/resources").json()["value"] == []


def test_a_vault_goes_to_the_deleted_ones_with_its_group(arm: Caller) -> None:
    """Its name stays taken until it is purged or recovered."""
    properties = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    path = f"{GROUP}/providers/Microsoft.KeyVault/vaults/bikes-gone-kv"
    arm("PUT", path, {"location": "westeurope", "properties": properties}, "2023-07-01")
    assert arm("DELETE", GROUP).status_code == 202
    deleted = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/deletedVaults"
    assert [one["name"] for one in arm("GET", deleted, version="2023-07-01").json()["value"]] == [
        "bikes-gone-kv"
    ]


def test_a_body_as_az_sends_it_is_taken(arm: Caller) -> None:
    """An unquoted `template:` key and the author's comments."""
    source = json.dumps(template(widget("a"))).replace(
        '"resources"', '// what there is\n/* all */ "resources"'
    )
    raw = '{"properties": {"parameters": {}, "mode": "Incremental", template:' + source + "}}"
    url = f"{ARM}{DEPLOYMENT}?api-version={VERSION}"
    answer = arm.session.put(url, data=raw, headers={"Content-Type": "application/json"}, timeout=30)
    assert answer.status_code == 201, answer.text
    assert arm("GET", DEPLOYMENT, version=VERSION).json()["properties"]["provisioningState"] == "Succeeded"


def test_a_failed_resource_fails_the_deployment_after_its_brothers(arm: Caller, deployments: Any) -> None:
    """What does not wait for the failed one is written; what does is not tried."""
    lock = f"{GROUP}/providers/Contoso.Bikes/widgets/b/providers/Microsoft.Authorization/locks/keep"
    deploy(arm, template(widget("b")))
    arm("PUT", lock, {"properties": {"level": "ReadOnly"}}, "2016-09-01")
    source = template(widget("a"), widget("b"), widget("c", "b"), widget("d"))
    with pytest.raises(HttpResponseError) as fault:
        deployments.begin_create_or_update("bikes", "platform", body(source)).result()
    assert fault.value.error is not None
    assert fault.value.error.code == "DeploymentFailed"
    assert [one.code for one in fault.value.error.details] == ["ScopeLocked"]
    names = [one["name"] for one in arm("GET", f"{GROUP}/resources").json()["value"]]
    assert names == ["a", "b", "d"]
    failed = arm("GET", DEPLOYMENT, version=VERSION).json()["properties"]
    assert (failed["provisioningState"], failed["error"]["code"]) == ("Failed", "DeploymentFailed")
    operations = arm("GET", f"{DEPLOYMENT}/operations", version=VERSION).json()["value"]
    states = {one["properties"]["targetResource"]["resourceName"]: one["properties"] for one in operations}
    assert sorted(states) == ["a", "b", "d"]
    assert states["b"]["statusMessage"]["error"]["code"] == "ScopeLocked"


def test_a_slow_deployment_writes_as_time_passes_and_can_be_cancelled(sandbox: Sandbox, arm: Caller) -> None:
    """A client that dies in between finds some resources and others not; the name is taken meanwhile."""
    source = template(widget("a"), widget("b", "a"), widget("c", "b"))
    sandbox.fault("slow-operation", match={"method": "PUT"}, seconds=30)
    started = arm("PUT", DEPLOYMENT, body(source), VERSION)
    status = started.headers["Azure-AsyncOperation"]
    assert arm("GET", status).json()["status"] == "Accepted"
    assert code(arm("PUT", DEPLOYMENT, body(source), VERSION)) == (409, "DeploymentActive")
    sandbox.advance("PT11S")
    assert [one["name"] for one in arm("GET", f"{GROUP}/resources").json()["value"]] == ["a"]
    assert arm("GET", status).json()["status"] == "Running"
    assert arm("POST", f"{DEPLOYMENT}/cancel", version=VERSION).status_code == 204
    sandbox.advance("PT1M")
    assert [one["name"] for one in arm("GET", f"{GROUP}/resources").json()["value"]] == ["a"]
    assert arm("GET", DEPLOYMENT, version=VERSION).json()["properties"]["provisioningState"] == "Canceled"
    assert code(arm("POST", f"{DEPLOYMENT}/cancel", version=VERSION)) == (409, "DeploymentCannotBeCancelled")


def test_a_slow_deployment_ends_by_itself(sandbox: Sandbox, arm: Caller) -> None:
    """Also over a restart of the sandbox: it is the world that goes on, not the process."""
    sandbox.fault("slow-operation", match={"method": "PUT"}, seconds=30)
    arm("PUT", DEPLOYMENT, body(template(widget("a"), widget("b", "a"))), VERSION)
    sandbox.kill()
    sandbox.restart()
    sandbox.advance("PT1M")
    again = sign_in()
    assert again("GET", DEPLOYMENT, version=VERSION).json()["properties"]["provisioningState"] == "Succeeded"
    assert len(again("GET", f"{GROUP}/resources").json()["value"]) == 2


def test_a_script_is_no_empty_success(arm: Caller) -> None:
    """What the sandbox cannot run fails the deployment."""
    script = {
        "type": "Microsoft.Resources/deploymentScripts",
        "apiVersion": "2023-08-01",
        "name": "run",
        "location": "westeurope",
        "kind": "AzureCLI",
        "properties": {"scriptContent": "exit 0"},
    }
    failed = deploy(arm, template(script))["properties"]
    assert failed["provisioningState"] == "Failed"
    assert [one["code"] for one in failed["error"]["details"]] == ["NotImplemented"]


def test_fail_operation_fails_the_last_resource(sandbox: Sandbox, arm: Caller) -> None:
    """A deployment that stops halfway leaves what it wrote."""
    sandbox.fault("fail-operation", match={"method": "PUT"})
    failed = deploy(arm, template(widget("a"), widget("b", "a")))
    assert failed["properties"]["provisioningState"] == "Failed"
    assert [one["name"] for one in arm("GET", f"{GROUP}/resources").json()["value"]] == ["a"]


def test_mode_complete_removes_what_the_template_does_not_name(arm: Caller) -> None:
    """Incremental leaves it."""
    deploy(arm, template(widget("a"), widget("b")))
    deploy(arm, template(widget("a")))
    assert len(arm("GET", f"{GROUP}/resources").json()["value"]) == 2
    deploy(arm, template(widget("a")), mode="Complete")
    assert [one["name"] for one in arm("GET", f"{GROUP}/resources").json()["value"]] == ["a"]


def test_what_if_tells_each_kind_of_change_and_changes_nothing(deployments: Any, arm: Caller) -> None:
    """Create, Modify with its property changes, NoChange, Ignore; ids alone on demand."""
    deploy(arm, template(widget("a", properties={"x": 1, "l": [1, 2]}), widget("b"), widget("other")))
    source = template(widget("a", properties={"x": 2, "l": [1]}, tags={"t": "v"}), widget("b"), widget("new"))
    before = arm("GET", f"{GROUP}/resources?$expand=changedTime").json()
    sent = body(source)
    result = deployments.begin_what_if("bikes", "platform", sent).result()
    found = {one.resource_id.rsplit("/", 1)[-1]: one for one in result.changes}
    assert {name: one.change_type for name, one in found.items()} == {
        "a": "Modify",
        "b": "NoChange",
        "new": "Create",
        "other": "Ignore",
    }
    delta = {one.path: one.property_change_type for one in found["a"].delta}
    assert delta == {"properties.x": "Modify", "properties.l": "Array", "tags": "Create"}
    assert found["new"].after["apiVersion"] == "2024-01-01"
    assert arm("GET", f"{GROUP}/resources?$expand=changedTime").json() == before
    sent["properties"]["whatIfSettings"] = {"resultFormat": "ResourceIdOnly"}
    only = deployments.begin_what_if("bikes", "platform", sent).result()
    assert {one.resource_id.rsplit("/", 1)[-1]: one.change_type for one in only.changes} == {
        "a": "Deploy",
        "b": "Deploy",
        "new": "Create",
        "other": "Ignore",
    }


def test_a_nested_deployment_is_a_deployment_of_its_own(arm: Caller) -> None:
    """At subscription scope: a group, and a nested deployment into it."""
    scope = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Resources/deployments/all"
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": "inner",
        "resourceGroup": "made",
        "dependsOn": ["made"],
        "properties": {
            "mode": "Incremental",
            "template": template(
                widget("deep", location="westeurope"),
                outputs={"id": {"type": "string", "value": "[resourceId('Contoso.Bikes/widgets', 'deep')]"}},
            ),
            "expressionEvaluationOptions": {"scope": "inner"},
        },
    }
    group = {
        "type": "Microsoft.Resources/resourceGroups",
        "apiVersion": "2022-09-01",
        "name": "made",
        "location": "westeurope",
    }
    source = template(
        group, nested, outputs={"id": {"type": "string", "value": "[reference('inner').outputs.id.value]"}}
    )
    source["$schema"] = SCHEMA.replace("2019-04-01/deployment", "2018-05-01/subscriptionDeployment")
    sent = {"location": "westeurope", **body(source)}
    started = arm("PUT", scope, sent, VERSION)
    assert started.status_code == 201, started.text
    done = arm("GET", scope, version=VERSION).json()
    made = GROUP.replace("bikes", "made")
    assert done["properties"]["provisioningState"] == "Succeeded", done
    assert done["location"] == "westeurope"
    assert done["properties"]["outputs"]["id"]["value"] == f"{made}/providers/Contoso.Bikes/widgets/deep"
    inner = arm("GET", f"{made}/providers/Microsoft.Resources/deployments/inner", version=VERSION).json()
    assert inner["properties"]["provisioningState"] == "Succeeded"
    assert inner["properties"]["outputResources"] == [{"id": f"{made}/providers/Contoso.Bikes/widgets/deep"}]
    operations = arm("GET", f"{scope}/operations", version=VERSION).json()["value"]
    names = [one["properties"].get("targetResource", {}).get("resourceName") for one in operations]
    assert names == ["made", "inner", None]
    moved = {**sent, "location": "eastus"}
    assert code(arm("PUT", scope, moved, VERSION)) == (409, "InvalidDeploymentLocation")
    assert code(arm("PUT", scope, body(source), VERSION)) == (400, "InvalidDeployment")


def test_a_deployment_can_be_listed_found_and_deleted(arm: Caller) -> None:
    """HEAD, list with a filter, export, delete; what it deployed stays."""
    deploy(arm, template(widget("a")))
    url = f"{ARM}{DEPLOYMENT}?api-version={VERSION}"
    assert arm.session.head(url, timeout=30).status_code == 204
    base = f"{GROUP}/providers/Microsoft.Resources/deployments/"
    assert (
        len(arm("GET", f"{base}?$filter=provisioningState eq 'Succeeded'", version=VERSION).json()["value"])
        == 1
    )
    assert arm("GET", f"{base}?$filter=provisioningState eq 'Failed'", version=VERSION).json()["value"] == []
    exported = arm("POST", f"{DEPLOYMENT}/exportTemplate", version=VERSION).json()["template"]
    assert exported["resources"][0]["name"] == "a"
    deleted = arm("DELETE", DEPLOYMENT, version=VERSION)
    assert deleted.status_code == 202
    assert arm("GET", deleted.headers["Location"]).status_code == 204
    assert arm.session.head(url, timeout=30).status_code == 404
    assert arm("GET", f"{GROUP}/providers/Contoso.Bikes/widgets/a").status_code == 200


def test_a_vault_parameter_is_fetched_for_the_caller(arm: Caller) -> None:
    """Only from a vault that is enabled for template deployment; shown as a reference."""
    vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/bikes-params-kv"
    properties = {
        "tenantId": "00000000-0000-0000-0000-00000000000a",
        "sku": {"family": "A", "name": "standard"},
        "accessPolicies": [],
        "enabledForTemplateDeployment": True,
    }
    secret = {"properties": {"value": "from-the-vault"}}
    made = arm("PUT", vault, {"location": "westeurope", "properties": properties}, "2023-07-01")
    assert made.status_code in (200, 201), made.text
    assert arm("PUT", f"{vault}/secrets/word", secret, "2023-07-01").status_code in (200, 201)
    source = template(
        widget("a", properties={"word": "[parameters('word')]"}),
        parameters={"word": {"type": "securestring"}},
    )
    sent = body(source)
    sent["properties"]["parameters"] = {
        "word": {"reference": {"keyVault": {"id": vault}, "secretName": "word"}}
    }
    answer = arm("PUT", DEPLOYMENT, sent, VERSION)
    assert answer.status_code == 201, answer.text
    assert "from-the-vault" not in answer.text
    assert (
        arm("GET", f"{GROUP}/providers/Contoso.Bikes/widgets/a").json()["properties"]["word"]
        == "from-the-vault"
    )
    sent["properties"]["parameters"]["word"]["reference"]["secretName"] = "absent"
    refused = arm("PUT", DEPLOYMENT, sent, VERSION)
    assert code(refused) == (400, "KeyVaultParameterReferenceSecretRetrieveFailed")


def test_the_unfinished_poll_answers_are_never_cached(arm: Caller) -> None:
    """Every poll says when to ask again, and every answer carries ARM's headers."""
    answer: requests.Response = arm("PUT", DEPLOYMENT, body(template(widget("a"))), VERSION)
    assert answer.headers["Retry-After"] == "0"
    for name in ("Date", "x-ms-request-id", "x-ms-correlation-request-id"):
        assert answer.headers[name]
    assert answer.json()["properties"]["provisioningState"] == "Accepted"
