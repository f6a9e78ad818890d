"""Every error that the reconciler raises on purpose.

    ReconcilerError                 code, message, where; `retry` says whether time alone may mend it
    ├── InputError                  the repository says something wrong: all faults at once, with places
    ├── SourceError                 the repository cannot be read
    │   ├── HostRefused             GitHub or Azure DevOps refused a call that is not Git's
    │   └── HostUnavailable         no answer of theirs, 429 or 5xx              (retry)
    ├── SettingsError               our own settings are wrong or missing
    ├── StateError                  the state cannot be read or written
    │   ├── StateLocked             another run holds the environment            (retry)
    │   └── StaleState              somebody else saved in between               (retry)
    ├── UnsafePlan                  the plan is over its limits or not acknowledged
    ├── StalePlan                   the plan was made from another state         (retry)
    └── CloudError                  Azure or Databricks refused, or was not reached
        ├── NotFound                404
        ├── SignInError             no token, or one that is not accepted
        ├── Forbidden               403: a right is missing (retry soon after our own role write)
        ├── Denied                  a policy or a lock stands in the way
        ├── Conflict                409: it exists, or its state forbids this
        │   └── Busy                something else is being done to it           (retry)
        ├── Throttled               429, with seconds to wait                    (retry)
        └── Unreachable             no answer, or 5xx                            (retry)

A message says what happened and what to do next. It never holds a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.redaction import redact

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys, what turns a line around, and what no encoding knows (of file names, for one)."""


def shown(text: str) -> str:
    """A text that any terminal and any document can show: what is not seen is written as `\\x1b`."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong with the input. `place` is `file:line:column`, as far as it is known."""

    place: str
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        for name in ("place", "message", "hint"):
            object.__setattr__(self, name, shown(getattr(self, name)))

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text} {self.hint}".rstrip() if self.hint else text


class ReconcilerError(Exception):
    """Base of all: `code` is stable and documented, `where` names the file or the resource."""

    code = "error"
    retry = False

    def __init__(self, message: str, *, where: str = "", code: str | None = None) -> None:
        self.message = redact(shown(message))
        super().__init__(self.message)
        self.where = shown(where)
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


def _by_place(fault: Fault) -> tuple[str, tuple[int, ...]]:
    """Files by name, then lines and columns as numbers."""
    file, *numbers = fault.place.split(":")
    return file, tuple(int(number) for number in numbers if number.isdecimal())


class InputError(ReconcilerError):
    """The repository says something wrong. Holds every fault that was found, in order of place."""

    code = "invalid-input"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: Sequence[Fault] = tuple(sorted(dict.fromkeys(faults), key=_by_place))
        first = self.faults[0].place if self.faults else ""
        super().__init__("\n".join(str(fault) for fault in self.faults), where=first)

    def __str__(self) -> str:
        return self.message


class SourceError(ReconcilerError):
    code = "source-unreadable"


class HostRefused(SourceError):
    code = "host-refused"


class HostUnavailable(SourceError):
    code = "host-unavailable"
    retry = True


class SettingsError(ReconcilerError):
    code = "settings"


class StateError(ReconcilerError):
    code = "state-unreadable"


class StateLocked(StateError):
    code = "state-locked"
    retry = True


class StaleState(StateError):
    code = "state-stale"
    retry = True


class UnsafePlan(ReconcilerError):
    code = "plan-unsafe"


class StalePlan(ReconcilerError):
    code = "plan-stale"
    retry = True


class CloudError(ReconcilerError):
    """A refusal by Azure or Databricks. `code` is the service's own error code, `status` the HTTP status."""

    code = "cloud"

    def __init__(
        self, message: str, *, where: str = "", code: str | None = None, status: int = 0, wait: float = 0
    ) -> None:
        super().__init__(message, where=where, code=code)
        self.status = status
        self.wait = wait
        """Seconds that the service asked us to wait; 0 where it said nothing."""


class NotFound(CloudError):
    code = "not-found"


class SignInError(CloudError):
    code = "sign-in"


class Forbidden(CloudError):
    code = "forbidden"


class Denied(CloudError):
    code = "denied"


class Conflict(CloudError):
    code = "conflict"


class Busy(Conflict):
    """Something else is being done to the same resource right now (`DeploymentActive` and its like)."""

    code = "busy"
    retry = True


class Throttled(CloudError):
    code = "throttled"
    retry = True


class Unreachable(CloudError):
    code = "unreachable"
    retry = True
