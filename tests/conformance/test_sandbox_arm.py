"""ARM's front as the real clients see it: groups, resources of any type, tags, locks, roles, policy, log."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from support.arm_calls import SUBSCRIPTION, Caller, code, sign_in
from support.sandbox import Sandbox

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikes"
# A type that the sandbox has no rules for.
WIDGET = "providers/Contoso.Bikes/widgets"


@pytest.fixture
def client(sandbox: Sandbox) -> ResourceManagementClient:
    return ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)


@pytest.fixture
def arm(sandbox: Sandbox) -> Caller:
    return sign_in()


@pytest.fixture
def group(arm: Caller) -> str:
    assert arm("PUT", GROUP, {"location": "westeurope"}).status_code == 201
    return GROUP


def test_the_sdk_sees_the_seeded_subscriptions_and_their_regions(client: ResourceManagementClient) -> None:
    """`az login` and every SDK start from here."""
    names = {one["subscriptionId"] for one in _raw_list(client, "/subscriptions")}
    assert names == {SUBSCRIPTION, SUBSCRIPTION[:-1] + "2"}
    regions = {one["name"] for one in _raw_list(client, f"/subscriptions/{SUBSCRIPTION}/locations")}
    assert {"westeurope", "eastus"} <= regions


def _raw_list(client: ResourceManagementClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sign_in()("GET", path).json()["value"]
    return found


def test_a_group_lives_through_the_sdk(client: ResourceManagementClient) -> None:
    """Created, read, listed, patched, deleted (as a long operation), gone."""
    groups = client.resource_groups
    assert groups.check_existence("bikes") is False
    made = groups.create_or_update("bikes", {"location": "West Europe", "tags": {"team": "data"}})
    assert made.properties is not None
    assert (made.location, made.properties.provisioning_state) == ("westeurope", "Succeeded")
    assert groups.check_existence("bikes") is True
    assert groups.update("bikes", {"tags": {"team": "ops"}}).tags == {"team": "ops"}
    assert groups.create_or_update("bikes", {"location": "westeurope"}).tags is None, "PUT replaces"
    assert [one.name for one in groups.list()] == ["bikes"]
    groups.begin_delete("bikes").result()
    with pytest.raises(ResourceNotFoundError) as fault:
        groups.get("bikes")
    assert fault.value.error is not None
    assert fault.value.error.code == "ResourceGroupNotFound"


def test_deleting_a_group_takes_everything_in_it(client: ResourceManagementClient, group: str) -> None:
    """A group is the unit of life of what is in it."""
    resource = client.resources.begin_create_or_update_by_id(
        f"{group}/{WIDGET}/one",
        {"location": "westeurope", "properties": {"size": 3}},
        api_version="2024-01-01",
    ).result()
    assert resource.properties == {"size": 3, "provisioningState": "Succeeded"}
    client.resource_groups.begin_delete("bikes").result()
    client.resource_groups.create_or_update("bikes", {"location": "westeurope"})
    assert list(client.resources.list_by_resource_group("bikes")) == []


def test_a_group_that_is_being_deleted_takes_no_writes(sandbox: Sandbox, arm: Caller, group: str) -> None:
    """Until the operation ends the group is there, and deprovisioning."""
    sandbox.fault("slow-operation", match={"method": "DELETE"}, seconds=60)
    accepted = arm("DELETE", group)
    assert accepted.status_code == 202
    where = accepted.headers["Location"]
    assert arm("GET", where).status_code == 202
    refused = arm("PUT", f"{group}/{WIDGET}/one", {"location": "westeurope"})
    assert code(refused) == (409, "ResourceGroupBeingDeleted")
    sandbox.advance("PT1M")
    assert arm("GET", where).status_code == 200
    assert code(arm("GET", group)) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize(
    ("method", "path", "body", "version", "expected"),
    [
        ("GET", GROUP, None, None, (400, "MissingApiVersionParameter")),
        ("GET", GROUP, None, "2024-7-1", (400, "InvalidApiVersionParameter")),
        ("GET", GROUP, None, "2024-02-30", (400, "InvalidApiVersionParameter")),
        (
            "GET",
            "/subscriptions/00000000-0000-0000-0000-0000000000ff",
            None,
            "2022-12-01",
            (404, "SubscriptionNotFound"),
        ),
        ("GET", f"{GROUP}x/{WIDGET}/one", None, "2024-01-01", (404, "ResourceGroupNotFound")),
        ("GET", f"{GROUP}/{WIDGET}/one", None, "2024-01-01", (404, "ResourceNotFound")),
        (
            "PUT",
            f"{GROUP}/{WIDGET}/one",
            {"location": "atlantis"},
            "2024-01-01",
            (400, "LocationNotAvailableForResourceType"),
        ),
        ("PUT", f"{GROUP}/{WIDGET}/one", ["no", "map"], "2024-01-01", (400, "InvalidRequestContent")),
        ("PUT", f"{GROUP}/{WIDGET}/one/parts/two", {}, "2024-01-01", (404, "ParentResourceNotFound")),
        ("DELETE", f"{GROUP}/{WIDGET}/one/parts/two", None, "2024-01-01", (404, "ParentResourceNotFound")),
        (
            "PUT",
            f"{GROUP}b",
            {"location": "atlantis"},
            "2024-07-01",
            (400, "LocationNotAvailableForResourceGroup"),
        ),
        ("PUT", f"{GROUP}b", {}, "2024-07-01", (400, "LocationRequired")),
        ("PUT", GROUP, {"location": "eastus"}, "2024-07-01", (409, "InvalidResourceGroupLocation")),
        (
            "GET",
            f"/subscriptions/{SUBSCRIPTION}/providers/Contoso.Nothing",
            None,
            "2021-04-01",
            (404, "InvalidResourceNamespace"),
        ),
        (
            "GET",
            f"{GROUP}/resources?$filter=size eq '3'",
            None,
            "2021-04-01",
            (400, "InvalidFilterInQueryString"),
        ),
        ("POST", f"{GROUP}/{WIDGET}/one/explode", None, "2024-01-01", (501, "NotImplemented")),
    ],
)
def test_what_azure_refuses_is_refused(
    arm: Caller, group: str, method: str, path: str, body: Any, version: str | None, expected: tuple[int, str]
) -> None:
    """A sandbox that is more lenient than Azure proves nothing."""
    assert code(arm(method, path, body, version)) == expected


def test_put_replaces_and_patch_merges(arm: Caller, group: str) -> None:
    """What a PUT omits is gone; a PATCH leaves it."""
    path = f"{group}/{WIDGET}/one"
    first = {"location": "westeurope", "tags": {"a": "1"}, "properties": {"x": 1, "y": 2}}
    assert arm("PUT", path, first).status_code == 201
    patched = arm("PATCH", path, {"properties": {"y": 3}}).json()
    assert patched["properties"] == {"x": 1, "y": 3, "provisioningState": "Succeeded"}
    assert patched["tags"] == {"a": "1"}
    again = arm("PUT", path, {"location": "westeurope", "properties": {"y": 4}})
    assert (again.status_code, again.json()["properties"]) == (
        200,
        {"y": 4, "provisioningState": "Succeeded"},
    )
    assert "tags" not in again.json()


def test_ids_are_compared_without_case_and_keep_the_case_of_creation(arm: Caller, group: str) -> None:
    """One resource, however it is spelt."""
    arm("PUT", f"{group}/{WIDGET}/One", {"location": "westeurope"})
    shown = arm("GET", f"{group.upper()}/PROVIDERS/contoso.bikes/WIDGETS/ONE").json()
    assert (shown["id"], shown["name"]) == (f"{group}/{WIDGET}/One", "One")
    assert (
        arm("PUT", f"{group.lower()}/{WIDGET.lower()}/ONE", {"location": "westeurope"}).json()["name"]
        == "One"
    )


def test_deleting_twice_is_no_fault_and_takes_children(arm: Caller, group: str) -> None:
    """200 the first time, 204 after that."""
    arm("PUT", f"{group}/{WIDGET}/one", {"location": "westeurope"})
    arm("PUT", f"{group}/{WIDGET}/one/parts/two", {"properties": {}})
    assert arm("GET", f"{group}/{WIDGET}/one/parts").json()["value"][0]["name"] == "two"
    assert arm("DELETE", f"{group}/{WIDGET}/one").status_code == 200
    assert arm("DELETE", f"{group}/{WIDGET}/one").status_code == 204
    assert code(arm("GET", f"{group}/{WIDGET}/one/parts/two")) == (404, "ParentResourceNotFound")


def test_a_long_operation_shows_its_state_until_it_is_ready(
    sandbox: Sandbox, arm: Caller, group: str
) -> None:
    """`Azure-AsyncOperation` polls InProgress, the resource is Creating, both by the world's clock."""
    sandbox.fault("slow-operation", match={"method": "PUT"}, seconds=30)
    path = f"{group}/providers/Microsoft.Network/publicIPAddresses/ip"
    started = arm("PUT", path, {"location": "westeurope", "properties": {}}, "2024-05-01")
    assert started.status_code == 201
    assert started.headers["Retry-After"] == "0"
    status = started.headers["Azure-AsyncOperation"]
    assert arm("GET", status).json() == {"status": "InProgress"}
    assert arm("GET", path).json()["properties"]["provisioningState"] == "Creating"
    assert code(arm("PUT", path, {"location": "westeurope"})) == (409, "AnotherOperationInProgress")
    sandbox.advance("PT30S")
    assert arm("GET", status).json() == {"status": "Succeeded"}
    assert arm("GET", path).json()["properties"]["provisioningState"] == "Succeeded"


