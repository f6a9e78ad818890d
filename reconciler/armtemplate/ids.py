"""Resource ids: how they are put together and taken apart, and the scopes a deployment can target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .errors import Problem

RESOURCE_GROUP: Final = "resourceGroup"
SUBSCRIPTION: Final = "subscription"
MANAGEMENT_GROUP: Final = "managementGroup"
TENANT: Final = "tenant"
NIL: Final = "00000000-0000-0000-0000-000000000000"
_GROUP_TYPE: Final = "microsoft.resources/resourcegroups"
_MANAGEMENT: Final = "/providers/Microsoft.Management/managementGroups/"
_GROUP_ID: Final = re.compile(r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/?\Z", re.I)
_SUBSCRIPTION_ID: Final = re.compile(r"/?subscriptions/([^/]+)/?\Z", re.I)
_MANAGEMENT_ID: Final = re.compile(
    r"/?(?:providers/)?Microsoft\.Management/managementGroups/([^/]+)/?\Z", re.I
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a deployment is sent to: a resource group, a subscription, a management group or the tenant."""

    kind: str
    subscription_id: str = NIL
    resource_group: str = ""
    management_group: str = ""

    @property
    def id(self) -> str:
        if self.kind == RESOURCE_GROUP:
            return f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
        if self.kind == SUBSCRIPTION:
            return f"/subscriptions/{self.subscription_id}"
        return _MANAGEMENT + self.management_group if self.kind == MANAGEMENT_GROUP else "/"


def target_of(scope: str, base: Target) -> Target | None:
    """The deployment target that a scope id means, or None where it is a resource."""
    if scope == "/":
        return Target(TENANT, base.subscription_id)
    if match := _GROUP_ID.match(scope):
        return Target(RESOURCE_GROUP, match[1], match[2], base.management_group)
    if match := _SUBSCRIPTION_ID.match(scope):
        return Target(SUBSCRIPTION, match[1], "", base.management_group)
    if match := _MANAGEMENT_ID.match(scope):
        return Target(MANAGEMENT_GROUP, base.subscription_id, "", match[1])
    return None


def target_kind(schema: object) -> str | None:
    """The scope that a template's `$schema` is for; None where it does not say."""
    text = str(schema).lower()
    names = {
        "/subscriptiondeploymenttemplate": SUBSCRIPTION,
        "/managementgroupdeploymenttemplate": MANAGEMENT_GROUP,
        "/tenantdeploymenttemplate": TENANT,
        "/deploymenttemplate": RESOURCE_GROUP,
    }
    return next((kind for name, kind in names.items() if name in text), None)


def resource_path(type_name: str, names: list[str]) -> str:
    """`Microsoft.Sql/servers/databases` with [`s`, `d`] as `Microsoft.Sql/servers/s/databases/d`.

    Raises Problem where there is not one name for each segment of the type.
    """
    provider, *types = type_name.split("/")
    if len(types) != len(names) or not types:
        raise Problem(
            f"the type '{type_name}' and the name '{'/'.join(names)}' have incorrect segment lengths: "
            f"the type has {len(types)} after its provider, so the name needs {len(types)}, not {len(names)}"
        )
    return "/".join([provider, *(part for pair in zip(types, names, strict=True) for part in pair)])


def resource_id(scope: str, type_name: str, names: list[str]) -> str:
    """The id of a resource under a scope. Resource groups are the one type without a provider in its id."""
    unknown_subscription = scope.startswith("/subscriptions/[") and scope.endswith("]")
    if (
        type_name.lower() == _GROUP_TYPE
        and len(names) == 1
        and (unknown_subscription or _SUBSCRIPTION_ID.match(scope))
    ):
        return f"{scope}/resourceGroups/{names[0]}"
    path = resource_path(type_name, names)
    return f"{'' if scope == '/' else scope.rstrip('/')}/providers/{path}"


def is_type(text: str) -> bool:
    """Whether the text looks like `Provider.Name/type[/type…]`."""
    head, slash, _ = text.partition("/")
    return bool(slash) and "." in head and not text.startswith("/")


def relative_id(scope: str, text: str) -> str | None:
    """The id meant by `Microsoft.Storage/storageAccounts/name`, relative to a scope; None for other text."""
    if not is_type(text) or text.count("/") % 2:
        return None
    return f"{'' if scope == '/' else scope}/providers/{text}"
