"""The template that is generated for some resources, and what became of its deployment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.armtemplate import KeyVaultReference, Unknown
from reconciler.errors import Busy, CloudError, Conflict, Denied, Forbidden
from reconciler.providers.azure import error_of
from reconciler.providers.deployment import NotAttempted, failures, generate, is_final
from reconciler.resource import Key, Resource, Secret

GROUP = "/subscriptions/s/resourceGroups/g"


def resource(name: str, *needs: str, type: str = "Contoso.Any/things", **spec: Any) -> Resource:
    at = {
        "id": f"{GROUP}/providers/{type}/{name}", "type": type, "name": name, "apiVersion": "2024-01-01",
        "scope": GROUP, "hangsOn": "", "deployment": "reconciler-dev-x", "location": "westeurope",
    }  # fmt: skip
    return Resource(key(name), type, spec, at, tuple(map(key, needs)))


def key(name: str) -> Key:
    return Key("arm.resource", "g", name)


def written(*resources: Resource, **secure: Any) -> Any:
    """The deployment's body, which must be JSON."""
    return json.loads(json.dumps(generate(resources, secure, "dev", "run-1")))


def test_only_needs_inside_the_deployment_are_dependencies() -> None:
    body = written(resource("a"), resource("b", "a", "elsewhere"))
    found = body["properties"]["template"]["resources"]
    assert [each.get("dependsOn") for each in found] == [None, [f"{GROUP}/providers/Contoso.Any/things/a"]]
    assert body["properties"]["mode"] == "Incremental"
    assert body["tags"] == {"reconciler-run": "run-1"}
    assert "location" not in body


@pytest.mark.parametrize(
    ("type_", "spec", "tags"),
    [
        ("Contoso.Any/things", {"location": "w"}, {"reconciler": "dev"}),
        ("Contoso.Any/things", {"location": "w", "tags": {"a": "b"}}, {"a": "b", "reconciler": "dev"}),
        (
            "Contoso.Any/things",
            {"location": "w", "tags": Unknown("reference('b').tags")},
            "[union(reference('b').tags, createObject('reconciler', 'dev'))]",
        ),
        ("Contoso.Any/things", {}, None),
        ("Contoso.Any/things/parts", {"location": "w"}, None),
    ],
)
def test_what_takes_tags_bears_our_mark(type_: str, spec: dict[str, Any], tags: Any) -> None:
    (found,) = written(resource("a", type=type_, **spec))["properties"]["template"]["resources"]
    assert found.get("tags") == tags


def test_what_only_azure_knows_stays_an_expression_and_plain_text_stays_text() -> None:
    (found,) = written(
        resource("a", properties={"x": Unknown("reference('b').y"), "z": "[not an expression]"})
    )["properties"]["template"]["resources"]
    assert found["properties"] == {"x": "[reference('b').y]", "z": "[[not an expression]"}


def test_only_the_secrets_that_are_mentioned_are_sent_and_never_in_the_template() -> None:
    body = written(
        resource("a", properties={"p": Secret("hash", "parameters('Pass')"), "q": Unknown("concat(parameters('pass'), 'x')")}),
        pass_="no", other="unused", **{"pass": "hunter2"},
    )["properties"]  # fmt: skip
    assert [value for name, value in body["parameters"].items()] == [{"value": "hunter2"}]
    assert "hunter2" not in json.dumps(body["template"])
    assert list(body["template"]["parameters"].values()) == [{"type": "secureString"}]


@pytest.mark.parametrize(
    ("value", "type_", "sent"),
    [
        ({"a": 1}, "secureObject", {"value": {"a": 1}}),
        (
            KeyVaultReference("/v", "name", "v1"),
            "secureString",
            {"reference": {"keyVault": {"id": "/v"}, "secretName": "name", "secretVersion": "v1"}},
        ),
        (
            KeyVaultReference("/v", "name"),
            "secureString",
            {"reference": {"keyVault": {"id": "/v"}, "secretName": "name"}},
        ),
    ],
)
def test_secure_values_are_sent_in_the_form_that_azure_takes(value: Any, type_: str, sent: Any) -> None:
    body = written(resource("a", properties=Secret("hash", "parameters('p')")), p=value)["properties"]
    assert body["parameters"] == {"p": sent}
    assert body["template"]["parameters"] == {"p": {"type": type_}}


