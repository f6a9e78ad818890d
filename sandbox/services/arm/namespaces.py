"""Resource providers: what a subscription can hold, and whether it is registered for it."""

from __future__ import annotations

from typing import Any

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import activity, actor, authorization, regions, registry, scopes
from sandbox.world import World

REGISTRATIONS = "arm.registrations"
_VERSIONS = {
    "Microsoft.App": ("2025-01-01", "2024-03-01"),
    "Microsoft.Authorization": ("2022-04-01", "2020-10-01-preview", "2016-09-01"),
    "Microsoft.Compute": ("2024-11-01", "2024-07-01", "2023-09-01"),
    "Microsoft.DataFactory": ("2018-06-01",),
    "Microsoft.Databricks": ("2024-05-01", "2023-02-01", "2018-04-01"),
    "Microsoft.EventGrid": ("2025-02-15", "2022-06-15"),
    "Microsoft.EventHub": ("2024-01-01", "2021-11-01"),
    "Microsoft.Insights": ("2024-10-01-preview", "2022-10-01", "2020-02-02"),
    "Microsoft.KeyVault": ("2026-02-01", "2024-11-01", "2023-07-01", "2022-07-01"),
    "Microsoft.Logic": ("2019-05-01",),
    "Microsoft.ManagedIdentity": ("2024-11-30", "2023-01-31", "2018-11-30"),
    "Microsoft.Network": ("2024-07-01", "2024-05-01", "2023-11-01"),
    "Microsoft.OperationalInsights": ("2023-09-01", "2022-10-01"),
    "Microsoft.Resources": ("2025-04-01", "2024-11-01", "2024-07-01", "2021-04-01", "2019-10-01"),
    "Microsoft.ServiceBus": ("2024-01-01", "2021-11-01"),
    "Microsoft.Sql": ("2023-08-01", "2021-11-01"),
    "Microsoft.Storage": ("2025-01-01", "2024-01-01", "2023-05-01", "2021-09-01"),
    "Microsoft.Synapse": ("2021-06-01",),
    "Microsoft.Web": ("2025-05-01", "2024-11-01", "2024-04-01", "2022-03-01"),
}
_TYPES = {
    "Microsoft.App": "managedEnvironments containerApps jobs",
    "Microsoft.Authorization": "roleAssignments roleDefinitions locks policyAssignments policyDefinitions",
    "Microsoft.Compute": "virtualMachines virtualMachineScaleSets disks availabilitySets",
    "Microsoft.DataFactory": (
        "factories factories/integrationRuntimes factories/linkedservices factories/datasets "
        "factories/pipelines factories/dataflows factories/triggers factories/managedVirtualNetworks "
        "factories/managedVirtualNetworks/managedPrivateEndpoints factories/credentials"
    ),
    "Microsoft.Databricks": "workspaces accessConnectors",
    "Microsoft.EventGrid": "systemTopics eventSubscriptions topics",
    "Microsoft.EventHub": "namespaces namespaces/eventhubs namespaces/authorizationRules",
    "Microsoft.Insights": (
        "components diagnosticSettings metricAlerts scheduledQueryRules actionGroups eventtypes"
    ),
    "Microsoft.KeyVault": "vaults vaults/secrets vaults/accessPolicies deletedVaults",
    "Microsoft.Logic": "workflows",
    "Microsoft.ManagedIdentity": "userAssignedIdentities userAssignedIdentities/federatedIdentityCredentials",
    "Microsoft.Network": (
        "virtualNetworks virtualNetworks/subnets networkSecurityGroups publicIPAddresses"
        " networkSecurityGroups/securityRules privateEndpoints privateDnsZones networkInterfaces"
        " loadBalancers routeTables"
    ),
    "Microsoft.OperationalInsights": "workspaces",
    "Microsoft.Resources": "resourceGroups subscriptions deployments tags templateSpecs deploymentScripts",
    "Microsoft.ServiceBus": "namespaces namespaces/queues namespaces/topics",
    "Microsoft.Sql": "servers servers/databases",
    "Microsoft.Storage": (
        "storageAccounts storageAccounts/blobServices storageAccounts/blobServices/containers "
        "storageAccounts/fileServices storageAccounts/queueServices storageAccounts/tableServices "
        "storageAccounts/managementPolicies"
    ),
    "Microsoft.Synapse": "workspaces workspaces/sqlPools",
    "Microsoft.Web": "sites sites/config serverfarms",
}
_BY_LOWER = {name.lower(): name for name in _VERSIONS}
# These need no registration and cannot lose it.
_BUILT_IN = frozenset({"microsoft.authorization", "microsoft.resources"})


