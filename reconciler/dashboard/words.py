"""What the pages call things: systems, kinds, and the states of a resource. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.resource import Key

SYSTEMS: Mapping[str, str] = {
    "arm": "Azure",
    "adf": "Data Factory",
    "databricks": "Databricks",
    "keyvault": "Key Vault",
}
"""By the first part of a kind, in the order of the page."""

STATES: Mapping[str, str] = {
    "failed": "The last try failed.",
    "blocked": "It is left alone, and somebody has to decide.",
    "pending": "It is being changed, or is to be changed.",
    "drifted": "Somebody changed it, and it is not put back.",
    "not accepted": "Azure keeps another value than was sent.",
    "orphaned": "It is ours, and Git says nothing of it any more.",
    "unmanaged": "It stands beside ours, and is never touched.",
    "healthy": "It is as Git says.",
}
"""States of a resource, the worst first, and what each says."""

WATCHED = ("heal", "observed")
"""Codes of what is blocked because policy has it watched alone: nobody needs to decide anything."""

CAUSES: Mapping[str, str] = {
    "drift": "Somebody changed it by hand",
    "both": "Git and somebody's hand changed it",
    "commit": "Git changed",
    "new": "New in Git",
    "removed": "Gone from Git",
}
"""Causes of a change, in the order of the page, and what each says."""

SIGNS: Mapping[str, str] = {"create": "+", "update": "~", "replace": "±", "delete": "−", "adopt": "="}
"""By action."""

PLAIN = (("create", "new"), ("delete", "removed"))
"""Actions whose cause says it all."""

DONE: Mapping[str, str] = {
    "reconcile": "A tick was asked for. Load the page again in a moment to see what it did.",
    "suspend": "It is suspended: nothing is changed until somebody resumes it.",
    "resume": "It is resumed, and a tick was asked for.",
    "approve": "The plan is approved, and a tick was asked for. It carries out just this plan.",
}
"""What a page says after a command."""


@dataclass(frozen=True)
class Named:
    """A key for the eye. kind: groups resources of one system, e.g. `storageAccounts` or `pipeline`; slug:
    names the kind in an address."""

    system: str
    kind: str
    name: str
    scope: str
    slug: str


def named(text: str) -> Named:
    """Take a key of a document apart; what is no key (a redacted one) is a name of its own."""
    try:
        key = Key.parse(text)
    except ValueError:
        return Named("Other", "other", text, "", "other")
    family, _, kind = key.kind.partition(".")
    system = SYSTEMS.get(family, "Other")
    type_, colon, name = key.name.partition(":")
    if (
        kind == "resource" and "@" in name
    ):  # a role assignment or a lock: what it is on tells more than its name
        own, _, on = name.partition("@")
        name = f"{on.rpartition(':')[2]} {own[:8]}"
    if kind == "resource" and colon:
        return Named(system, type_.partition("/")[2] or type_, name, key.scope, f"{key.kind}:{type_}")
    return Named(system, kind, key.name, key.scope, key.kind)
