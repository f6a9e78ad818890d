"""Conditions of role assignments, as far as they limit which roles may be given.

Version 2.0 of the format (https://learn.microsoft.com/azure/role-based-access-control/conditions-format).
Of its language: `!`, AND, OR, brackets, ActionMatches, and GuidEquals on the role of the assignment that is
written (`@Request`) or removed (`@Resource`). A condition that says more is not played.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

Attributes = Mapping[str, str]
"""The role's GUID by where it is read: `Request`, `Resource`. Empty for what is no role assignment."""

_Test = Callable[[str, Attributes], bool]
_ROLE = r"Microsoft\.Authorization/roleAssignments:RoleDefinitionId"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<sign>[()!]|AND\b|OR\b|&&|\|\|)
        | ActionMatches\s*\{{\s*'(?P<action>[^']+)'\s*\}}
        | @(?P<source>Request|Resource)\s*\[{_ROLE}\]\s*(?:ForAnyOfAnyValues:)?GuidEquals\s*
          \{{?(?P<roles>\s*{_GUID}(?:\s*,\s*{_GUID})*)\s*\}}?
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS = {"&&": "AND", "||": "OR"}


def holds(condition: str, action: str, attributes: Attributes) -> bool:
    """Whether the assignment that bears the condition grants the action here."""
    return parse(condition)(action, attributes)


@cache
def parse(condition: str) -> _Test:
    """Raises ValueError for what is not played."""
    tokens, at, text = [], 0, condition.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not understood from here on: {text[at : at + 40]!r}")
        tokens.append(found)
        at = found.end()
    test, rest = _either(tokens)
    if rest:
        raise ValueError(f"more than was expected: {rest[0][0].strip()!r}")
    return test


_Tokens = list[re.Match[str]]


def _sign(tokens: _Tokens) -> str:
    found = (tokens[0]["sign"] or "").upper() if tokens else ""
    return _SIGNS.get(found, found)


def _either(tokens: _Tokens) -> tuple[_Test, _Tokens]:
    left, rest = _both(tokens)
    while _sign(rest) == "OR":
        right, rest = _both(rest[1:])
        left = _joined(any, left, right)
    return left, rest


def _both(tokens: _Tokens) -> tuple[_Test, _Tokens]:
    left, rest = _one(tokens)
    while _sign(rest) == "AND":
        right, rest = _one(rest[1:])
        left = _joined(all, left, right)
    return left, rest


def _joined(how: Callable[[list[bool]], bool], left: _Test, right: _Test) -> _Test:
    return lambda action, attributes: how([left(action, attributes), right(action, attributes)])


def _one(tokens: _Tokens) -> tuple[_Test, _Tokens]:
    if not tokens:
        raise ValueError("it ends too early")
    first, rest = tokens[0], tokens[1:]
    if _sign(tokens) == "!":
        inner, rest = _one(rest)
        return lambda action, attributes: not inner(action, attributes), rest
    if _sign(tokens) == "(":
        inner, rest = _either(rest)
        if _sign(rest) != ")":
            raise ValueError("a bracket is not closed")
        return inner, rest[1:]
    if first["action"]:
        return (lambda action, _: action.lower() == first["action"].lower()), rest
    if first["source"]:
        roles = {each.strip().lower() for each in first["roles"].split(",")}
        source = first["source"].capitalize()
        return (lambda _, attributes: attributes.get(source, "").lower() in roles), rest
    raise ValueError(f"not expected here: {first[0].strip()!r}")
