"""A provider whose cloud is a dictionary: what the loop does with good and bad answers, without any SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reconciler.errors import ReconcilerError
from reconciler.providers.provider import Done, Looked, Pending
from reconciler.record import Entry
from reconciler.resource import Key, Observation, Resource, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Memory:
    """Resources by key. Switches say what goes wrong; `calls` tells what was asked, in order.

    refuse: raised by a call that names this key, before it has an effect. fail: what a write that else comes
    about does not bring. goes_on: keys whose calls answer Pending, with the number of polls until they end.
    hidden: what a read does not show yet; stale: what it shows instead. on_call: called before each call."""

    kinds: frozenset[str] = frozenset({"arm.group", "arm.resource"})
    there: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    refuse: dict[Key, ReconcilerError] = field(default_factory=dict)
    fail: dict[Key, ReconcilerError] = field(default_factory=dict)
    goes_on: dict[Key, int] = field(default_factory=dict)
    poll_errors: list[ReconcilerError] = field(default_factory=list)
    hidden: set[Key] = field(default_factory=set)
    stale: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    on_call: Callable[[], None] = lambda: None

    def observe(
        self, wanted: Iterable[Resource | Entry], recorded: Mapping[Key, Entry] | None = None
    ) -> Looked:
        return Looked({each.key: self._seen(each.key) for each in wanted})

    def read(self, made: Iterable[Resource]) -> Mapping[Key, Observation]:
        return self.observe(made).observations

    def _seen(self, key: Key) -> Observation:
        if key not in self.there or key in self.hidden:
            return Observation(key, Status.ABSENT)
        return Observation(key, Status.PRESENT, f"/{key.name}", self.stale.get(key, self.there[key]))

    def intend(self, batch: tuple[Resource, ...], run: str) -> Mapping[str, Any]:
        return {"run": run, "keys": [str(each.key) for each in batch]}

    def write(self, batch: tuple[Resource, ...], token: Mapping[str, Any]) -> Done | Pending:
        self._called("write", *(each.key for each in batch))
        for each in batch:
            if each.key not in self.fail:
                self.there[each.key] = each.spec
        failed = {each.key: self.fail[each.key] for each in batch if each.key in self.fail}
        return self._answer(token, [each.key for each in batch], failed)

    def intend_delete(self, entry: Entry) -> Mapping[str, Any]:
        return {"delete": str(entry.key)}

    def delete(self, entry: Entry) -> Done | Pending:
        self._called("delete", entry.key)
        self.there.pop(entry.key, None)
        return self._answer({"delete": str(entry.key)}, [entry.key], {})

    def poll(self, token: Mapping[str, Any]) -> Done | Pending:
        if self.poll_errors:
            raise self.poll_errors.pop(0)
        keys = [Key.parse(text) for text in token.get("keys", [token.get("delete")])]
        return self._answer(token, keys, {})

    def _called(self, verb: str, *keys: Key) -> None:
        self.on_call()
        self.calls.append((verb, *(key.name for key in keys)))
        for key in keys:
            if key in self.refuse:
                raise self.refuse[key]

    def _answer(
        self, token: Mapping[str, Any], keys: list[Key], failed: Mapping[Key, ReconcilerError]
    ) -> Done | Pending:
        left = max((self.goes_on.get(key, 0) for key in keys), default=0)
        if left:
            self.goes_on.update(dict.fromkeys(keys, left - 1))
            return Pending(token, wait=0.0)
        return Done(failed)
