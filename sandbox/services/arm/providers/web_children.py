"""What hangs below a Function app: its settings and sign-in, its publishing policies, the host's keys.

App settings are in no GET, neither of the site nor of `config/appsettings`: a POST lists them to who may."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.service import CloudError, Request, Response, Route
from sandbox.services.arm import actor, authorization, records
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.web import CONFIG_SHOWN, FLEX, SITES, bad_request, check_flex_settings
from sandbox.world import World

PYTHONS = ("3.10", "3.11", "3.12", "3.13")

_OK = style("200 body")


def _site_of(world: World, target: ResourceId) -> Document:
    parent = target.parent
    assert parent is not None
    return records.load(world, parent.id)


def _check_config(world: World, write: Write) -> None:
    site, properties = _site_of(world, write.target), write.merged.get("properties")
    if not isinstance(properties, Mapping):
        raise bad_request("The parameter properties is missing.")
    if write.target.name.lower() == "appsettings" and site["properties"]["sku"] == FLEX:
        check_flex_settings(list(properties))


def _fill_config(world: World, write: Write) -> Document:
    """`appsettings` are the site's own: one truth, whether they are written here or with the site."""
    properties = dict(write.merged["properties"])
    if write.target.name.lower() == "appsettings":
        site = _site_of(world, write.target)
        records.save(world, {**site, "_settings": {name: str(value) for name, value in properties.items()}})
        return {"properties": properties}
    if write.target.name.lower() == "authsettingsv2":
        defaults = {"platform": {"enabled": False, "runtimeVersion": "~1"}}
        return {"properties": forms.filled(properties, defaults)}
    return {"properties": properties}


def _absent_config(world: World, target: ResourceId) -> Document | None:
    site, name = _site_of(world, target), target.name.lower()
    shown: dict[str, Document] = {
        "web": {**CONFIG_SHOWN, "minTlsVersion": "1.2", **site.get("_web", {})},
        "authsettingsv2": {"platform": {"enabled": False, "runtimeVersion": "~1"}},
    }
    if name not in shown:
        return None
    return {"id": target.id, "name": target.name, "type": target.type, "properties": shown[name]}


def _list_config(world: World, request: Request) -> Response:
    """What a GET of the configuration does not show: settings, and sign-in with its secrets."""
    site, name = _asked(world, request), request.params["name"]
    target = ResourceId(site["id"].split("/providers/", 1)[0], f"{SITES}/config", (site["name"], name))
    head = {"id": target.id, "name": name, "type": f"{SITES}/config", "location": site["location"]}
    if name.lower() == "appsettings":
        return Response(200, {**head, "properties": site["_settings"]})
    found = records.get(world, target.id) or _absent_config(world, target)
    if found is None or name.lower() == "web":
        raise CloudError(501, "NotImplemented", f"The sandbox does not play the configuration '{name}'.")
    return Response(200, {**head, "properties": found["properties"]})


def _list_keys(world: World, request: Request) -> Response:
    """The host's keys: who has the master key may do everything in the app."""
    site = _asked(world, request)
    return Response(200, {"masterKey": site["_master"], "functionKeys": {}, "systemKeys": {}})


def _asked(world: World, request: Request) -> Document:
    p = request.params
    scope = f"/subscriptions/{p['subscription']}/resourceGroups/{p['group']}"
    target = ResourceId(scope, SITES, (p["site"],))
    authorization.require(
        world,
        actor.of(request),
        f"{SITES}/{'config/list' if 'name' in p else 'host/listkeys'}/action",
        target.id,
    )
    return records.load(world, target.id)


def _absent_policy(world: World, target: ResourceId) -> Document | None:
    if target.name.lower() not in ("ftp", "scm"):
        return None
    return {"id": target.id, "name": target.name, "type": target.type, "properties": {"allow": True}}


def _stacks(world: World, request: Request) -> Response:
    """The language versions that a Flex Consumption app can have; Python's alone are known here."""
    if request.query.get("stack", "python") != "python":
        return Response(200, {"value": []})
    minor = [
        {
            "displayText": f"Python {version}",
            "value": version,
            "stackSettings": {
                "linuxRuntimeSettings": {
                    "runtimeVersion": f"Python|{version}",
                    "isDefault": False,
                    "appInsightsSettings": {"isSupported": True},
                    "gitHubActionSettings": {"isSupported": True, "supportedVersion": version},
                    "appSettingsDictionary": {"FUNCTIONS_WORKER_RUNTIME": "python"},
                    "Sku": [{"skuCode": "FC1"}],
                }
            },
        }
        for version in PYTHONS
    ]
    python = {"displayText": "Python 3", "value": "3", "minorVersions": minor}
    shown = {"displayText": "Python", "value": "python", "majorVersions": [python]}
    return Response(200, {"value": [{"id": None, "name": "python", "properties": shown}], "nextLink": None})


KINDS = (
    Kind(
        f"{SITES}/config",
        check=_check_config,
        fill=_fill_config,
        absent=_absent_config,
        tracked=False,
        state=False,
        create=_OK,
        update=_OK,
    ),
    Kind(
        f"{SITES}/basicPublishingCredentialsPolicies",
        absent=_absent_policy,
        tracked=False,
        state=False,
        create=_OK,
        update=_OK,
    ),
)
_SITE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/sites/{site}"
ROUTES = (
    Route("GET", "/providers/Microsoft.Web/locations/{location}/functionAppStacks", _stacks),
    Route("POST", f"{_SITE}/config/{{name}}/list", _list_config, write=False),
    Route("POST", f"{_SITE}/host/default/listKeys", _list_keys, write=False),
)
