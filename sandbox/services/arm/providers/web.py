"""Microsoft.Web: plans and Function apps.

Sources: recorded traffic of Flex Consumption plans and sites (API 2025-05-01) for bodies and status codes;
for what a Flex site refuses, the messages that people report (hashicorp/terraform-provider-azurerm#26672,
Azure/azure-functions-flex-consumption-samples#7, Azure/azure-functions-host#10643 and #11908).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError
from sandbox.services.arm import records, regions
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.services.arm.providers.identity import forget
from sandbox.world import World

PLANS = "Microsoft.Web/serverfarms"
SITES = "Microsoft.Web/sites"
FLEX = "FlexConsumption"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]")
_OK = style("200 body")
_PLAN: Mapping[str, Any] = {
    "workerSize": "Small",
    "workerSizeId": 0,
    "numberOfWorkers": 0,
    "currentNumberOfWorkers": 0,
    "maximumNumberOfWorkers": 0,
    "planName": "VirtualDedicatedPlan",
    "computeMode": "Dynamic",
    "perSiteScaling": False,
    "elasticScaleEnabled": False,
    "maximumElasticWorkerCount": 1,
    "isSpot": False,
    "isXenon": False,
    "hyperV": False,
    "zoneRedundant": False,
    "asyncScalingEnabled": False,
    "reserved": False,
}
# What functionAppConfig says in their place.
_NOT_FLEX_SETTINGS = ("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_RUNTIME_VERSION")
_NOT_FLEX_CONFIG = (
    "linuxFxVersion",
    "ftpsState",
    "use32BitWorkerProcess",
    "netFrameworkVersion",
    "functionsRuntimeScaleMonitoringEnabled",
    "functionAppScaleLimit",
    "alwaysOn",
)
_MEMORY = (512, 2048, 4096)
# siteConfig as a site's own GET shows it: what is configured there reads null, see sites/config/web.
CONFIG_SHOWN: Mapping[str, Any] = {
    "numberOfWorkers": 1,
    "acrUseManagedIdentityCreds": False,
    "alwaysOn": False,
    "http20Enabled": False,
    "minimumElasticInstanceCount": 0,
    "clusteringEnabled": False,
    "webJobsEnabled": False,
    "linuxFxVersion": "",
    "appSettings": None,
    "connectionStrings": None,
    "minTlsVersion": None,
    "cors": None,
}
_SITE_DEFAULTS: Mapping[str, Any] = {
    "enabled": True,
    "adminEnabled": True,
    "siteScopedCertificatesEnabled": True,
    "reserved": False,
    "isXenon": False,
    "hyperV": False,
    "httpsOnly": False,
    "clientAffinityEnabled": False,
    "clientCertEnabled": False,
    "clientCertMode": "Required",
    "hostNamesDisabled": False,
    "endToEndEncryptionEnabled": False,
    "redundancyMode": "None",
    "storageAccountRequired": False,
    "virtualNetworkSubnetId": None,
    "keyVaultReferenceIdentity": "SystemAssigned",
    "publicNetworkAccess": "Enabled",
    "scmSiteAlsoStopped": False,
    "outboundVnetRouting": {
        "allTraffic": False,
        "applicationTraffic": False,
        "contentShareTraffic": False,
        "imagePullTraffic": False,
        "backupRestoreTraffic": False,
        "managedIdentityTraffic": False,
    },
}
_SITE_READ_ONLY = (
    "name",
    "state",
    "hostNames",
    "defaultHostName",
    "enabledHostNames",
    "hostNameSslStates",
    "sku",
)


def bad_request(message: str) -> CloudError:
    return CloudError(400, "BadRequest", message)


def _check_plan(world: World, write: Write) -> None:
    sku = write.merged.get("sku")
    name = sku.get("name") if isinstance(sku, Mapping) else None
    if not isinstance(name, str) or not name:
        raise bad_request("The parameter sku is missing.")
    flex = name.upper() == "FC1"
    if flex and not forms.lookup(write.merged, "properties.reserved"):
        raise bad_request("The parameter reserved has an invalid value. Flex Consumption plans run on Linux.")


def _fill_plan(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    sku = dict(document.get("sku") or {})
    flex = str(sku["name"]).upper() == "FC1"
    tier = FLEX if flex else sku.get("tier") or "Dynamic"
    family = "FC" if flex else re.sub(r"\d", "", str(sku["name"]))
    document["sku"] = {
        "name": sku["name"],
        "tier": tier,
        "size": sku["name"],
        "family": family,
        "capacity": 0,
    }
    document["properties"] = {
        **_PLAN,
        **forms.without(
            document["properties"], ("name", "status", "subscription", "resourceGroup", "numberOfSites")
        ),
        "name": write.target.name,
        "status": "Ready",
        "subscription": write.target.subscription,
        "resourceGroup": write.target.scope.rsplit("/", 1)[-1],
        "geoRegion": regions.display_name(forms.normal_location(str(document.get("location", "")))),
        "kind": document.get("kind"),
    }
    return document


def _answer_plan(world: World, document: Document, api_version: str) -> Document:
    sites = sum(
        1
        for site in records.of_type(world, SITES)
        if str(site["properties"].get("serverFarmId", "")).lower() == document["id"].lower()
    )
    return _displayed({**document, "properties": {**document["properties"], "numberOfSites": sites}})


def _check_plan_delete(world: World, target: ResourceId, document: Document) -> None:
    if _answer_plan(world, document, "")["properties"]["numberOfSites"]:
        raise CloudError(
            409, "Conflict", "Server farm cannot be deleted because it has web app(s) assigned to it."
        )


def _displayed(document: Document) -> Document:
    """A region is shown by its display name, however it was written; a PUT echoes what was sent."""
    place = forms.normal_location(str(document.get("location", "")))
    return {**document, "location": regions.display_name(place)}


def _check_site(world: World, write: Write) -> None:
    name, properties = write.target.name, write.merged.get("properties") or {}
    if not _NAME.fullmatch(name):
        raise bad_request(f"The parameter name has an invalid value: '{name}'.")
    other = records.find(world, SITES, name)
    if other is not None and other["id"].lower() != write.target.key:
        message = f"Website with given name {name} already exists."
        raise CloudError(409, "Conflict", message)
    plan = records.get(world, str(properties.get("serverFarmId") or ""))
    if plan is None:
        raise CloudError(
            404, "NotFound", f"Cannot find ServerFarm with name {properties.get('serverFarmId')}."
        )
    if plan["sku"]["tier"] == FLEX:
        _check_flex(write, properties)


def _check_flex(write: Write, properties: Mapping[str, Any]) -> None:
    config = properties.get("functionAppConfig")
    if not isinstance(config, Mapping):
        raise bad_request(
            "Site.FunctionAppConfig is invalid.  The FunctionAppConfig section was not specified in the "
            "request, which is required for Flex Consumption sites. To proceed, please add the "
            "FunctionAppConfig section in your request."
        )
    storage = forms.lookup(config, "deployment.storage")
    valid = (
        isinstance(storage, Mapping)
        and storage.get("type") == "blobContainer"
        and str(storage.get("value", "")).startswith("https://")
        and forms.lookup(storage, "authentication.type")
        in ("SystemAssignedIdentity", "UserAssignedIdentity", "StorageAccountConnectionString")
    )
    if not valid:
        raise bad_request("Site.FunctionAppConfig.Deployment.Storage is invalid.")
    by_user = forms.lookup(storage, "authentication.type") == "UserAssignedIdentity"
    assigned = forms.lookup(write.merged, "identity.userAssignedIdentities") or {}
    named = str(forms.lookup(storage, "authentication.userAssignedIdentityResourceId") or "").lower()
    if by_user and named not in (one.lower() for one in assigned):
        where = "Site.FunctionAppConfig.Deployment.Storage.Authentication"
        raise bad_request(f"{where}.UserAssignedIdentityResourceId is invalid.")
    if not all(forms.lookup(config, f"runtime.{field}") for field in ("name", "version")):
        raise bad_request("Site.FunctionAppConfig.Runtime is invalid.")
    scale = config.get("scaleAndConcurrency") or {}
    if (
        scale.get("instanceMemoryMB", 2048) not in _MEMORY
        or not 1 <= scale.get("maximumInstanceCount", 100) <= 1000
    ):
        raise bad_request("Site.FunctionAppConfig.ScaleAndConcurrency is invalid.")
    sent = properties.get("siteConfig") or {}
    settings = [str(one.get("name")) for one in sent.get("appSettings") or ()]
    check_flex_settings(settings)
    for field in _NOT_FLEX_CONFIG:
        if sent.get(field):
            _refuse("site configuration property", f"{field[0].upper()}{field[1:]}")


def check_flex_settings(names: list[str]) -> None:
    for name in names:
        if name in _NOT_FLEX_SETTINGS:
            _refuse("app setting", f"AppSettings.{name}")


def _refuse(what: str, where: str) -> None:
    raise bad_request(
        f"The following {what} (Site.SiteConfig.{where}) for Flex Consumption sites is invalid.  "
        "Please remove or rename it before retrying."
    )


def _fill_site(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    sent = forms.without(document["properties"], _SITE_READ_ONLY)
    config = sent.pop("siteConfig", None) or {}
    properties = forms.filled(sent, _SITE_DEFAULTS)
    host = f"{write.target.name.lower()}.azurewebsites.net"
    scm = f"{write.target.name.lower()}.scm.azurewebsites.net"
    plan = records.load(world, str(sent["serverFarmId"]))
    if properties.get("functionAppConfig"):
        properties["functionAppConfig"] = forms.filled(
            properties["functionAppConfig"],
            {
                "scaleAndConcurrency": {"alwaysReady": None, "triggers": None},
                "siteUpdateStrategy": {"type": "Recreate"},
            },
        )
        properties["reserved"] = True
    properties |= {
        "name": write.target.name,
        "state": "Running" if properties["enabled"] else "Disabled",
        "hostNames": [host],
        "enabledHostNames": [host, scm],
        "defaultHostName": host,
        "hostNameSslStates": [
            {"name": name, "sslState": "Disabled", "hostType": kind}
            for name, kind in ((host, "Standard"), (scm, "Repository"))
        ],
        "repositorySiteName": write.target.name,
        "usageState": "Normal",
        "availabilityState": "Normal",
        "sku": plan["sku"]["tier"],
        "kind": document.get("kind"),
        "resourceGroup": write.target.scope.rsplit("/", 1)[-1],
        "lastModifiedTimeUtc": forms.stamp(write.now).removesuffix("Z"),
        "siteConfig": dict(CONFIG_SHOWN),
        "customDomainVerificationId": hashlib.sha256(write.target.key.encode()).hexdigest().upper(),
    }
    before = write.previous or {}
    settings = before.get("_settings", {})
    if config.get("appSettings") is not None:
        settings = {str(one["name"]): one.get("value") for one in config["appSettings"]}
    document["properties"] = properties
    document["_settings"] = settings
    document["_web"] = {**before.get("_web", {}), **forms.without(config, ("appSettings",))}
    seed = (write.target.id, before.get("_created") or write.now)
    document["_master"] = (
        before.get("_master") or hashlib.sha256(forms.guid("master", *seed).encode()).hexdigest()
    )
    return document


def _answer_site(world: World, document: Document, api_version: str) -> Document:
    return _displayed(document)


def _put_answer(world: World, document: Document, write: Write) -> Document:
    place = write.merged.get("location") or (write.previous or {}).get("location", "")
    return {**document, "location": place}


def _deleted(world: World, target: ResourceId, document: Document) -> None:
    forget(world, document)


KINDS = (
    Kind(
        PLANS,
        check=_check_plan,
        fill=_fill_plan,
        answer=_answer_plan,
        put_answer=_put_answer,
        check_delete=_check_plan_delete,
        create=_OK,
        update=_OK,
    ),
    Kind(
        SITES,
        check=_check_site,
        fill=_fill_site,
        answer=_answer_site,
        put_answer=_put_answer,
        deleted=_deleted,
        state=False,
        create=_OK,
        update=_OK,
    ),
)
