"""docs/performance.md: the figures of build/bench.json, with what each of them answers and its command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

HEAD = """# Performance

Every figure here was measured by `make bench` and written by `python -m benchmarks --docs`;
`build/bench.json` holds them for programs. Each benchmark runs on the sandbox of this repository, on one
machine alone. Where two things are compared they run in turn, after a warm-up; of several rounds the middle
one is told, with the least and the most.
"""


def text(found: Mapping[str, Any]) -> str:
    machine = found["machine"]
    told = f"Measured on {machine['cores']} cores ({machine['processor']}), Python {machine['python']}.\n"
    parts = [_part(name, figures) for name, figures in sorted(found["benchmarks"].items())]
    return "\n".join([HEAD, told, *parts])


def _part(name: str, figures: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join([*_said(name), "", *_table(figures), ""])


def _said(name: str) -> Iterator[str]:
    """What the benchmark's own file says of it."""
    title, _, rest = (import_module(f"benchmarks.{name}").__doc__ or name).partition("\n")
    yield f"## {title.rstrip('.')}"
    if rest.strip():
        yield ""
        yield rest.strip()
    yield ""
    yield f"`python -m benchmarks {name}`"


def _table(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "| figure | measured | least to most | at most |"
    yield "|---|---|---|---|"
    for each in figures:
        unit = each["unit"]
        spread = " to ".join(f"{value:.3g}" for value in each.get("spread", ()))
        limit = f"{each['atMost']:g} {unit}" if "atMost" in each else ""
        missed = " **(over)**" if each.get("over") else ""
        yield f"| {each['figure']} | {each['value']:.4g} {unit}{missed} | {spread} | {limit} |"
