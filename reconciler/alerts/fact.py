"""A fact that somebody may want to hear of, and which facts there are. Values only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

DRIFT, FAILED, BLOCKED, RECOVERED = "drift", "failed", "blocked", "recovered"
"""What `alerts[].on` of an environment file may name."""


@dataclass(frozen=True)
class Kind:
    """on: under which name it is asked for. trouble: the environment is not well while it stands."""

    on: str
    trouble: bool = False


KINDS: Mapping[str, Kind] = {
    "drift.appeared": Kind(DRIFT),
    "drift.explained": Kind(DRIFT),
    "drift.healed": Kind(DRIFT),
    "drift.gone": Kind(DRIFT),
    "apply.failed": Kind(FAILED, trouble=True),
    "check.failed": Kind(FAILED, trouble=True),
    "tick.failed": Kind(FAILED, trouble=True),
    "tick.overdue": Kind(FAILED, trouble=True),
    "message.lost": Kind(FAILED, trouble=True),
    "blocked": Kind(BLOCKED, trouble=True),
    "held": Kind(BLOCKED, trouble=True),
    "approval.wanted": Kind(BLOCKED),
    "recovered": Kind(RECOVERED),
}
"""Every kind of fact. `drift.healed` is drift that one tick found and put back; `drift.explained` follows a
`drift.appeared` or `drift.healed` once it is known who it was; `message.lost`: it is in the poison queue."""


@dataclass(frozen=True)
class Fact:
    """One thing that came to be so. Times are ISO 8601 in UTC; no field holds a value of a resource.

    since: when it came to be so. key: the resource, the check, or "" for the environment as a whole.
    fields: paths that differ. code: of an error, or why it is held. who, when: of the change, "" where nobody
    tells, `pending` where it is still looked up. of: the id of the fact that this one explains or ends."""

    kind: str
    environment: str
    since: str
    key: str = ""
    fields: tuple[str, ...] = ()
    code: str = ""
    text: str = ""
    commit: str = ""
    url: str = ""
    who: str = ""
    when: str = ""
    of: str = ""

    @property
    def id(self) -> str:
        """Its fingerprint: the same for the same fact, however often it is sent, and another when it comes
        to be so again."""
        said = [self.kind, self.environment, self.since, self.key, sorted(self.fields), self.code, self.of]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]

    @property
    def name(self) -> str:
        """What it is about, whenever that came to be so. Drift of a resource is one thing."""
        code = "" if self.kind.startswith(DRIFT) else self.code
        return " ".join(part for part in (self.kind, self.key, code) if part)

    @property
    def note(self) -> dict[str, Any]:
        """As JSON without what is empty; `of_note` reads it back."""
        return {name: value for name, value in asdict(self).items() if value not in ("", ())}

    @classmethod
    def of_note(cls, note: Mapping[str, Any]) -> Self:
        known = {name: value for name, value in note.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "fields": tuple(known.get("fields", ()))})


PENDING = "pending"
"""`Fact.who` while it is looked up."""