def test_a_failed_operation_is_failed_for_the_poller_and_for_the_reader(
    sandbox: Sandbox, client: ResourceManagementClient, group: str
) -> None:
    """The fault fail-operation, through the SDK's poller."""
    sandbox.fault("fail-operation", match={"method": "PUT"})
    path = f"{group}/providers/Microsoft.Network/publicIPAddresses/ip"
    poller = client.resources.begin_create_or_update_by_id(
        path, {"location": "westeurope"}, api_version="2024-05-01"
    )
    with pytest.raises(HttpResponseError):
        poller.result()
    assert (client.resources.get_by_id(path, api_version="2024-05-01").properties or {})[
        "provisioningState"
    ] == "Failed"


def test_lists_filter_and_page(arm: Caller, group: str) -> None:
    """`nextLink` is followed as it is; the filters are those that az uses."""
    for number in range(5):
        body = {"location": "westeurope", "tags": {"even": str(number % 2 == 0)}, "properties": {}}
        arm("PUT", f"{group}/{WIDGET}/w{number}", body)
    page, names = arm("GET", f"{group}/resources?$top=2").json(), []
    while True:
        names += [one["name"] for one in page["value"]]
        if "nextLink" not in page:
            break
        page = arm("GET", page["nextLink"]).json()
    assert names == ["w0", "w1", "w2", "w3", "w4"]
    assert "properties" not in page["value"][0]
    wanted = "$filter=resourceType eq 'contoso.bikes/widgets' and tagName eq 'even' and tagValue eq 'True'"
    found = arm(
        "GET", f"/subscriptions/{SUBSCRIPTION}/resources?{wanted}&$expand=createdTime,provisioningState"
    )
    assert [one["name"] for one in found.json()["value"]] == ["w0", "w2", "w4"]
    assert found.json()["value"][0]["provisioningState"] == "Succeeded"


