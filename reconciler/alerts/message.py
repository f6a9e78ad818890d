"""Facts in words for people, and as CloudEvents for programs. Pure; every text leaves redacted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reconciler.alerts.fact import PENDING, Fact
from reconciler.alerts.standing import DELETED, OBSERVED
from reconciler.redaction import cleaned, redact
from reconciler.resource import Key

MANY = 10
"""So many facts, and so many fields of one, are told in one message; of the rest, how many."""

WORDS: Mapping[str, tuple[str, str]] = {
    "drift.appeared": (
        "{what} was changed by hand",
        "Take it into Git, or undo it; `reconciler plan {env}` shows it.",
    ),
    "drift.explained": ("who changed {what}", ""),
    "drift.healed": ("{what} was changed by hand and is put back", "If it was meant, take it into Git."),
    "drift.gone": ("{what} is as Git says again", ""),
    "apply.failed": (
        "{what} could not be written",
        "Mend what the error says; it is tried again later, or at the next commit.",
    ),
    "check.failed": (
        "check {what} failed",
        "Look at its run; the next commit, or `reconciler resume {env}`, runs it again.",
    ),
    "tick.failed": ("the tick failed", "Mend what the error says; the next tick tries again."),
    "tick.overdue": ("no tick has finished for long", "See that the app runs, and its log."),
    "message.lost": (
        "a message could not be worked off",
        "`reconciler tick {env}` does its work; the app's log tells why it failed.",
    ),
    "blocked": ("{what} is blocked", "`reconciler plan {env}` shows what is left alone, and the way out."),
    "held": ("it is held back", "See the environment that comes first."),
    "approval.wanted": (
        "changes wait for an approval",
        "`reconciler plan {env}` shows them; approve that plan, or run `reconciler apply {env}`.",
    ),
    "recovered": ("it is well again", ""),
}
"""What is said of each kind of fact: what happened, and what to do next."""

VARIANTS: Mapping[tuple[str, str], str] = {
    ("drift.appeared", DELETED): "{what} was deleted by hand",
    ("drift.appeared", OBSERVED): "{what} differs from what Git says",
    ("drift.healed", DELETED): "{what} was deleted by hand and is made again",
}
"""What happened where the fact's code says it better."""


def title(fact: Fact) -> str:
    """One line: the environment and what happened."""
    words = VARIANTS.get((fact.kind, fact.code)) or WORDS[fact.kind][0]
    return redact(f"{fact.environment}: {words.format(what=_plain(fact.key) or 'the environment')}")


def text(fact: Fact) -> str:
    """A few lines: fields, since when, who, why, what to do next, where to look."""
    return redact("\n".join(_lines(fact)))


def _lines(fact: Fact) -> Iterator[str]:
    if fact.fields:
        more = f" and {len(fact.fields) - MANY} more" if len(fact.fields) > MANY else ""
        yield f"Fields: {', '.join(fact.fields[:MANY])}{more}"
    if fact.text:
        yield fact.text
    yield f"Since: {fact.since}"
    if fact.who == PENDING:
        yield "Who: pending; it follows once Azure's activity log tells."
    elif fact.who:
        yield f"Who: {fact.who}, at {fact.when}"
    elif fact.when:
        yield f"When: {fact.when}; the service does not tell who it was."
    if fact.url:
        yield f"See: {fact.url}"
    if fact.commit:
        yield f"Commit: {fact.commit[:12]}"
    following = WORDS[fact.kind][1].format(env=fact.environment)
    if following:
        yield f"Next: {following}"
    yield f"Status: `reconciler status {fact.environment}`"


def together(facts: Sequence[Fact]) -> tuple[str, str]:
    """Title and text of one message for all these facts; at least one."""
    if len(facts) == 1:
        return title(facts[0]), text(facts[0])
    shown = [f"{title(fact)}\n{text(fact)}" for fact in facts[:MANY]]
    more = [f"And {len(facts) - MANY} more."] if len(facts) > MANY else []
    return f"{facts[0].environment}: {len(facts)} new facts", "\n\n".join([*shown, *more])


def cloud_event(fact: Fact, source: str) -> dict[str, Any]:
    """The fact as a CloudEvent 1.0 in structured mode
    (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md).

    source: the repository's address or "", see `source_of`."""
    known = {name: value for name, value in asdict(fact).items() if value not in ("", ())}
    known.pop("kind")
    event = {
        "specversion": "1.0",
        "id": fact.id,
        "source": source,
        "type": f"reconciler.{fact.kind}",
        "time": fact.since,
        "datacontenttype": "application/json",
        "data": {**known, "title": title(fact), "message": text(fact)},
    }
    said: dict[str, Any] = cleaned({**event, "subject": fact.key} if fact.key else event)
    return said


def _plain(key: str) -> str:
    """A resource's key for the eye; the name of a check is left as it is."""
    try:
        return Key.parse(key).plain
    except ValueError:
        return key
