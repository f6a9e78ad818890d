"""On whose behalf, and in which request, something is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import uuid4

from sandbox.service import Caller, OperationFault, Request

NO_FAULT = OperationFault()


@dataclass(frozen=True)
class Actor:
    """``caller`` is None only for ARM itself. ``fault`` is what a test asked of long operations."""

    caller: Caller | None
    correlation_id: str
    fault: OperationFault = NO_FAULT


def of(request: Request) -> Actor:
    return Actor(request.caller, request.correlation_id or str(uuid4()), request.operation)


def to_json(actor: Actor) -> dict[str, Any]:
    """For the store; a deployment goes on as who started it."""
    return {"caller": asdict(actor.caller) if actor.caller else None, "correlation": actor.correlation_id}


def from_json(kept: dict[str, Any]) -> Actor:
    return Actor(Caller(**kept["caller"]) if kept["caller"] else None, kept["correlation"])
