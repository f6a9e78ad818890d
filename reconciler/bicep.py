"""Bicep templates, compiled by the Bicep of this machine. Nothing is downloaded, and nothing is written.

`bicep` is taken from the PATH, else the one of `az bicep`, which is asked for its version first: any other of
its commands would install what is missing. Modules from a registry are not fetched, see
https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-cli."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from reconciler.errors import Fault, InputError

SECONDS = 120.0
"""How long one template may take to compile."""
INSTALL = (
    "Install Bicep (https://aka.ms/bicep-install, or `az bicep install`), "
    "or run `az bicep build` and commit the JSON it makes."
)
_KEPT = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "LANG", "AZURE_CONFIG_DIR")
"""What the compiler sees of our environment: no secret, since a template can read files."""
_OWN = {
    "AZURE_BICEP_CHECK_VERSION": "false",
    "AZURE_CORE_COLLECT_TELEMETRY": "false",
    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
}
_FAULT = re.compile(r"(?P<file>[^\n]*?)\((?P<line>\d+),(?P<column>\d+)\) : Error (?P<told>[^\n]+)")


def compiled(path: Path, root: Path, place: str) -> str:
    """The ARM template, as JSON text, of a Bicep file that does not change any more (a snapshot's).

    place: where the file is named, for faults that have no place in it. Raises InputError with every fault
    that the compiler tells, or with what to install."""
    return _compiled(path, root, place, os.environ.get("PATH", ""))


@lru_cache(maxsize=64)
def _compiled(path: Path, root: Path, place: str, _searched: str) -> str:
    command = _command(place)
    if command is None:
        shown = path.relative_to(root).as_posix()
        raise InputError([Fault(place, f"{shown} is Bicep, and nothing here compiles it.", INSTALL)])
    done = _run((*command, str(path)), place)
    if done.returncode or not done.stdout.strip():
        raise InputError(list(_faults(done.stderr, done.returncode, root, place)))
    return done.stdout


def _command(place: str) -> Sequence[str] | None:
    """What compiles the file that is named next to standard output; None where nothing does."""
    bicep, az = shutil.which("bicep"), shutil.which("az")
    if bicep:
        return (bicep, "build", "--stdout", "--no-restore")
    if az and _run((az, "bicep", "version"), place).returncode == 0:
        return (az, "bicep", "build", "--stdout", "--no-restore", "--file")
    return None


def _run(command: Sequence[str], place: str) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | _OWN
    try:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        told = f"{Path(command[0]).name} did not end within {SECONDS:.0f} seconds."
        raise InputError([Fault(place, told, "Run it by hand and commit the JSON it makes.")]) from None
    except OSError as error:
        told = f"{command[0]} cannot be run: {error.strerror}."
        raise InputError([Fault(place, told, INSTALL)]) from None


def _faults(told: str, code: int, root: Path, place: str) -> Iterable[Fault]:
    """The compiler's errors with their places; its warnings are for the author's editor."""
    found = [_placed(match.groupdict(), root) for match in _FAULT.finditer(told)]
    rest = told.strip().splitlines()
    last = rest[-1].replace(f"{root}{os.sep}", "") if rest else f"exit code {code}, and no word why"
    return found or [Fault(place, f"Bicep failed: {last}")]


def _placed(match: Mapping[str, str], root: Path) -> Fault:
    file = match["file"].removeprefix("ERROR: ").strip()
    name = Path(file)
    place = name.relative_to(root).as_posix() if name.is_relative_to(root) else file
    return Fault(f"{place}:{match['line']}:{match['column']}", match["told"].strip())
