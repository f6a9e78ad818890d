"""The kinds, by type, and what their files bring along."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sandbox.service import Route
from sandbox.services.arm import providers, styles
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.kinds import Document, Kind, Write
from sandbox.world import World

Every = Callable[[World, Write, Document], Document]


@cache
def _kinds() -> dict[str, Kind]:
    return {
        kind.type.lower(): kind for module in providers.modules() for kind in getattr(module, "KINDS", ())
    }


@cache
def kind(type_: str) -> Kind:
    """The rules of a type; of an unknown one those by default, with the styles that were seen of it."""
    known = _kinds().get(type_.lower())
    return known or styles.default(type_)


def known(type_: str) -> bool:
    return type_.lower() in _kinds()


def types() -> list[str]:
    return [kind.type for kind in _kinds().values()]


@cache
def routes() -> tuple[Route, ...]:
    return tuple(route for module in providers.modules() for route in getattr(module, "ROUTES", ()))


@cache
def every() -> tuple[Every, ...]:
    return tuple(hook for module in providers.modules() for hook in getattr(module, "EVERY", ()))


@cache
def effects() -> dict[str, Any]:
    """``EFFECTS: dict[str, Effect]`` of the files: what they may schedule."""
    return {k: v for module in providers.modules() for k, v in getattr(module, "EFFECTS", {}).items()}


def canonical(target: ResourceId) -> ResourceId:
    """The id with the type spelt as its kind spells it (unknown types keep what was sent)."""
    return ResourceId(target.scope, kind(target.type).type, target.names)
