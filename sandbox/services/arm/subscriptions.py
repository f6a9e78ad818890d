"""Subscriptions, tenants and locations."""

from __future__ import annotations

from typing import Any

from sandbox.service import Request, Response, Route
from sandbox.services.arm import actor, authorization, regions, scopes, shapes
from sandbox.world import World

_NAMES = ("Bike share", "Bike share, second subscription")


def _subscription(world: World, subscription: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription,
        "tenantId": world.tenant_id,
        "displayName": _NAMES[world.subscriptions.index(subscription)],
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _list(world: World, request: Request) -> Response:
    """The subscriptions in which the caller may read anything at all."""
    caller = request.caller
    shown = [
        _subscription(world, one)
        for one in world.subscriptions
        if caller is None or authorization.reads_something(world, caller.object_id, f"/subscriptions/{one}")
    ]
    count = {"type": "Total", "value": len(shown)}
    return Response(200, {"value": shown, "count": count})


def _get(world: World, request: Request) -> Response:
    subscription = request.params["subscription"]
    scope = f"/subscriptions/{subscription}"
    scopes.check(world, scope)
    caller = request.caller
    if caller and not authorization.reads_something(world, caller.object_id, scope):
        raise shapes.authorization_failed(
            caller.client_id, caller.object_id, "Microsoft.Resources/subscriptions/read", scope
        )
    return Response(200, _subscription(world, subscription.lower()))


def _locations(world: World, request: Request) -> Response:
    subscription = request.params["subscription"]
    scope = f"/subscriptions/{subscription}"
    scopes.check(world, scope)
    authorization.require(world, actor.of(request), "Microsoft.Resources/subscriptions/locations/read", scope)
    return Response(200, {"value": regions.listed(subscription, request.query["api-version"])})


def _tenants(world: World, request: Request) -> Response:
    tenant = {
        "id": f"/tenants/{world.tenant_id}",
        "tenantId": world.tenant_id,
        "countryCode": "NL",
        "displayName": "Bike share",
        "domains": ["bikeshare.onmicrosoft.com"],
        "tenantCategory": "Home",
        "defaultDomain": "bikeshare.onmicrosoft.com",
        "tenantType": "AAD",
    }
    return Response(200, {"value": [tenant]})


ROUTES = (
    Route("GET", "/subscriptions", _list),
    Route("GET", "/tenants", _tenants),
    Route("GET", "/subscriptions/{subscription}", _get),
    Route("GET", "/subscriptions/{subscription}/locations", _locations),
)
