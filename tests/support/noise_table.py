"""The table of noise by resource type: what a diff did not tell on recorded pairs, and by which rule.

Only figures, names of resource types and our own rules get into it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from support.noise import labelled, pairs, plain, within
from support.recordings import CORPUS

from reconciler import paths
from reconciler.diff import explain
from reconciler.equality import RULES
from reconciler.rules import Rule, for_type

DOC = Path(__file__).resolve().parents[2] / "docs" / "noise.md"
Hidden = tuple[str, str]
"""A rule's code, and the pattern of fields for which it is said; "" where it holds for all fields."""


@dataclass
class Row:
    """One resource type. invented: changes told that are no difference. different: real differences told."""

    type: str
    tried: int = 0
    added: int = 0
    invented: int = 0
    drifted: int = 0
    different: int = 0
    hidden: Counter[Hidden] = field(default_factory=Counter)


@dataclass
class Table:
    rows: dict[str, Row] = field(default_factory=dict)
    rules: dict[Hidden, Rule] = field(default_factory=dict)


def recordings() -> str:
    """A short digest of the pairs that the figures are of."""
    whole = (Path(CORPUS) / "recordings" / "noise_pairs.jsonl").read_bytes()
    return hashlib.sha256(whole).hexdigest()[:16]


@cache
def measured() -> Table:
    """Compare every clean pair, without a baseline and with the answer itself as baseline."""
    table = Table()
    for pair in pairs():
        type_ = str(pair["resource_type"])
        row = table.rows.setdefault(type_.lower(), Row(type_))
        row.tried += 1
        row.added += sum(note.startswith("added ") for note in pair["noise"])
        told = explain(type_, pair["put_body"], pair["get_body"])
        labels = labelled(pair) if pair["level"] == "lossy" else {}
        for change in told["changes"]:
            path = plain(change["path"])
            if any(within(path, each) for each in labels):
                row.different += 1
            else:
                row.invented += 1
        based = explain(type_, pair["put_body"], pair["get_body"], pair["get_body"])
        row.drifted += sum(change["reason"] == "drift" for change in based["changes"])
        for each in told["equal"]:
            rule = _rule(type_, each["path"], each["rule"])
            hidden = (each["rule"], rule.path if rule else "")
            row.hidden[hidden] += 1
            if rule:
                table.rules[hidden] = rule
    return table


def _rule(type_: str, path: str, code: str) -> Rule | None:
    """The line of `rules/` that said it; None where the rule holds for all fields of all types."""
    spot = for_type(type_).root()
    for part in paths.segments(path):
        spot = spot.item(part[1:-1]) if part.startswith("[") else spot.key(part)
    return spot.kinds.get(code)


def document(table: Table, digest: str) -> str:
    """The page, as Markdown."""
    return "\n".join([*_head(table, digest), *_by_type(table), *_whys(table)]) + "\n"


def _head(table: Table, digest: str) -> Iterator[str]:
    rows = table.rows.values()
    hidden = sum(sum(row.hidden.values()) for row in rows)
    yield "# Noise by resource type"
    yield ""
    yield "What Azure answers is seldom what was sent. This page says how often the comparison was tried on real"
    yield "answers, how often it told a change where there was none, and which fields it kept quiet about, and why."
    yield ""
    yield "Written by `make noise`; do not edit it. It needs `RECONCILER_CORPUS`, a folder with recorded traffic:"
    yield "pairs of a body that was PUT and the body that the next GET answered, with no other write between."
    yield "`tests/conformance/test_noise_table.py` fails when this page is not what the command would write."
    yield f"The figures are of the recordings `{digest}`."
    yield ""
    yield "| | |"
    yield "|---|--:|"
    yield f"| resource types | {len(rows)} |"
    yield f"| pairs tried | {sum(row.tried for row in rows)} |"
    yield f"| fields that Azure added | {sum(row.added for row in rows)} |"
    yield f"| false changes, nothing recorded (adopting) | {sum(row.invented for row in rows)} |"
    yield f"| false drift, against what was read after the write | {sum(row.drifted for row in rows)} |"
    yield f"| real differences told | {sum(row.different for row in rows)} |"
    yield f"| fields that were sent, came back otherwise, and are judged equal | {hidden} |"
    yield ""
    yield "Fields that Azure adds are never a change: only what is sent is compared."
    yield ""


def _by_type(table: Table) -> Iterator[str]:
    yield "## Types"
    yield ""
    yield "*added*: fields that Azure added. *false*: changes told where there is none, without and with a"
    yield "baseline. *different*: real differences told. *hidden*: fields judged equal, by rule and, where the"
    yield "rule is said of some fields only, by their pattern; the sections below say why."
    yield ""
    yield "| type | pairs | added | false | different | hidden |"
    yield "|---|--:|--:|--:|--:|---|"
    for _, row in sorted(table.rows.items()):
        hidden = ", ".join(_count(each, count) for each, count in sorted(row.hidden.items()))
        false = row.invented + row.drifted
        yield f"| {row.type} | {row.tried} | {row.added} | {false} | {row.different} | {hidden} |"
    yield ""


def _count(hidden: Hidden, count: int) -> str:
    rule, pattern = hidden
    return f"{rule} {_code(pattern)} {count}" if pattern else f"{rule} {count}"


def _whys(table: Table) -> Iterator[str]:
    total: Counter[Hidden] = Counter()
    for row in table.rows.values():
        total.update(row.hidden)
    general = {code: count for (code, pattern), count in total.items() if not pattern}
    yield "## Rules for every field"
    yield ""
    yield "| rule | fields | why |"
    yield "|---|--:|---|"
    for code, count in sorted(general.items()):
        yield f"| {code} | {count} | {RULES[code]} |"
    yield ""
    yield "## Rules for some fields"
    yield ""
    yield "| rule | fields named | hidden | why |"
    yield "|---|---|--:|---|"
    for hidden, rule in sorted(table.rules.items()):
        yield f"| {hidden[0]} | {_code(hidden[1])} | {total[hidden]} | {_cell(rule.why)} |"


def _code(pattern: str) -> str:
    return f"`{_cell(pattern)}`"


def _cell(text: Any) -> str:
    return str(text).replace("|", "\\|")
