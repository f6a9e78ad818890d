"""Comparisons that are made once: as long as nothing moved, the last one is given back."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.diff import Comparison, compare
from reconciler.memo import Memo, digest
from reconciler.rules import TypeRules

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Compare:
    """`diff.compare`, told in the name of which resource. With a memory a resource is compared only where an
    input moved since it was seen last.

    Desired, rules and record are the same where they are the same objects; live where its digest is."""

    memo: Memo | None = None

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
    ) -> Comparison:
        def made() -> Comparison:
            return compare(desired, live, rules, applied=applied, baseline=baseline, ignore=ignore, key=key)

        if self.memo is None:
            return made()
        seen = digest(live)
        values = None if seen is None else (seen, tuple(ignore), key)
        return self.memo.of(("compared", place), (desired, rules, applied, baseline), values, made)
