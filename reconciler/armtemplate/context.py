"""Where a template is deployed to, and what is known of Azure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from .ids import MANAGEMENT_GROUP, NIL, RESOURCE_GROUP, SUBSCRIPTION, TENANT, Target, target_kind
from .values import get


class Lookup(Protocol):
    """Resources by id, as GET gives them."""

    def get(self, key: str, /) -> Any: ...


Lists = Callable[[str, str, str, Any], Any]
"""(function, resource id, API version, body or None) -> the answer, or None where it is not known."""


@dataclass(frozen=True)
class Context:
    """The deployment around a template. What is None is not known, and stays an Unknown in the result.

    scope               what is deployed to; by default what the template's `$schema` is for
    linked_templates    templates (as text or JSON) by the address of their link
    root                folder that links by relative path may read, and never leave
    references, lists   what `reference` and `list*` answer
    utc_now, new_guid   for `utcNow()` and `newGuid()`
    opaque_secure       a secure parameter stays `parameters('x')` instead of its value
    secure_parameters   for `resolve`: values of secure parameters
    """

    subscription_id: str = NIL
    resource_group: str = "resource-group"
    location: str | None = None
    tags: Mapping[str, str] | None = None
    tenant_id: str | None = None
    tenant_country_code: str | None = None
    tenant_display_name: str | None = None
    subscription_name: str | None = None
    management_group: str | Mapping[str, Any] | None = None
    deployment_name: str = "deployment"
    deployment_location: str | None = None
    mode: str = "Incremental"
    scope: str | None = None
    template_uri: str | None = None
    linked_templates: Mapping[str, Any] = field(default_factory=dict)
    root: Path | None = None
    references: Lookup = field(default_factory=dict[str, Any])
    lists: Lists | None = None
    utc_now: datetime | None = None
    new_guid: Callable[[], str] | None = None
    deployer: Mapping[str, Any] | None = None
    opaque_secure: bool = False
    secure_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def management_group_name(self) -> str:
        if isinstance(self.management_group, Mapping):
            return str(self.management_group.get("name", ""))
        return self.management_group or "management-group"

    def target(self, schema: object) -> Target:
        """What a template with this `$schema` is sent to."""
        kind = self.scope or target_kind(schema) or RESOURCE_GROUP
        return Target(kind, self.subscription_id, self.resource_group, self.management_group_name)


_NAMES: Final = {
    "subscriptionId": "subscription_id",
    "subscriptionName": "subscription_name",
    "resourceGroup": "resource_group",
    "location": "location",
    "tags": "tags",
    "tenantId": "tenant_id",
    "tenantCountryCode": "tenant_country_code",
    "tenantDisplayName": "tenant_display_name",
    "managementGroup": "management_group",
    "deploymentName": "deployment_name",
    "deploymentLocation": "deployment_location",
    "mode": "mode",
    "scope": "scope",
    "templateUri": "template_uri",
    "linkedTemplates": "linked_templates",
    "references": "references",
    "deployer": "deployer",
}
_SCOPES: Final = {name.lower(): name for name in (RESOURCE_GROUP, SUBSCRIPTION, MANAGEMENT_GROUP, TENANT)}


def context_from_json(source: Mapping[str, Any]) -> Context:
    """A context from the JSON form that the command line takes.

    Also reads `utcNow` (ISO 8601) and `lists`: an object by `function id`. Raises ValueError that names an
    unknown or unfit property.
    """
    values: dict[str, Any] = {}
    for name, value in source.items():
        if value is None:
            continue
        if name in _NAMES:
            values[_NAMES[name]] = value
        elif name == "utcNow":
            values["utc_now"] = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        elif name == "lists" and isinstance(value, Mapping):
            answers = {key.lower(): item for key, item in value.items()}
            values["lists"] = lambda function, identity, api, body, answers=answers: answers.get(
                f"{function} {identity}".lower()
            )
        else:
            known = ", ".join(sorted([*_NAMES, "lists", "utcNow"]))
            raise ValueError(f"the context has an unknown property '{name}'; known are {known}")
    group = values.get("resource_group")
    if isinstance(group, Mapping):
        values["resource_group"] = str(get(group, "name", ""))
        values.setdefault("location", get(group, "location"))
        values.setdefault("tags", get(group, "tags"))
    if "scope" in values:
        scope = _SCOPES.get(str(values["scope"]).lower())
        if scope is None:
            raise ValueError(f"the context's scope must be one of {', '.join(_SCOPES.values())}")
        values["scope"] = scope
    return Context(**values)
