"""Faults on demand: which calls go wrong, how, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from random import Random
from typing import Any

KINDS = frozenset(
    {
        *("status", "echo", "latency", "drop-before", "drop-after", "stale"),
        *("fail-operation", "slow-operation", "kill"),
    }
)
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "match": dict,
    "after": int,
    "times": int,
    "do": str,
    "status": int,
    "retryAfter": int,
    "seconds": (int, float),
    "pid": int,
    "when": str,
    "code": str,
    "message": str,
    "share": (int, float),
    "seed": int,
}


@dataclass(frozen=True)
class Fault:
    """One fault; `after` matching calls pass, the next `times` are hit (0 = every one).

    do: `status` answers `status` (with `retryAfter`, `code`, `message`) and has no effect; `echo` is the
    same with a message that quotes the request's body, as careless services do (a write without a
    body passes); `latency` answers `seconds` of real time later; `drop-before` closes the connection
    without an effect, `drop-after` after it; `fail-operation` lets the long operation that the call
    starts end Failed; `slow-operation` lets it end `seconds` of the world's clock later; `kill` sends
    SIGKILL to `pid` and closes the connection, `when` it is "before" (default) or "after" the effect;
    `stale` answers from the world as it was `seconds` ago by its clock, with roles that are younger than
    that not in effect yet. With a `share` below 1 a call that would be hit is hit by chance, drawn from
    `seed` and the call's number.
    `retryAfter` on a latency or operation fault replaces the Retry-After of the answer.
    """

    do: str
    method: str = "*"
    host: str = "*"
    path: str = "*"
    after: int = 0
    times: int = 1
    status: int = 500
    retry_after: int | None = None
    seconds: float = 0
    pid: int = 0
    when: str = "before"
    code: str = ""
    message: str = ""
    share: float = 1
    seed: int = 0
    seen: int = 0

    def matches(self, method: str, host: str, path: str) -> bool:
        """Whether a call is meant; patterns are fnmatch's and do not regard case."""
        pairs = ((method, self.method), (host, self.host), (path, self.path))
        return all(fnmatchcase(value.lower(), pattern.lower()) for value, pattern in pairs)

    def hits(self) -> bool:
        """Whether the next call that is meant is one of those that go wrong."""
        due = self.seen >= self.after and (not self.times or self.seen < self.after + self.times)
        return due and (self.share >= 1 or Random(f"{self.seed}/{self.seen}").random() < self.share)


class Faults:
    """The faults in force, in the order they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, asked: Mapping[str, Any]) -> Fault:
        """Take a fault as POST /_sandbox/faults gives it. Raises ValueError."""
        fault = parse(asked)
        self._faults.append(fault)
        return fault

    def all(self) -> list[Fault]:
        """Every fault, also those that are used up."""
        return list(self._faults)

    def clear(self) -> None:
        """Forget all."""
        self._faults.clear()

    def take(self, method: str, host: str, path: str) -> list[Fault]:
        """Count the call and answer the faults that hit it."""
        hits = []
        for index, fault in enumerate(self._faults):
            if fault.matches(method, host, path):
                self._faults[index] = replace(fault, seen=fault.seen + 1)
                if fault.hits():
                    hits.append(fault)
        return hits


def parse(asked: Mapping[str, Any]) -> Fault:
    """A Fault from its JSON form. Raises ValueError with all that is wrong."""
    wrong = [f"unknown field '{name}'" for name in asked if name not in _FIELDS]
    for name, kind in _FIELDS.items():
        if name in asked and (not isinstance(asked[name], kind) or isinstance(asked[name], bool)):
            wrong.append(f"'{name}' has the wrong type")
    given = asked.get("match")
    match: Mapping[str, Any] = given if isinstance(given, dict) else {}
    wrong += [f"unknown field 'match.{name}'" for name in match if name not in ("method", "host", "path")]
    if asked.get("do") not in KINDS:
        wrong.append(f"'do' is one of {', '.join(sorted(KINDS))}")
    # Process 1 and the groups that zero and negative numbers mean are nobody's to kill.
    if asked.get("do") == "kill" and (not isinstance(asked.get("pid"), int) or asked["pid"] <= 1):
        wrong.append("'kill' needs the 'pid' of one process")
    if asked.get("when", "before") not in ("before", "after"):
        wrong.append("'when' is before or after")
    if wrong:
        raise ValueError("; ".join(wrong))
    names = {"retryAfter": "retry_after"}
    values: dict[str, Any] = {names.get(k, k): v for k, v in asked.items() if k != "match"}
    values |= {k: str(v) for k, v in match.items()}
    return Fault(**values)
