"""Comparisons that are made once: as long as nothing moved, the last one is given back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol

from reconciler.diff import Comparison, compare
from reconciler.memo import Memo, digest
from reconciler.rules import TypeRules

Spec = Mapping[str, Any]


class Compare(Protocol):
    """`diff.compare`, told in the name of which resource."""

    def __call__(
        self,
        place: Hashable,
        desired: Spec,
        live: Spec,
        rules: TypeRules,
        *,
        applied: Spec | None,
        baseline: Spec | None,
        ignore: Sequence[str],
        key: bytes,
    ) -> Comparison: ...


def anew(
    place: Hashable,
    desired: Spec,
    live: Spec,
    rules: TypeRules,
    *,
    applied: Spec | None,
    baseline: Spec | None,
    ignore: Sequence[str],
    key: bytes,
) -> Comparison:
    """Compared in any case."""
    return compare(desired, live, rules, applied=applied, baseline=baseline, ignore=ignore, key=key)


def remembering(memo: Memo, against: Callable[[Any], bytes | None] = digest) -> Compare:
    """Compared only where an input moved since `memo` saw this resource last.

    Desired, rules and record are the same where they are the same objects; live where its digest is."""

    def compared(
        place: Hashable,
        desired: Spec,
        live: Spec,
        rules: TypeRules,
        *,
        applied: Spec | None,
        baseline: Spec | None,
        ignore: Sequence[str],
        key: bytes,
    ) -> Comparison:
        seen = against(live)
        return memo.of(
            place,
            (desired, rules, applied, baseline),
            None if seen is None else (seen, tuple(ignore), key),
            lambda: compare(desired, live, rules, applied=applied, baseline=baseline, ignore=ignore, key=key),
        )

    return compared
