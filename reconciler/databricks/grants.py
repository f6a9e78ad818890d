"""Who may do what, as a map from principal to level: `{"groups/users": "CAN_VIEW"}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

PERMISSIONS = "permissions"
"""The field of a spec that holds the map."""
PRINCIPALS: Mapping[str, str] = {
    "users": "user_name",
    "groups": "group_name",
    "servicePrincipals": "service_principal_name",
}
"""The API's field by the first part of a principal (https://docs.databricks.com/api/azure/workspace/permissions)."""
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def granted(said: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The map, of the list form that the API has."""
    return {
        f"{name}/{each[field]}": str(each["permission_level"])
        for each in said
        for name, field in PRINCIPALS.items()
        if each.get(field)
    }


def by_name(said: Mapping[str, str]) -> dict[str, str]:
    """The map, of plain names: one with an `@` is a user, a GUID a service principal, all else a group."""

    def kind(name: str) -> str:
        return "users" if "@" in name else "servicePrincipals" if _GUID.fullmatch(name) else "groups"

    return {f"{kind(name)}/{name}": level for name, level in said.items()}
