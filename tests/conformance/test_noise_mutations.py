"""A diff without noise still sees: each change by hand on recorded bodies is told under exactly its path."""

from __future__ import annotations

import zlib
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from support.mutations import Mutation, mutations
from support.noise import pairs
from support.recordings import CORPUS

from reconciler.diff import compare
from reconciler.rules import TypeRules, for_type

pytestmark = pytest.mark.skipif(not CORPUS, reason="RECONCILER_CORPUS names no corpus")

ALWAYS = frozenset(("empty", "read_only", "volatile", "ignore", "omitted"))
"""Excuses that hold with a baseline too: the others only say what need not come back at first."""


def test_a_sample_of_mutations_is_told_under_its_path() -> None:
    """Every pair, one mutation in four, without and with a baseline."""
    run(share=4, least=14_000)


@pytest.mark.prove
def test_all_mutations_are_told_under_their_paths() -> None:
    run(share=1, least=60_000)


def run(share: int, least: int) -> None:
    counts: Counter[str] = Counter()
    missed: list[tuple[Any, ...]] = []
    for pair in pairs():
        rules = for_type(pair["resource_type"])
        sent, live, read = pair["put_body"], deepcopy(pair["get_body"]), pair["get_body"]
        before = {based: told(sent, read, rules, read if based else None) for based in (False, True)}
        for mutation in mutations(sent, live, rules):
            if zlib.crc32(repr((pair["source"], mutation.kind, sorted(mutation.told))).encode()) % share:
                continue
            if not mutation.told:
                counts[f"left out, {mutation.excuse} by rule"] += 1
                continue
            if any(
                one.startswith(path) or path.startswith(one)
                for one in mutation.told
                for path in before[False]
            ):
                counts["left out, differs already"] += 1
                continue
            for based in (False, True):
                if mutation.excuse and (not based or mutation.excuse in ALWAYS):
                    counts[f"left out, {mutation.excuse}{', with baseline' if based else ''}"] += 1
                    continue
                counts["tried"] += 1
                found = told(sent, live, rules, read if based else None) - before[based]
                if found != mutation.told:
                    missed.append((pair["resource_type"], based, *describe(mutation), sorted(found)))
    report(counts, missed)
    assert counts["tried"] >= least
    assert len(missed) <= counts["tried"] / 1000


def told(sent: Any, live: Any, rules: TypeRules, baseline: Any) -> frozenset[str]:
    """The paths of changes: with a baseline only drift counts, for that is what a hand's change must be."""
    found = compare(sent, live, rules, baseline=baseline)
    changes = found.changes if baseline is not None else (*found.changes, *found.not_accepted)
    return frozenset(change.path for change in changes)


def describe(mutation: Mutation) -> tuple[str, list[str]]:
    return mutation.kind, sorted(mutation.told)


def report(counts: Counter[str], missed: list[tuple[Any, ...]]) -> None:
    print()
    for name, count in sorted(counts.items()):
        print(f"{count:7} {name}")
    print(f"{len(missed):7} missed")
    for each in missed:
        print("       ", *each)