def test_tags_at_a_scope_merge_replace_and_delete(
    client: ResourceManagementClient, arm: Caller, group: str
) -> None:
    """The tags API is another door to the same tags."""
    arm("PUT", f"{group}/{WIDGET}/one", {"location": "westeurope", "tags": {"a": "1"}})
    scope = f"{group[1:]}/{WIDGET}/one"
    tags = client.tags
    tags.begin_update_at_scope(scope, {"operation": "Merge", "properties": {"tags": {"b": "2"}}}).result()
    assert arm("GET", "/" + scope).json()["tags"] == {"a": "1", "b": "2"}
    tags.begin_update_at_scope(scope, {"operation": "Delete", "properties": {"tags": {"a": "1"}}}).result()
    assert tags.get_at_scope(scope).properties.tags == {"b": "2"}
    tags.begin_delete_at_scope(scope).result()
    assert arm("GET", "/" + scope).json()["tags"] == {}


@pytest.mark.parametrize("level", ["CanNotDelete", "ReadOnly"])
def test_locks_hold_from_the_group_down(arm: Caller, group: str, level: str) -> None:
    """CanNotDelete holds deletions, ReadOnly writes too; a lock inside holds the group's deletion."""
    path = f"{group}/{WIDGET}/one"
    arm("PUT", path, {"location": "westeurope"})
    lock = f"{path}/providers/Microsoft.Authorization/locks/keep"
    made = arm("PUT", lock, {"properties": {"level": level}}, "2016-09-01")
    assert (made.status_code, made.json()["properties"]) == (201, {"level": level})
    assert code(arm("DELETE", path)) == (409, "ScopeLocked")
    refused = arm("DELETE", group)
    assert code(refused) == (409, "ScopeLocked")
    assert path in refused.json()["error"]["message"]
    written = arm("PUT", path, {"location": "westeurope", "tags": {"a": "1"}})
    assert written.status_code == (200 if level == "CanNotDelete" else 409)
    assert arm("DELETE", lock, version="2016-09-01").status_code == 200
    assert arm("DELETE", path).status_code == 200


