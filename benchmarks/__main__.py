"""Runs benchmarks, prints a table and writes build/bench.json. Exit 1 where a figure is above its limit.

Benchmarks that are named replace their figures there and leave the others. `--docs` runs nothing: it writes
docs/performance.md from what build/bench.json holds."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figure import Figure

FOLDER = Path(__file__).parent
WRITTEN = FOLDER.parent / "build" / "bench.json"
PAGE = FOLDER.parent / "docs" / "performance.md"
sys.path.append(str(FOLDER.parent / "tests"))  # what starts a sandbox, a repository, and so on


def names() -> tuple[str, ...]:
    """The benchmarks: every file beside this one that has a `run`."""
    parts = ("__init__", "__main__", "figure", "page")
    return tuple(sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in parts))


def measured(asked: Sequence[str]) -> Iterator[tuple[str, Figure]]:
    for name in asked:
        for figure in import_module(f"benchmarks.{name}").run():
            yield name, figure


def main(asked: Sequence[str]) -> int:
    if list(asked) == ["--docs"]:
        from benchmarks import page

        PAGE.write_text(page.text(json.loads(WRITTEN.read_text("utf-8"))), "utf-8")
        return 0
    unknown = sorted(set(asked) - set(names()))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there is {', '.join(names())}", file=sys.stderr)
        return 2
    console = Console()
    table = Table("benchmark", "figure", "measured", "least to most", "at most")
    found: dict[str, list[Figure]] = {}
    for name, figure in measured(asked or names()):
        limit = "" if figure.at_most is None else f"{figure.at_most:g} {figure.unit}"
        colour = "red" if figure.over else "green" if figure.at_most is not None else "default"
        first = "" if name in found else name
        spread = "" if figure.spread is None else " to ".join(f"{each:.3g}" for each in figure.spread)
        table.add_row(first, figure.name, f"[{colour}]{figure.value:.4g} {figure.unit}[/]", spread, limit)
        found.setdefault(name, []).append(figure)
    console.print(table)
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps(merged(document(found)), indent=2) + "\n", "utf-8")
    over = [figure.name for figures in found.values() for figure in figures if figure.over]
    console.print(f"written to {WRITTEN.relative_to(FOLDER.parent)}")
    if over:
        console.print(f"[red]above the limit:[/] {'; '.join(over)}")
    return 1 if over else 0


def document(found: Mapping[str, Sequence[Figure]]) -> dict[str, Any]:
    """What build/bench.json holds: the machine, and each benchmark's figures with the command for them."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "version": 1,
        "machine": {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        },
        "benchmarks": {
            name: [
                {
                    "figure": figure.name,
                    "value": round(figure.value, 4),
                    "unit": figure.unit,
                    **(
                        {}
                        if figure.spread is None
                        else {"spread": [round(each, 4) for each in figure.spread]}
                    ),
                    **({} if figure.at_most is None else {"atMost": figure.at_most, "over": figure.over}),
                    "command": f"python -m benchmarks {name}",
                    "time": now,
                }
                for figure in figures
            ]
            for name, figures in found.items()
        },
    }


def merged(new: dict[str, Any]) -> dict[str, Any]:
    """With the figures of benchmarks that were not run this time, where they are of such a machine too."""
    try:
        old = json.loads(WRITTEN.read_text("utf-8"))
    except (OSError, ValueError):
        return new
    if old.get("machine") != new["machine"]:
        return new
    kept = {name: figures for name, figures in old["benchmarks"].items() if name in names()}
    return {**new, "benchmarks": {**kept, **new["benchmarks"]}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
