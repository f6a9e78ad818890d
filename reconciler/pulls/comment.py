"""The comment on a pull request: what was found in, Markdown out. Pure; the same input gives the same bytes.

Whatever comes from the pull request stands in code: a block whose fence is longer than any run of backticks
in it, or a span. There neither GitHub nor Azure DevOps reads links, HTML or mentions; an invisible space
after each `@` and `#` keeps those too that look before they render."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.errors import Fault
from reconciler.pulls.preview import CHANGED, NEW, Found, Preview
from reconciler.redaction import cleaned, redact
from reconciler.render import plain

SYSTEMS = {"arm": "Azure", "adf": "Data Factory", "databricks": "Databricks", "keyvault": "Key Vault"}
"""By the family of a key's kind."""
SIGNS = {"create": "+", "delete": "-"}
"""How the line of a change begins in a block of the language `diff`; any other one with `!`."""
FOLDED = 12
"""A group of more lines than this is folded."""
LIMITS = (100_000, 400, 100, 30, 8, 0)
"""Lines of a group: the most that lets the comment fit counts."""
LONGEST = 160
"""Characters of a value."""
CALM = "\N{ZERO WIDTH SPACE}"
BREAKING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's classes of what has no shape of its own: it can hide or turn around what stands beside it."""


REFUSED = (
    "This moves where the reconciler acts, whom it tells, or which secrets it reads. A pull request does not "
    "decide that: there is no plan, and nothing that it names was called."
)
BY_HAND = (
    "Somebody who answers for the environment looks at each line by hand. After the merge, "
    "`reconciler plan ENV` shows what it does; `policy.sync: manual` holds that until it is approved."
)
OFFLINE = "Compared with what was recorded; Azure was not asked, so drift is not in it."


def marker(mark: str) -> str:
    """The first line, by which our comment is found again."""
    return f"<!-- reconciler plan {mark} -->"


def text(found: Found, commit: str, base: str, mark: str, longest: int) -> str:
    """The whole comment, of `longest` characters at most."""
    for limit in LIMITS:
        told = redact("\n".join((marker(mark), *_body(found, commit, base, limit)))) + "\n"
        if len(told) <= longest:
            return told
    note = "\n\nThe rest does not fit into a comment.\n"
    return told[: longest - len(note)].rpartition("\n")[0] + note


def outcome(found: Found) -> tuple[str, str]:
    """State and description of the status `reconciler/plan`."""
    if found.refusals:
        return "failure", f"refused: {len(found.refusals)} to be looked at by hand"
    if found.faults:
        return "failure", f"{len(found.faults)} faults"
    touched = ", ".join(f"{each.name}: {_summary(each.plan)}" for each in found.previews if each.plan)
    return "success", touched or "nothing to plan"


def _body(found: Found, commit: str, base: str, limit: int) -> Iterator[str]:
    into = f"{_code(commit[:12])} into {_code(base)}"
    if found.refusals:
        yield f"### Reconciler: refused\n\n{into}. {REFUSED}\n"
        yield from _faults(found.refusals, limit)
        yield f"\n{BY_HAND}"
    if found.faults:
        yield f"### Reconciler: faults\n\n{into}. With these nothing would be applied.\n"
        yield from _faults(found.faults, limit)
    if not found.refusals and not found.faults:
        yield f"### Reconciler: what merging this does\n\n{into}. {OFFLINE}"
        if not found.previews:
            yield "\nIt touches no environment that follows this branch."
    if found.both:
        names = ", ".join(_code(path) for path in found.both[:10])
        yield f"\nChanged on both sides: {names}. The files of this branch count; bring it up to date."
    for preview in found.previews:
        yield from _environment(preview, limit)


def _faults(faults: Iterable[Fault], limit: int) -> Iterator[str]:
    """One line each, less what is advised: that stands below."""
    lines = [f"{fault.place}: {fault.message}" if fault.place else fault.message for fault in faults]
    kept = lines[: max(limit, 40)]
    more = [f"… and {len(lines) - len(kept)} more"] if len(kept) < len(lines) else []
    yield _block([*kept, *more], "text")


