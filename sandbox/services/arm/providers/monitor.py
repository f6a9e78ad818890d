"""Microsoft.Insights and Microsoft.OperationalInsights: workspaces, components, query alerts, action groups.

Sources: recorded traffic of each type for what is added and how it is spelt; the REST references for what
must be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError
from sandbox.services.arm import ids, records
from sandbox.services.arm.kinds import Document, Kind, Write, style
from sandbox.services.arm.providers import forms
from sandbox.world import World

WORKSPACES = "Microsoft.OperationalInsights/workspaces"
COMPONENTS = "Microsoft.Insights/components"
RULES = "Microsoft.Insights/scheduledQueryRules"
GROUPS = "Microsoft.Insights/actionGroups"

_SKUS = (
    "PerGB2018",
    "CapacityReservation",
    "Standalone",
    "PerNode",
    "Free",
    "Standard",
    "Premium",
    "LACluster",
)
_DURATION = re.compile(r"P(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?)?")
_AGGREGATIONS = ("Count", "Average", "Minimum", "Maximum", "Total")
_CRITERIA = "2020-05-01"  # from here on a rule has criteria; before, a source, a schedule and an action
_OPERATORS = ("Equals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")


def _bad(message: str, code: str = "BadRequest") -> CloudError:
    return CloudError(400, code, message)


def _check_workspace(world: World, write: Write) -> None:
    properties = write.merged.get("properties") or {}
    sku = forms.lookup(properties, "sku.name")
    if sku is not None and forms.spelled(sku, _SKUS) is None:
        raise _bad(f"Sku name '{sku}' is not valid.", "InvalidParameter")
    days = properties.get("retentionInDays", 30)
    if not isinstance(days, int) or not (days == 7 or 30 <= days <= 730):
        raise _bad(f"Retention of '{days}' days is not supported by the pricing tier.", "InvalidParameter")


def _fill_workspace(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    before = (write.previous or {}).get("properties") or {}
    now = forms.stamp(write.now)
    properties = forms.filled(
        forms.without(document["properties"], ("customerId", "createdDate", "modifiedDate")),
        {
            "sku": {"name": "PerGB2018"},
            "retentionInDays": 30,
            "features": {
                "legacy": 0,
                "searchVersion": 1,
                "enableLogAccessUsingOnlyResourcePermissions": True,
            },
            "workspaceCapping": {"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"},
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
        },
    )
    properties["workspaceCapping"]["dailyQuotaGb"] = float(properties["workspaceCapping"]["dailyQuotaGb"])
    properties["sku"]["lastSkuUpdate"] = forms.lookup(before, "sku.lastSkuUpdate") or now
    document["properties"] = {
        **properties,
        "customerId": before.get("customerId") or forms.guid("workspace", write.target.id, now),
        "createdDate": before.get("createdDate") or now,
        "modifiedDate": now,
    }
    return document


def _check_component(world: World, write: Write) -> None:
    properties = write.merged.get("properties")
    if not write.merged.get("kind"):
        raise _bad("Required property 'kind' not found in JSON.", "InvalidRequestContent")
    if not isinstance(properties, Mapping) or not properties.get("Application_Type"):
        raise _bad("Application_Type is required.", "ValidationError")
    _check_there(world, properties.get("WorkspaceResourceId"), WORKSPACES)


def _check_there(world: World, resource_id: Any, type_: str) -> None:
    if resource_id is None:
        return
    target = ids.parse(str(resource_id))
    if target is None or target.type.lower() != type_.lower() or records.get(world, target.id) is None:
        raise _bad(f"The resource '{resource_id}' was not found.", "ResourceNotFound")


def _fill_component(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    before = (write.previous or {}).get("properties") or {}
    seed = (write.target.id, before.get("CreationDate") or forms.stamp(write.now))
    key = before.get("InstrumentationKey") or forms.guid("instrumentation", *seed)
    app = before.get("AppId") or forms.guid("component", *seed)
    place = forms.normal_location(str(document.get("location", "")))
    sent = forms.without(
        document["properties"], ("AppId", "InstrumentationKey", "ConnectionString", "TenantId")
    )
    document.setdefault("tags", {})
    document["properties"] = {
        "RetentionInDays": 90,
        "IngestionMode": "LogAnalytics",
        "publicNetworkAccessForIngestion": "Enabled",
        "publicNetworkAccessForQuery": "Enabled",
        "Flow_Type": None,
        "Request_Source": None,
        "SamplingPercentage": None,
        **sent,
        "ApplicationId": write.target.name,
        "AppId": app,
        "Name": write.target.name,
        "InstrumentationKey": key,
        "ConnectionString": (
            f"InstrumentationKey={key};IngestionEndpoint=https://{place}-2.in.applicationinsights.azure.com/;"
            f"LiveEndpoint=https://{place}.livediagnostics.monitor.azure.com/;ApplicationId={app}"
        ),
        "CreationDate": before.get("CreationDate") or forms.stamp(write.now),
        "TenantId": world.tenant_id,
        "Ver": "v2",
    }
    return document


def _check_rule(world: World, write: Write) -> None:
    if write.api_version < _CRITERIA:
        return
    properties = write.merged.get("properties") or {}
    scopes = properties.get("scopes")
    if not isinstance(scopes, list) or not scopes:
        raise _bad("The scopes are required.")
    for scope in scopes:
        if records.get(world, str(scope)) is None:
            raise _bad(f"The scope '{scope}' was not found.", "ResourceNotFound")
    for field in ("evaluationFrequency", "windowSize"):
        if not _DURATION.fullmatch(str(properties.get(field) or "")):
            raise _bad(f"The {field} '{properties.get(field)}' is not valid.")
    conditions = forms.lookup(properties, "criteria.allOf")
    if not isinstance(conditions, list) or not conditions:
        raise _bad("The criteria are required.")
    for one in conditions:
        known = forms.spelled(one.get("timeAggregation"), _AGGREGATIONS) and forms.spelled(
            one.get("operator"), _OPERATORS
        )
        if not one.get("query") or not known:
            raise _bad("A criterion needs a query, a timeAggregation and an operator.")
    if properties.get("severity") not in range(5):
        raise _bad("The severity is a number from 0 to 4.")
    for group in forms.lookup(properties, "actions.actionGroups") or ():
        _check_there(world, group, GROUPS)


def _fill_rule(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    if write.api_version < _CRITERIA:
        return document
    properties = forms.filled(document["properties"], {"enabled": True})
    properties["createdWithApiVersion"] = write.api_version
    conditions = properties["criteria"]["allOf"]
    for one in conditions:
        if "threshold" in one:
            one["threshold"] = float(one["threshold"])
    if not forms.lookup(properties, "actions.actionGroups"):
        properties.pop("actions", None)
    document["properties"] = properties
    return document


def _check_group(world: World, write: Write) -> None:
    short = forms.lookup(write.merged, "properties.groupShortName")
    if not isinstance(short, str) or not 1 <= len(short) <= 12:
        raise _bad("The groupShortName must have 1 to 12 characters.")


def _fill_group(world: World, write: Write) -> Document:
    document = forms.writable(write.merged)
    lists = (
        "emailReceivers",
        "smsReceivers",
        "webhookReceivers",
        "armRoleReceivers",
        "azureFunctionReceivers",
    )
    properties = forms.filled(document["properties"], {"enabled": True, **{name: [] for name in lists}})
    for one in properties["emailReceivers"]:
        one.setdefault("useCommonAlertSchema", False)
        one["status"] = "Enabled"
    document["properties"] = properties
    return document


KINDS = (
    Kind(WORKSPACES, check=_check_workspace, fill=_fill_workspace),
    Kind(COMPONENTS, check=_check_component, fill=_fill_component, create=style("200 body")),
    Kind(RULES, check=_check_rule, fill=_fill_rule, state=False),
    Kind(GROUPS, check=_check_group, fill=_fill_group, state=False),
)
