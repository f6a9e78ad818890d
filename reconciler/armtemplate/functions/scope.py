"""Functions that know where the deployment is: names, ids, scopes, time.

Source: ARM documentation, "Deployment functions", "Scope functions"; of "Resource functions" those on ids.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from ..compiler import SCOPED
from ..env import Env
from ..errors import Problem
from ..ids import MANAGEMENT_GROUP, RESOURCE_GROUP, TENANT, Target, is_type, resource_id
from ..naming import text_value
from ..values import Unknown, render, residual, residual_call
from .date import DEFAULT_FORMAT, format_date
from .signature import Function, kind, text

_CLOUD: Final = {
    "name": "AzureCloud",
    "gallery": "https://gallery.azure.com/",
    "graph": "https://graph.windows.net/",
    "portal": "https://portal.azure.com",
    "graphAudience": "https://graph.windows.net/",
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "batch": "https://batch.core.windows.net/",
    "media": "https://rest.media.azure.net",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/arm-compute/"
    "quickstart-templates/aliases.json",
    "resourceManager": "https://management.azure.com/",
    "authentication": {
        "loginEndpoint": "https://login.microsoftonline.com/",
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "suffixes": {
        "acrLoginServer": ".azurecr.io",
        "azureDatalakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "azureDatalakeStoreFileSystem": "azuredatalakestore.net",
        "azureFrontDoorEndpointSuffix": "azurefd.net",
        "keyvaultDns": ".vault.azure.net",
        "sqlServerHostname": ".database.windows.net",
        "storage": "core.windows.net",
    },
}


def _parameters(env: Env, name: Any) -> Any:
    key = text("parameters", name)
    if env.arguments is not None:
        if key.lower() not in env.arguments:
            raise Problem(f"the function has no parameter '{key}'")
        return env.arguments[key.lower()]
    return env.frame.parameter(key)


def _variables(env: Env, name: Any) -> Any:
    return env.frame.variable(text("variables", name))


def _known(value: Any, expression: str) -> Any:
    return Unknown(expression) if value is None else value


def _resource_group(env: Env) -> dict[str, Any]:
    target, context = env.frame.target, env.run.context
    if target.kind != RESOURCE_GROUP:
        raise Problem(f"the function 'resourceGroup' cannot be used in a deployment to a {_words(target)}")
    answer = env.run.answer(target.id)
    home = Target(RESOURCE_GROUP, context.subscription_id, context.resource_group)
    if isinstance(answer, Mapping):
        location, tags = answer.get("location"), answer.get("tags")
    elif target.id.lower() == home.id.lower():
        location, tags = context.location, context.tags
    else:
        around = env.frame.around
        location, tags = None if around is None else around.group_location(target.id), None
    result = {
        "id": text_value(target.id),
        "name": text_value(target.resource_group),
        "type": "Microsoft.Resources/resourceGroups",
        "location": _known(location, "resourceGroup().location"),
        "properties": {"provisioningState": "Succeeded"},
    }
    if tags is not None:
        result["tags"] = dict(tags)
    return result


def _subscription(env: Env) -> dict[str, Any]:
    target, context = env.frame.target, env.run.context
    if target.kind in (MANAGEMENT_GROUP, TENANT):
        raise Problem(f"the function 'subscription' cannot be used in a deployment to a {_words(target)}")
    return {
        "id": text_value(f"/subscriptions/{target.subscription_id}"),
        "subscriptionId": text_value(target.subscription_id),
        "tenantId": _known(context.tenant_id, "subscription().tenantId"),
        "displayName": _known(context.subscription_name, "subscription().displayName"),
    }


def _words(target: Target) -> str:
    names = {RESOURCE_GROUP: "resource group", MANAGEMENT_GROUP: "management group"}
    return names.get(target.kind, target.kind)


def _tenant(env: Env) -> dict[str, Any]:
    context = env.run.context
    tenant = _known(context.tenant_id, "tenant().tenantId")
    return {
        "countryCode": _known(context.tenant_country_code, "tenant().countryCode"),
        "displayName": _known(context.tenant_display_name, "tenant().displayName"),
        "id": residual("tenant().id", tenant) if isinstance(tenant, Unknown) else f"/tenants/{tenant}",
        "tenantId": tenant,
    }


def _management_group(env: Env) -> Any:
    target, context = env.frame.target, env.run.context
    if target.kind != MANAGEMENT_GROUP and context.management_group is None:
        raise Problem(f"the function 'managementGroup' cannot be used in a deployment to a {_words(target)}")
    name = target.management_group or context.management_group_name
    if isinstance(context.management_group, Mapping) and name == context.management_group_name:
        return dict(context.management_group)
    return {
        "id": f"/providers/Microsoft.Management/managementGroups/{name}",
        "name": name,
        "type": "/providers/Microsoft.Management/managementGroups",
        "properties": Unknown("managementGroup().properties"),
    }


def _deployment(env: Env) -> Any:
    return dict(env.frame.info)


def _deployer(env: Env) -> Any:
    if env.run.context.deployer is not None:
        return dict(env.run.context.deployer)
    return {
        "objectId": Unknown("deployer().objectId"),
        "tenantId": _known(env.run.context.tenant_id, "deployer().tenantId"),
        "userPrincipalName": Unknown("deployer().userPrincipalName"),
    }


def _environment(env: Env) -> Any:
    return json.loads(json.dumps(_CLOUD))


def _only_defaults(env: Env, name: str) -> None:
    if env.place != "default":
        raise Problem(f"the function '{name}' can only be used in the default value of a parameter")


def _utc_now(env: Env, pattern: Any = DEFAULT_FORMAT) -> Any:
    _only_defaults(env, "utcNow")
    moment = env.run.context.utc_now
    if moment is None or isinstance(pattern, Unknown):
        return residual_call("utcNow", [] if pattern is DEFAULT_FORMAT else [pattern])
    return format_date(moment, text("utcNow", pattern))


def _new_guid(env: Env) -> Any:
    _only_defaults(env, "newGuid")
    make = env.run.context.new_guid
    return Unknown("newGuid()") if make is None else str(uuid.UUID(make()))


def _assemble(scope: Any, type_name: Any, names: tuple[Any, ...], function: str) -> Any:
    """The id; where a part is unknown, a `concat` of what is known and what is not."""
    if isinstance(type_name, Unknown):
        return residual_call(function, [type_name, *names])
    text(function, type_name)
    parts = [scope, *names]
    if not isinstance(scope, Unknown):
        text(function, scope)
    if not any(isinstance(part, Unknown) for part in parts):
        for part in names:
            if isinstance(part, bool) or not isinstance(part, str | int):
                raise Problem(f"the function '{function}' takes names as strings, but was given {kind(part)}")
        return resource_id(scope, type_name, [str(part) for part in names])
    marks = [f"\0{place}\0" if isinstance(part, Unknown) else str(part) for place, part in enumerate(parts)]
    pieces = resource_id(marks[0], type_name, marks[1:]).split("\0")
    values = [parts[int(piece)] if place % 2 else piece for place, piece in enumerate(pieces)]
    kept = [value for value in values if value != ""]
    return residual(f"concat({', '.join(map(render, kept))})", *kept)


def _split_names(
    function: str, args: tuple[Any, ...], most: int
) -> tuple[list[Any], str, tuple[Any, ...]] | None:
    """Leading scope arguments, the type, and the names. None where an unknown comes before the type."""
    for place, arg in enumerate(args):
        if isinstance(arg, str) and "/" in arg and is_type(arg.strip("/")):
            if place > most:
                break
            return list(args[:place]), arg.strip("/"), args[place + 1 :]
        if place >= most and not isinstance(arg, Unknown):
            break
    if any(isinstance(arg, Unknown) for arg in args[: most + 1]):
        return None
    raise Problem(
        f"the function '{function}' needs a resource type such as 'Microsoft.Storage/storageAccounts'"
    )


def _resource_id(env: Env, *args: Any) -> Any:
    found = _split_names("resourceId", args, 2)
    if found is None:
        return residual_call("resourceId", args)
    leading, type_name, names = found
    target = env.frame.target
    scope: Any = text_value(target.id)
    if leading:
        subscription = leading[0] if len(leading) == 2 else text_value(target.subscription_id)
        group = leading[-1]
        if isinstance(subscription, Unknown) or isinstance(group, Unknown):
            scope = residual_call("concat", ["/subscriptions/", subscription, "/resourceGroups/", group])
        elif len(leading) == 1 and _is_guid(group):
            scope = f"/subscriptions/{group}"
        else:
            owner, name = text("resourceId", subscription), text("resourceId", group)
            scope = f"/subscriptions/{owner}/resourceGroups/{name}"
    elif type_name.lower() == "microsoft.resources/resourcegroups" and target.kind == RESOURCE_GROUP:
        scope = text_value(f"/subscriptions/{target.subscription_id}")
    return _assemble(scope, type_name, names, "resourceId")


def _is_guid(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 36 and bool(uuid.UUID(value))
    except ValueError:
        return False


def _subscription_resource_id(env: Env, *args: Any) -> Any:
    found = _split_names("subscriptionResourceId", args, 1)
    if found is None:
        return residual_call("subscriptionResourceId", args)
    leading, type_name, names = found
    subscription = leading[0] if leading else text_value(env.frame.target.subscription_id)
    scope = (
        residual_call("concat", ["/subscriptions/", subscription])
        if isinstance(subscription, Unknown)
        else f"/subscriptions/{text('subscriptionResourceId', subscription)}"
    )
    return _assemble(scope, type_name, names, "subscriptionResourceId")


def _tenant_resource_id(env: Env, *args: Any) -> Any:
    found = _split_names("tenantResourceId", args, 0)
    if found is None:
        return residual_call("tenantResourceId", args)
    return _assemble("/", found[1], found[2], "tenantResourceId")


def _management_resource_id(env: Env, *args: Any) -> Any:
    found = _split_names("managementGroupResourceId", args, 1)
    if found is None:
        return residual_call("managementGroupResourceId", args)
    leading, type_name, names = found
    group = (
        leading[0] if leading else env.frame.target.management_group or env.run.context.management_group_name
    )
    prefix = "/providers/Microsoft.Management/managementGroups/"
    known = "" if isinstance(group, Unknown) else text("managementGroupResourceId", group)
    scope = prefix + known if known else residual_call("concat", [prefix, group])
    return _assemble(scope, type_name, names, "managementGroupResourceId")


def _extension_resource_id(env: Env, base: Any, type_name: Any, *names: Any) -> Any:
    if isinstance(base, str) and base != "/":
        base = base.rstrip("/")
    return _assemble(base, type_name, names, "extensionResourceId")


SCOPED.update(
    {
        function.name.lower(): function
        for function in (
            Function("parameters", _parameters, 1, 1),
            Function("variables", _variables, 1, 1),
            Function("resourceGroup", _resource_group, 0, 0),
            Function("subscription", _subscription, 0, 0),
            Function("tenant", _tenant, 0, 0),
            Function("managementGroup", _management_group, 0, 0),
            Function("deployment", _deployment, 0, 0),
            Function("deployer", _deployer, 0, 0),
            Function("environment", _environment, 0, 0),
            Function("utcNow", _utc_now, 0, 1),
            Function("newGuid", _new_guid, 0, 0),
            Function("resourceId", _resource_id, 2, None),
            Function("subscriptionResourceId", _subscription_resource_id, 2, None),
            Function("tenantResourceId", _tenant_resource_id, 2, None),
            Function("managementGroupResourceId", _management_resource_id, 2, None),
            Function("extensionResourceId", _extension_resource_id, 3, None),
        )
    }
)
