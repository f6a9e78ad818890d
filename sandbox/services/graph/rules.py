"""Which `$filter` expressions on service principals are understood."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.identities import Identity
from sandbox.service import CloudError

_COMPARED: dict[str, Callable[[Identity], str]] = {
    "appid": lambda identity: identity.client_id,
    "id": lambda identity: identity.object_id,
    "displayname": lambda identity: identity.name,
    "serviceprincipalnames": lambda identity: identity.client_id,
}
_EQUALS = re.compile(r"(\w+) eq '((?:[^']|'')*)'", re.IGNORECASE)
_ANY = re.compile(r"(serviceprincipalnames)/any\(\w+: ?\w+ eq '((?:[^']|'')*)'\)", re.IGNORECASE)


def chosen(expression: str) -> Callable[[Identity], bool]:
    """The predicate of `NAME eq 'VALUE'` or of the `any` form that `az` sends. Raises CloudError."""
    found = _ANY.fullmatch(expression.strip()) or _EQUALS.fullmatch(expression.strip())
    value_of = _COMPARED.get(found.group(1).lower()) if found else None
    if found is None or value_of is None:
        raise CloudError(501, "NotImplemented", f"The sandbox does not understand the filter {expression}.")
    wanted = found.group(2).replace("''", "'").lower()
    return lambda identity: value_of(identity).lower() == wanted
