"""Short names for resources, entries and observations in tests of the pure core."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from support.memory import NOW

from reconciler.graph import Graph
from reconciler.plan import Plan, make
from reconciler.policy import Policy
from reconciler.record import Entry, State
from reconciler.resource import Key, Observation, Resource, Status

TYPE = "Contoso.Any/things"


def key(name: str) -> Key:
    """`things:NAME` in the group `g`; `group` is the group itself."""
    return Key("arm.group", "sub", "g") if name == "group" else Key("arm.resource", "g", name)


def keys(*names: str) -> tuple[Key, ...]:
    return tuple(map(key, names))


def resource(
    name: str, *needs: str, spec: Mapping[str, Any] | None = None, batch: str = "", type: str = TYPE
) -> Resource:
    """What Git wants: `{"v": 1}` unless told otherwise."""
    found = key(name)
    at = {"id": f"/{name}", "apiVersion": "2024-01-01"}
    return Resource(
        found, type, {"v": 1} if spec is None else spec, at, keys(*needs), batch, f"{name}.json:1:1"
    )


def entry(name: str, *needs: str, **fields: Any) -> Entry:
    """What was recorded long ago: ours, with `{"v": 1}` applied and read back."""
    said: dict[str, Any] = {
        "type": TYPE,
        "applied": {"v": 1},
        "baseline": {"v": 1},
        "written": ago(days=2),
        "commit": "c0",
        **fields,
    }
    return Entry(key(name), at={"id": f"/{name}", "apiVersion": "2024-01-01"}, needs=keys(*needs), **said)


def half(name: str, *needs: str, **fields: Any) -> Entry:
    """What is not ours yet: only an intent or a trouble is recorded."""
    return entry(name, *needs, **{"applied": None, "baseline": None, "written": "", **fields})


def state(*entries: Entry) -> State:
    return State("test", "line", 7, {each.key: each for each in entries})


def present(name: str, spec: Mapping[str, Any] | None = None, mark: str = "") -> Observation:
    return Observation(key(name), Status.PRESENT, f"/{name}", {"v": 1} if spec is None else spec, mark=mark)


def absent(name: str) -> Observation:
    return Observation(key(name), Status.ABSENT)


def seen(*observations: Observation) -> dict[Key, Observation]:
    return {each.key: each for each in observations}


def ago(**span: float) -> str:
    return (NOW - timedelta(**span)).isoformat()


def planned(policy: Policy | None = None, **spec: Any) -> Plan:
    """`a` has drifted, `b` is new, `old` left Git, `hand` stands beside them."""
    return make(
        Graph([resource("a", spec=spec or None), resource("b", "a")]),
        seen(present("a", {"v": 2}), absent("b"), present("old")),
        state(entry("a"), entry("old")),
        policy or Policy(resets_allowed=True),
        environment="test",
        commit="c" * 40,
        now=NOW,
        unmanaged=keys("hand"),
    )
