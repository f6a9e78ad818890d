"""Lists: ``$filter`` clauses, pages, and the short form of a resource in a list of all resources."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from sandbox.service import CloudError, Request, Response

_CLAUSE = re.compile(r"^\s*(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'\s*$", re.IGNORECASE)
_SUBSTRING = re.compile(r"^\s*substringof\('((?:[^']|'')*)',\s*(\w+)\)\s*$", re.IGNORECASE)
Test = Callable[[Mapping[str, Any]], bool]

_FIELDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "resourcetype": lambda item: str(item["type"]),
    "name": lambda item: str(item["name"]),
    "location": lambda item: str(item.get("location", "")).replace(" ", ""),
    "resourcegroup": lambda item: str(item["id"]).split("/")[4],
}


def matcher(text: str | None) -> Test:
    """The test that a ``$filter`` of a list of groups or resources asks for. Raises CloudError 400."""
    if not text:
        return lambda item: True
    tests: list[Test] = []
    tag: str | None = None
    for clause in re.split(r"\s+and\s+", text.strip(), flags=re.IGNORECASE):
        found, part = _CLAUSE.match(clause), _SUBSTRING.match(clause)
        if part and part[2].lower() in _FIELDS:
            tests.append(_contains(_FIELDS[part[2].lower()], part[1].replace("''", "'").lower()))
            continue
        name, op, value = (
            (found[1].lower(), found[2].lower(), found[3].replace("''", "'")) if found else ("", "", "")
        )
        if name == "tagname" and op == "eq":
            tag = value
            tests.append(_tagged(value))
        elif name == "tagvalue" and op == "eq" and tag is not None:
            tests.append(_tag_is(tag, value))
        elif name in _FIELDS:
            tests.append(_equals(_FIELDS[name], value.lower(), op == "eq"))
        else:
            raise CloudError(
                400,
                "InvalidFilterInQueryString",
                f"Invalid $filter '{text}' specified in the query string.",
            )
    return lambda item: all(test(item) for test in tests)


def page(request: Request, items: list[dict[str, Any]], size: int) -> Response:
    """One page of ``items`` with the address of the next one. ``$top`` may ask for fewer."""
    top = request.query.get("$top")
    if top is not None and (not top.isdigit() or int(top) < 1):
        raise CloudError(
            400, "InvalidTopInQueryString", f"The value '{top}' of $top is not a positive number."
        )
    size = min(size, int(top)) if top else size
    token = request.query.get("$skiptoken")
    try:
        start = int(base64.urlsafe_b64decode(token or "MA==").decode())
    except ValueError:
        raise CloudError(400, "InvalidSkipToken", f"The skip token '{token}' is invalid.") from None
    body: dict[str, Any] = {"value": items[start : start + size]}
    if start + size < len(items):
        query = {k: v for k, v in request.query.items() if k != "$skiptoken"}
        query["$skiptoken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        body["nextLink"] = f"https://{request.host}{request.path}?{urlencode(query)}"
    return Response(200, body)


def _equals(read: Callable[[Mapping[str, Any]], str], value: str, wanted: bool) -> Test:
    return lambda item: (read(item).lower() == value) == wanted


def _contains(read: Callable[[Mapping[str, Any]], str], value: str) -> Test:
    return lambda item: value in read(item).lower()


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {k.lower(): v for k, v in (item.get("tags") or {}).items()}


def _tagged(name: str) -> Test:
    return lambda item: name.lower() in _tags(item)


def _tag_is(name: str, value: str) -> Test:
    return lambda item: _tags(item).get(name.lower()) == value
