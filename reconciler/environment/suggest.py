"""Suggestions for a misspelt word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 100


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean `x`?` for the nearest known word, or "" where none is near. Case is not looked at."""
    if len(word) > LONGEST:
        return ""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.casefold(), name)
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"Did you mean `{folded[near[0]]}`?" if near else ""
