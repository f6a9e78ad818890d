"""Bicep is compiled by what the machine has, in one go and without secrets; else the way out is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.environments import DEV, snapshot

from reconciler import bicep
from reconciler.desired import build
from reconciler.environment import load
from reconciler.errors import InputError
from reconciler.referring import Facts

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
THING = {"type": "Contoso.Any/things", "apiVersion": "2024-01-01", "name": "made", "location": "w"}
MADE = {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": [THING]}


class Machine:
    """A machine whose PATH holds only the programs that a test puts there."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.bin, self.calls = folder / "snapshot", folder / "bin", folder / "calls"
        self.bin.mkdir()
        self.root.mkdir()
        self.calls.touch()
        monkeypatch.setenv("PATH", str(self.bin))
        snapshot(self.root, dev=DEV.replace("main.json", "main.bicep"))
        self.template = self.root / "arm" / "main.bicep"
        self.template.write_text("// compiled by a program of the test")

    def install(self, name: str, body: str) -> None:
        """A program that writes down how it was called, then runs `body` in Python."""
        program = self.bin / name
        head = f"#!{sys.executable}\nimport json, os, sys, time\n"
        noted = f"open({str(self.calls)!r}, 'a').write(' '.join([{name!r}, *sys.argv[1:]]) + '\\n')\n"
        program.write_text(head + noted + body)
        program.chmod(0o755)

    @property
    def called(self) -> list[str]:
        return [line.replace(str(self.template), "FILE") for line in self.calls.read_text().splitlines()]

    def keys(self) -> list[str]:
        built = build(load(self.root, "dev"), self.root, Facts())
        return [resource.key.name for resource in built.graph if resource.key.kind == "arm.resource"]

    def faults(self) -> list[str]:
        with pytest.raises(InputError) as caught:
            self.keys()
        return [str(fault) for fault in caught.value.faults]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


GOOD = f"print({json.dumps(json.dumps(MADE))})"
VERSION = "sys.argv[1:] == ['bicep', 'version'] and sys.exit({})\n"


def test_a_template_is_compiled_once_by_bicep_and_evaluated(machine: Machine) -> None:
    """A plan builds what Git wants more than once; the file of a commit does not change in between."""
    machine.install("bicep", GOOD)
    machine.install("az", "sys.exit(9)")
    before = sorted(machine.root.rglob("*"))
    assert machine.keys() == ["Contoso.Any/things:made"]
    assert machine.keys() == ["Contoso.Any/things:made"]
    assert machine.called == ["bicep build --stdout --no-restore FILE"]
    assert sorted(machine.root.rglob("*")) == before, "the snapshot is read, never written"


def test_without_bicep_that_of_az_is_used(machine: Machine) -> None:
    machine.install("az", VERSION.format(0) + GOOD)
    assert machine.keys() == ["Contoso.Any/things:made"]
    assert machine.called == ["az bicep version", "az bicep build --stdout --no-restore --file FILE"]


def test_az_is_never_asked_for_what_it_would_download(machine: Machine) -> None:
    """`az bicep build` installs what is missing; `az bicep version` only says that it is."""
    machine.install("az", VERSION.format(1) + GOOD)
    [told] = machine.faults()
    assert machine.called == ["az bicep version"]
    assert "az bicep install" in told


def test_where_nothing_compiles_it_the_error_says_what_to_do(machine: Machine) -> None:
    [told] = machine.faults()
    assert told.startswith("environments/dev.yaml:")
    assert "arm/main.bicep is Bicep" in told
    assert "https://aka.ms/bicep-install" in told
    assert "commit the JSON" in told


def test_every_error_of_the_compiler_is_told_with_its_place_and_its_warnings_are_not(
    machine: Machine,
) -> None:
    module = machine.template.with_name("module.bicep")
    lines = (
        f"{machine.template}(1,7) : Warning no-unused-params: never used",
        f"{machine.template}(3,12) : Error BCP057: The name x does not exist.",
        f"{module}(9,1) : Error BCP018: Expected a character.",
    )
    machine.install("bicep", f"print({chr(10).join(lines)!r}, file=sys.stderr); sys.exit(1)")
    assert machine.faults() == [
        "arm/main.bicep:3:12: BCP057: The name x does not exist.",
        "arm/module.bicep:9:1: BCP018: Expected a character.",
    ]


def test_a_failure_without_a_place_is_told_too(machine: Machine) -> None:
    machine.install("bicep", "print('out of memory', file=sys.stderr); sys.exit(3)")
    [told] = machine.faults()
    assert told.startswith("environments/dev.yaml:")
    assert told.endswith("Bicep failed: out of memory")


def test_a_compiler_that_hangs_is_ended(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bicep, "SECONDS", 0.5)
    machine.install("bicep", "time.sleep(60)")
    [told] = machine.faults()
    assert "bicep did not end within" in told


def test_the_compiler_does_not_see_our_secrets(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template can read files, and a process's environment is a file."""
    monkeypatch.setenv("API_KEY", "not-for-templates")
    machine.install("bicep", "sys.exit(5) if 'API_KEY' in os.environ else None\n" + GOOD)
    assert machine.keys() == ["Contoso.Any/things:made"]


def test_what_is_not_json_is_no_crash(machine: Machine) -> None:
    machine.install("bicep", "print('hello')")
    assert machine.faults()
