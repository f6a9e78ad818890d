"""Checks run against the sandbox: an environment with some, and what a tick gives them to work with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from azure.identity import DefaultAzureCredential
from support.arm import GROUP, SUBSCRIPTION
from support.environments import dev
from support.sandbox import Sandbox

from reconciler.checks import Tools, run, wanted
from reconciler.environment import Environment
from reconciler.providers.azure import Arm
from reconciler.providers.workspace import Place, Workspaces

FACTORY = f"{GROUP}/providers/Microsoft.DataFactory/factories/bikes-adf"


@dataclass
class Ticks:
    """Ticks of one environment, of which only the checks are run; `saved` is what a crash would find.

    Waiting moves the sandbox's clock instead of taking time."""

    sandbox: Sandbox
    root: Path
    checks: str
    place: Place | None = None
    libraries: tuple[str, ...] = ()
    factory: str = FACTORY
    saved: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    arm: Arm = field(init=False)

    @property
    def environment(self) -> Environment:
        return dev(self.root, f"\nchecks:\n{self.checks}\n")

    def save(self, notes: Mapping[str, Any]) -> None:
        self.saved = dict(notes)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.sandbox.advance(f"PT{int(seconds)}S")
        self.arm.call("GET", f"/subscriptions/{SUBSCRIPTION}", "2022-12-01")  # tells it Azure's clock

    def run(
        self,
        fingerprint: str = "same",
        *,
        seconds: float = 300.0,
        save: Callable[[Mapping[str, Any]], None] | None = None,
        redact: Callable[[str], str] = lambda text: text,
    ) -> dict[str, Any]:
        """One tick in a fresh process, as it were: its records. `seconds` is how long it may take."""
        credential = DefaultAzureCredential()
        self.arm = arm = Arm(credential, SUBSCRIPTION)
        arm.call("GET", f"/subscriptions/{SUBSCRIPTION}", "2022-12-01")
        tools = Tools(
            workspaces=Workspaces(credential, Counter()),
            arm=arm,
            save=save or self.save,
            now=arm.now,
            deadline=time.monotonic() + seconds,
            place=self.place,
            factory=self.factory,
            libraries=self.libraries,
            redact=redact,
            progress=lambda name, record: self.told.append((name, record.result)),
            sleep=self.wait,
        )
        self.saved = run(wanted(self.environment, fingerprint), self.saved, tools)
        return self.saved

    def calls(self, ending: str) -> int:
        """How many calls the sandbox got on a path with this end."""
        return sum(entry["path"].lower().endswith(ending.lower()) for entry in self.sandbox.journal())
