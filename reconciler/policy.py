"""What the environment's policy allows, ready to be asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase

from reconciler.change import Action
from reconciler.resource import Key


@dataclass(frozen=True)
class Rule:
    """`policy.ignore`: differences at `path` (a pattern) of the resources that `key` (a pattern) names."""

    key: str
    path: str


@dataclass(frozen=True)
class Acknowledgement:
    """`policy.acknowledge`: lets deletes or replaces of the named resources through until a day."""

    action: Action
    key: str
    until: date | None = None


@dataclass(frozen=True)
class Policy:
    """What the environment's policy says.

    deletes, changes: how many resources one plan may delete, and change at all; None = no limit."""

    heal: bool = True
    prune: bool = True
    adopt: str = "same"
    resets_allowed: bool = False
    deletes: int | None = 5
    changes: int | None = None
    protect: tuple[str, ...] = ()
    ignore: tuple[Rule, ...] = ()
    observe: tuple[str, ...] = ()
    acknowledge: tuple[Acknowledgement, ...] = ()

    def acknowledged(self, action: Action, key: Key, today: date) -> bool:
        return any(
            known.action is action
            and matches(known.key, key)
            and (known.until is None or today <= known.until)
            for known in self.acknowledge
        )

    def protects(self, type_: str) -> bool:
        """A protected type's children are protected with it: they live in its data."""
        asked = type_.lower()
        return any(asked == name.lower() or asked.startswith(name.lower() + "/") for name in self.protect)


def matches(pattern: str, key: Key) -> bool:
    """Whether a pattern with `*` and `?` names this key, written encoded or plain, whatever its case."""
    return any(fnmatchcase(form.lower(), pattern.lower()) for form in (str(key), key.plain))
