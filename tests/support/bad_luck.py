"""The ways in which one call can go wrong, as the sandbox is asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from support.rig import Rig

ANSWER_SECONDS = 1.0
"""How long clients wait for an answer while one may be late on purpose."""
LONG_AGO = 3600


@dataclass(frozen=True)
class Way:
    """`fault`: as POST /_sandbox/faults takes it, but for the call that it is to hit."""

    name: str
    fault: Mapping[str, Any]
    match: Mapping[str, str] = field(default_factory=dict)

    @property
    def kills(self) -> bool:
        return self.fault["do"] == "kill"

    def meant(self, entry: Mapping[str, Any]) -> bool:
        """Whether a call of the journal is one that can go wrong so."""
        sides = {name: str(entry[name]) for name in ("method", "host", "path")}
        return entry["method"] != "CONNECT" and all(
            fnmatchcase(sides[name].lower(), pattern.lower()) for name, pattern in self.match.items()
        )


ARM = "management.azure.com"
WAYS = (
    Way("429", {"do": "status", "status": 429, "retryAfter": 20}),
    Way("500", {"do": "status", "status": 500}),
    Way("503", {"do": "status", "status": 503}),
    Way("timeout", {"do": "latency", "seconds": ANSWER_SECONDS * 1.3}),
    Way("reset before", {"do": "drop-before"}),
    Way("reset after", {"do": "drop-after"}),
    Way("operation fails", {"do": "fail-operation"}, {"method": "P*", "host": ARM}),
    Way("stale read", {"do": "stale", "seconds": LONG_AGO}, {"method": "GET"}),
    Way("slow role", {"do": "stale", "seconds": LONG_AGO, "times": 3}, {"host": "*.net"}),
    Way("killed before", {"do": "kill", "when": "before"}),
    Way("killed after", {"do": "kill", "when": "after"}),
)
BY_CHANCE = tuple(way for way in WAYS if not way.kills and way.name != "timeout")
"""Those that can strike many calls of one run."""


def strike(rig: Rig, way: Way, call: int) -> bool:
    """One tick whose call number `call` + 1 of those that can go wrong so does. Whether there was one."""
    fault = {"times": 1, **way.fault, "match": dict(way.match), "after": call}
    if way.kills:
        doomed = rig.doomed("tick", rig.name, "--json")
        rig.sandbox.control("POST", "faults", {**fault, "pid": doomed.pid})
        doomed.go()
    else:
        rig.sandbox.control("POST", "faults", fault)
        rig.tick()
    (asked,) = rig.sandbox.control("GET", "faults")
    rig.sandbox.control("DELETE", "faults")
    rig.sandbox.advance("PT10M")
    return bool(asked["seen"] > call)


def storm(rig: Rig, share: float, seed: int, ticks: int) -> None:
    """Ticks of whose calls a share goes wrong, in all ways."""
    each = 1 - (1 - share) ** (1 / len(BY_CHANCE))
    for number, way in enumerate(BY_CHANCE):
        chance = {"times": 0, "share": each, "seed": seed * 1000 + number}
        rig.sandbox.control("POST", "faults", {**way.fault, "match": dict(way.match), **chance})
    for _ in range(ticks):
        rig.tick()
        rig.sandbox.advance("PT10M")
    rig.sandbox.control("DELETE", "faults")
