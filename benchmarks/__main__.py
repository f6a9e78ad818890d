"""Runs benchmarks, prints a table and writes build/bench.json. Exit 1 where a figure is above its limit."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figure import Figure

FOLDER = Path(__file__).parent
WRITTEN = FOLDER.parent / "build" / "bench.json"


def names() -> tuple[str, ...]:
    """The benchmarks: every file beside this one that has a `run`."""
    parts = ("__init__", "__main__", "figure")
    return tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in parts))


def measured(asked: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    for name in asked:
        for figure in import_module(f"benchmarks.{name}").run():
            yield name, figure


def main(asked: Sequence[str]) -> int:
    unknown = sorted(set(asked) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there is {', '.join(names())}", file=sys.stderr)
        return 2
    console = Console()
    table = Table("benchmark", "figure", "measured", "at most")
    found: dict[str, list[Figure]] = {}
    for name, figure in measured(asked or names()):
        limit = "" if figure.at_most is None else f"{figure.at_most:g} {figure.unit}"
        colour = "red" if figure.over else "green" if figure.at_most is not None else "default"
        first = "" if name in found else name
        table.add_row(first, figure.name, f"[{colour}]{figure.value:.3g} {figure.unit}[/]", limit)
        found.setdefault(name, []).append(figure)
    console.print(table)
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps(document(found), indent=2) + "\n", "utf-8")
    over = [figure.name for figures in found.values() for figure in figures if figure.over]
    console.print(f"written to {WRITTEN.relative_to(FOLDER.parent)}")
    if over:
        console.print(f"[red]above the limit:[/] {'; '.join(over)}")
    return 1 if over else 0


def document(found: Mapping[str, Sequence[Figure]]) -> dict[str, object]:
    """What build/bench.json holds: the machine, and each benchmark's figures."""
    return {
        "version": 1,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"python": platform.python_version(), "processor": platform.machine()},
        "benchmarks": {
            name: [
                {
                    "figure": figure.name,
                    "value": round(figure.value, 4),
                    "unit": figure.unit,
                    **({} if figure.at_most is None else {"atMost": figure.at_most, "over": figure.over}),
                }
                for figure in figures
            ]
            for name, figures in found.items()
        },
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