def test_a_deny_policy_refuses_a_write_in_azures_words(arm: Caller, group: str) -> None:
    """A custom definition with effect deny, assigned to the group."""
    scope = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/policyDefinitions/europe"
    rule = {"if": {"not": {"field": "location", "in": ["westeurope"]}}, "then": {"effect": "deny"}}
    assert arm("PUT", scope, {"properties": {"policyRule": rule}}, "2021-06-01").status_code == 201
    assignment = f"{group}/providers/Microsoft.Authorization/policyAssignments/europe"
    assert (
        arm("PUT", assignment, {"properties": {"policyDefinitionId": scope}}, "2022-06-01").status_code == 201
    )
    refused = arm("PUT", f"{group}/{WIDGET}/one", {"location": "eastus"})
    assert code(refused) == (403, "RequestDisallowedByPolicy")
    assert refused.json()["error"]["additionalInfo"][0]["type"] == "PolicyViolation"
    assert arm("PUT", f"{group}/{WIDGET}/one", {"location": "westeurope"}).status_code == 201
    assert arm("DELETE", assignment, version="2022-06-01").status_code == 200


def test_an_unregistered_namespace_refuses_writes(
    client: ResourceManagementClient, arm: Caller, group: str
) -> None:
    """MissingSubscriptionRegistration until it is registered."""
    assert client.providers.get("microsoft.storage").registration_state == "Registered"
    client.providers.unregister("Microsoft.Compute")
    refused = arm(
        "PUT", f"{group}/providers/Microsoft.Compute/availabilitySets/set", {"location": "westeurope"}
    )
    assert code(refused) == (409, "MissingSubscriptionRegistration")
    client.providers.register("Microsoft.Compute")
    again = arm(
        "PUT", f"{group}/providers/Microsoft.Compute/availabilitySets/set", {"location": "westeurope"}
    )
    assert again.status_code in (200, 201)


def test_the_activity_log_tells_who_wrote_what(arm: Caller, group: str) -> None:
    """The reconciler names the author of a drift from here."""
    arm("PUT", f"{group}/{WIDGET}/one", {"location": "westeurope"})
    path = f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.insights/eventtypes/management/values"
    wanted = f"$filter=eventTimestamp ge '2020-01-01T00:00:00Z' and resourceUri eq '{group}/{WIDGET}/one'"
    (event,) = arm("GET", f"{path}?{wanted}", version="2015-04-01").json()["value"]
    assert event["operationName"]["value"] == "Contoso.Bikes/widgets/write"
    assert event["caller"] == "00000000-0000-0000-0000-0000000000f1"
    assert event["status"]["value"] == "Succeeded"
    bare = "$filter=eventTimestamp ge 2020-01-01T00:00:00.123 and resourceGroupName eq 'bikes'"
    assert len(arm("GET", f"{path}?{bare}", version="2015-04-01").json()["value"]) == 2, "as az asks"
    assert code(arm("GET", path, version="2015-04-01")) == (400, "BadRequest")


def test_reads_are_stale_for_a_while_with_lag(sandbox_lag: Sandbox) -> None:
    """A 404 right after one's own create is not absence."""
    arm = sign_in()
    assert arm("PUT", GROUP, {"location": "westeurope"}).status_code == 201
    assert arm("GET", GROUP).status_code == 404
    assert arm("PUT", f"{GROUP}/{WIDGET}/one", {"location": "westeurope"}).status_code == 201
    assert arm("GET", f"{GROUP}/{WIDGET}/one").status_code == 404
    sandbox_lag.advance("PT1M")
    assert arm("GET", f"{GROUP}/{WIDGET}/one").status_code == 200
    assert [one["name"] for one in arm("GET", f"{GROUP}/resources").json()["value"]] == ["one"]
