"""What the doctor says of one thing that is needed. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """It could not be looked at: neither there nor missing."""


@dataclass(frozen=True)
class Finding:
    """One thing that is needed.

    what: the setting or the right, as Azure names it. why: what it is for. at: where it is needed, an id.
    reason: what was seen. way_out: what to do, mostly a command line; "" where nothing has to be done."""

    what: str
    verdict: Verdict
    why: str = ""
    at: str = ""
    reason: str = ""
    way_out: str = ""


@dataclass(frozen=True)
class Examined:
    """What was found of one environment, or of the installation itself (`environment` is "" then)."""

    environment: str
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        return all(finding.verdict is Verdict.OK for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        findings = [{name: value for name, value in asdict(f).items() if value} for f in self.findings]
        return {**({"environment": self.environment} if self.environment else {}), "findings": findings}


def of(findings: Iterable[Finding], *verdicts: Verdict) -> list[Finding]:
    """Those with one of the verdicts."""
    return [finding for finding in findings if finding.verdict in verdicts]
