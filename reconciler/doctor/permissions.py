"""What a list of permissions lets one do, as Azure Resource Manager evaluates it. Pure.

A permission is an item of `Microsoft.Authorization/permissions` or of a role definition: `actions`,
`notActions`, `dataActions`, `notDataActions`, with `*` for any text, whatever the case. What one role takes
out with `notActions` another one may grant
(https://learn.microsoft.com/azure/role-based-access-control/role-definitions#notactions)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Permission = Mapping[str, Any]
_ROLE_SET = re.compile(
    r"@(Request|Resource)\[Microsoft\.Authorization/roleAssignments:RoleDefinitionId\]\s*"
    r"(?:ForAnyOfAnyValues:)?GuidEquals\s*\{?([^}()]*)",
    re.IGNORECASE,
)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WRITES = re.compile(r"RoleAssignments/write'", re.IGNORECASE)


def grants(permissions: Iterable[Permission], action: str, *, data: bool = False) -> bool:
    """Whether any of them grants the action, or the data action."""
    yes, no = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    return any(
        _any(permission.get(yes), action) and not _any(permission.get(no), action)
        for permission in permissions
    )


def _any(patterns: Iterable[str] | None, action: str) -> bool:
    return any(_fits(pattern, action) for pattern in patterns or ())


def _fits(pattern: str, action: str) -> bool:
    text = ".*".join(map(re.escape, pattern.split("*")))
    return re.fullmatch(text, action, re.IGNORECASE) is not None


def assignable(condition: str) -> frozenset[str] | None:
    """The roles that a condition lets one give, as GUIDs in small letters; None where it limits none.

    Raises ValueError for a condition on role assignments that is of another form than "constrain roles"
    (https://learn.microsoft.com/azure/role-based-access-control/delegate-role-assignments-examples)."""
    if not _WRITES.search(condition):
        return None
    sets = {source.lower(): roles for source, roles in _ROLE_SET.findall(condition)}
    found = _GUID.findall(sets.get("request", ""))
    if not found:
        raise ValueError("it limits role assignments otherwise than by a list of roles")
    return frozenset(guid.lower() for guid in found)