def _environment(preview: Preview, limit: int) -> Iterator[str]:
    plan: Mapping[str, Any] = cleaned(preview.plan)
    if not plan:
        yield f"\n#### {_code(preview.name)}: not planned\n\nNo plan: {preview.reason}"
    else:
        new = ", new" if preview.kind == NEW else ""
        yield f"\n#### {_code(preview.name)}{new}: {_summary(plan)}\n"
        yield from _about(preview)
    if preview.told:
        yield "\nThis changes how far the reconciler goes, whom it tells, or what is tested:\n"
        yield _block(preview.told, "text")
    if plan.get("unsafe"):
        yield f"\n**Over its limits, so that nothing would be written:** {_code(plan['unsafe'])}"
    for title, lines in _groups(plan):
        yield from _folded(title, lines, limit, "diff")
    for title, lines in _lists(plan):
        yield from _folded(title, lines, limit, "text")


def _about(preview: Preview) -> Iterator[str]:
    if preview.kind != CHANGED:
        yield "It is made on merge. Where it acts stands in its file."
        return
    yield f"Recorded {preview.recorded or 'never'}."
    if preview.drifted:
        yield f"{preview.drifted} resources were drifted then."
    if preview.behind:
        yield "What the branch has and is not applied yet is in this plan, too."


def _summary(plan: Mapping[str, Any]) -> str:
    said = plan["summary"]
    told = [
        f"{said[name]} to {name}" for name in ("create", "update", "replace", "delete", "adopt") if said[name]
    ]
    told += [f"{said[name]} {name}" for name in ("blocked",) if said[name]]
    return ", ".join(told) if told else f"nothing to change ({said['unchanged']} unchanged)"


def _groups(plan: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The changes by system and cause, each with the lines of a diff."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for change in plan.get("changes", ()):
        family = str(change["key"]).partition(".")[0]
        groups.setdefault((SYSTEMS.get(family, family), str(change["cause"])), []).append(change)
    for (system, cause), changes in sorted(groups.items()):
        lines = [line for change in changes for line in _change(change)]
        yield f"{system}, {cause}: {len(changes)}", lines


def _change(change: Mapping[str, Any]) -> Iterator[str]:
    action, blocked = str(change["action"]), change.get("blocked")
    held = f"  (blocked: {blocked})" if blocked else ""
    yield f"{SIGNS.get(action, '!')} {action} {plain(str(change['key']))}{held}"
    for field in change["fields"] if action not in ("create", "adopt") else ():
        was = field.get("live", field.get("recorded"))
        if ("live" in field or "recorded" in field) and was != field.get("desired"):
            yield f"-   {field['path']}: {_value(was)}"
        if "desired" in field:
            yield f"+   {field['path']}: {_value(field['desired'])}"
    for reset in change["resets"]:
        yield f"-   resets {reset['path']}: {_value(reset['live'])}"


def _lists(plan: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    held = [f"{plain(each['key'])}: {each['code']}. {each['reason']}" for each in plan.get("blocked", ())]
    orphaned = [plain(key) for key in plan.get("orphaned", ())]
    for title, lines in (
        ("Blocked", held), ("Orphaned: ours, no longer in Git, not deleted", orphaned),
        ("Warnings", [str(each) for each in plan.get("warnings", ())]),
    ):  # fmt: skip
        if lines:
            yield f"{title}: {len(lines)}", lines


def _folded(title: str, lines: list[str], limit: int, language: str) -> Iterator[str]:
    """title: ours, no part of it is the pull request's."""
    if not limit:
        yield f"\n{title}, not shown: it does not fit into a comment."
        return
    kept = lines[:limit]
    if len(kept) < len(lines):
        kept.append(f"… and {len(lines) - len(kept)} lines more, which do not fit into a comment")
    block = _block(kept, language)
    if len(kept) <= FOLDED:
        yield f"\n{title}\n\n{block}"
    else:
        yield f"\n<details><summary>{title}</summary>\n\n{block}\n\n</details>"


# What is not ours to trust


def _value(value: Any) -> str:
    told = json.dumps(value, ensure_ascii=False, default=str)
    return told if len(told) <= LONGEST else f"{told[: LONGEST - 1]}…"


def _block(lines: Iterable[str], language: str) -> str:
    """Lines as a block of code that nothing in them ends."""
    told = [_calm(line) for line in lines]
    longest = max((len(run) for line in told for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"{fence}{language}", *told, fence))


def _code(value: str) -> str:
    """A text as a span of code."""
    told = _calm(value) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", told)), default=0) + 1)
    pad = " " if told.startswith("`") or told.endswith("`") else ""
    return f"{fence}{pad}{told}{pad}{fence}"


def _calm(value: str) -> str:
    """One line, in which nobody is called and nothing is hidden."""
    shown = "".join(
        f"\\u{ord(each):04x}" if unicodedata.category(each) in BREAKING else each for each in value
    )
    return re.sub("([@#])", rf"\1{CALM}", shown)
