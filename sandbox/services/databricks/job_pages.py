"""Pages of lists: `limit`, `page_token`, and `offset` of old."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from sandbox.service import Request
from sandbox.services.databricks import errors
from sandbox.services.databricks.body import whole


def page(request: Request, name: str, items: Sequence[Any], default: int, most: int) -> dict[str, Any]:
    """One page of a list, with the tokens of its neighbours. Raises 400 for a bad limit or token."""
    limit = whole(request.query, "limit", default) or default
    if not 1 <= limit <= most:
        raise errors.bad(f"Invalid value for parameter limit: {limit}. It must be between 1 and {most}.")
    first = start(request)
    found = items[first : first + limit]
    answer: dict[str, Any] = {name: list(found)} if found else {}
    answer["has_more"] = first + limit < len(items)
    if answer["has_more"]:
        answer["next_page_token"] = token(first + limit)
    if first > 0:
        answer["prev_page_token"] = token(max(first - limit, 0))
    return answer


def start(request: Request) -> int:
    """Where a page begins. Raises 400."""
    text = request.query.get("page_token")
    if not text:
        return whole(request.query, "offset", 0) or 0
    try:
        return int(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        raise errors.bad(f"Invalid page token: {text}") from None


def token(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode().rstrip("=")