def test_a_deployment_to_a_subscription_names_its_location() -> None:
    one = resource("a")
    at = {**one.at, "scope": "/subscriptions/s"}
    body = written(Resource(one.key, one.type, {}, at))
    assert body["location"] == "westeurope"
    assert "subscriptionDeploymentTemplate" in body["properties"]["template"]["$schema"]


def test_an_extension_resource_names_what_it_hangs_on() -> None:
    one = resource("a")
    body = written(Resource(one.key, one.type, {}, {**one.at, "hangsOn": f"{GROUP}/x"}))
    assert body["properties"]["template"]["resources"][0]["scope"] == f"{GROUP}/x"


KEYS = {f"{GROUP}/A": key("a"), f"{GROUP}/b": key("b"), f"{GROUP}/c": key("c")}


def operation(id_: str, state: str, code: str = "", status: Any = "Conflict") -> dict[str, Any]:
    error = {"statusMessage": {"error": {"code": code, "message": "why"}}} if code else {}
    target = {"targetResource": {"id": f"{GROUP}/{id_}"}}
    return {"properties": {"provisioningState": state, "statusCode": status, **target, **error}}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("StorageAccountAlreadyTaken", "Conflict", Conflict),
        ("RequestDisallowedByPolicy", "Forbidden", Denied),
        ("ScopeLocked", "Conflict", Denied),
        ("AuthorizationFailed", "Forbidden", Forbidden),
        ("AnotherOperationInProgress", 409, Busy),
        ("InvalidParameter", "BadRequest", CloudError),
    ],
)
def test_who_failed_is_told_by_the_operations_in_azures_words(
    code: str, status: Any, kind: type[CloudError]
) -> None:
    """The id in an operation may differ in case from the one we know."""
    found = failures(KEYS, {}, [operation("a", "Failed", code, status), operation("B", "Succeeded")])
    assert set(found) == {key("a"), key("c")}
    assert type(found[key("a")]) is kind
    assert found[key("a")].code == code
    assert isinstance(found[key("c")], NotAttempted)
    assert str(key("a")) in found[key("c")].message


def test_a_deployment_that_failed_before_any_operation_fails_all_with_its_innermost_error() -> None:
    inner = {
        "code": "InvalidTemplateDeployment",
        "message": "m",
        "details": [{"code": "SkuNotAvailable", "message": "n"}],
    }
    found = failures(KEYS, {"properties": {"error": {"code": "DeploymentFailed", "details": [inner]}}}, [])
    assert {error.code for error in found.values()} == {"SkuNotAvailable"}
    assert set(found) == set(KEYS.values())


def test_an_error_that_wraps_others_is_told_by_all_of_the_inner_ones() -> None:
    taken = {"code": "StorageAccountAlreadyTaken", "message": "m"}
    long = {"code": "VaultNameNotValid", "message": "n"}
    nested = {"code": "DeploymentFailed", "message": "see inner", "details": [long]}
    body = {"code": "InvalidTemplateDeployment", "message": "see inner", "details": [taken, nested]}
    error = error_of(400, {"error": body})
    assert error.code == "StorageAccountAlreadyTaken"
    assert error.message.startswith("StorageAccountAlreadyTaken: m VaultNameNotValid: n")
    assert error.message.endswith("take another name."), "and what to do about the first of them"
    assert error_of(400, {"error": {**body, "details": []}}).code == "InvalidTemplateDeployment"
    assert error_of(400, {"error": {**taken, "details": [long]}}).code == "StorageAccountAlreadyTaken"


@pytest.mark.parametrize(
    ("state", "final"),
    [("Succeeded", True), ("Failed", True), ("Canceled", True), ("Running", False), ("Accepted", False)],
)
def test_which_states_end_a_deployment(state: str, final: bool) -> None:
    assert is_final({"properties": {"provisioningState": state}}) is final