def registered(world: World, subscription: str, namespace: str) -> bool:
    """A new subscription of the sandbox is registered for everything, until ``unregister``."""
    return world.store.get(REGISTRATIONS, f"{subscription}/{namespace}".lower()) is None


def check_registered(world: World, subscription: str | None, namespace: str) -> None:
    """Raises CloudError 409 MissingSubscriptionRegistration."""
    if subscription is None or registered(world, subscription, namespace):
        return
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    code = "MissingSubscriptionRegistration"
    raise CloudError(409, code, message, details=[{"code": code, "target": namespace, "message": message}])


def _provider(world: World, subscription: str | None, namespace: str) -> dict[str, Any]:
    base = f"/subscriptions/{subscription}" if subscription else ""
    listed = _TYPES[namespace].split()
    own = [one.split("/", 1)[1] for one in registry.types() if one.split("/", 1)[0] == namespace]
    types = [*listed, *(one for one in own if one not in listed)]
    places = [regions.display_name(name) for name in regions.NAMES]
    state = (
        "Registered"
        if subscription is None or registered(world, subscription, namespace)
        else "NotRegistered"
    )
    free = "RegistrationFree" if namespace.lower() in _BUILT_IN else "RegistrationRequired"
    return {
        "id": f"{base}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": [
            {
                "resourceType": one,
                "locations": [] if namespace == "Microsoft.Authorization" else places,
                "apiVersions": list(_VERSIONS[namespace]),
                "capabilities": (
                    "None" if "/" in one else "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation"
                ),
            }
            for one in types
        ],
        **({"registrationState": state, "registrationPolicy": free} if subscription else {}),
    }


def _list(world: World, request: Request) -> Response:
    subscription = _subscription(world, request)
    return Response(200, {"value": [_provider(world, subscription, name) for name in sorted(_VERSIONS)]})


def _get(world: World, request: Request) -> Response:
    return Response(200, _provider(world, _subscription(world, request), _namespace(request)))


def _register(world: World, request: Request) -> Response:
    subscription, namespace = _subscription(world, request), _namespace(request)
    verb = request.path.rsplit("/", 1)[1].lower()
    by = actor.of(request)
    permission = f"{namespace}/{verb}/action"
    authorization.require(world, by, permission, f"/subscriptions/{subscription}")
    key = f"{subscription}/{namespace}".lower()
    if verb == "register":
        world.store.delete(REGISTRATIONS, key)
    elif namespace.lower() in _BUILT_IN:
        raise CloudError(
            409, "CannotUnregisterRPWhichIsRegistrationFree", f"'{namespace}' cannot be unregistered."
        )
    else:
        world.store.put(REGISTRATIONS, key, {"state": "NotRegistered"})
    activity.record(world, by, permission, f"/subscriptions/{subscription}/providers/{namespace}")
    return Response(200, _provider(world, subscription, namespace))


def _subscription(world: World, request: Request) -> str | None:
    subscription = request.params.get("subscription")
    if subscription:
        scopes.check(world, f"/subscriptions/{subscription}")
        if request.method == "GET":
            action = "Microsoft.Resources/subscriptions/providers/read"
            authorization.require(world, actor.of(request), action, f"/subscriptions/{subscription}")
    return subscription


def _namespace(request: Request) -> str:
    asked = request.params["namespace"]
    if asked.lower() not in _BY_LOWER:
        raise CloudError(404, "InvalidResourceNamespace", f"The resource namespace '{asked}' is invalid.")
    return _BY_LOWER[asked.lower()]


_OWN = "/subscriptions/{subscription}/providers"
ROUTES = (
    Route("GET", "/providers", _list),
    Route("GET", "/providers/{namespace}", _get),
    Route("GET", _OWN, _list),
    Route("GET", f"{_OWN}/{{namespace}}", _get),
    Route("POST", f"{_OWN}/{{namespace}}/register", _register),
    Route("POST", f"{_OWN}/{{namespace}}/unregister", _register),
)
