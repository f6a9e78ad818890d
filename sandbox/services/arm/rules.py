"""What every call to ARM must bring: an api-version."""

from __future__ import annotations

import re
from datetime import date

from sandbox.service import CloudError, Request, Response
from sandbox.services.arm import ids
from sandbox.world import World

_VERSION = re.compile(r"(\d{4}-\d{2}-\d{2})(-[a-z][a-z0-9.]*)?", re.IGNORECASE)


def before(world: World, request: Request) -> Response | None:
    """Raises MissingApiVersionParameter, InvalidApiVersionParameter or NoRegisteredProviderFound (400)."""
    version = request.query.get("api-version", "")
    if not version:
        raise CloudError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    found = _VERSION.fullmatch(version)
    day = _day(found[1]) if found else None
    if day is None:
        raise CloudError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The supported versions are"
            " '2025-04-01,2024-11-01,2024-07-01,"
            "2024-03-01,2023-07-01,2022-12-01,2022-09-01,2021-04-01,2021-01-01,2020-10-01,2020-06-01,2019-10-01'.",
        )
    if day > world.now().date():
        target = ids.parse(request.path)
        type_ = target.type.split("/", 1)[1] if target else "subscriptions"
        raise CloudError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '' and API version '{version}' for type"
            f" '{type_}'.",
        )
    return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
