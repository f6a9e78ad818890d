"""The one rule of which app settings and secrets an environment may read, and the reader of app settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from reconciler.environment.references import ENV, permitted, references
from reconciler.redaction import remember
from reconciler.secret_forms import UNRESOLVED

Settings = Callable[[str], tuple[str, str]]


def settings_reader(environ: Mapping[str, str], allowed: frozenset[str]) -> Settings:
    """allowed: what the app setting RECONCILER_SECRETS says, see `permitted`.

    Asked for `env:NAME` the reader gives the value and "", or "" and what is missing; asked for another
    reference, "" and what forbids it, if anything does. A `storageKey:` needs no permission."""

    def read(text: str) -> tuple[str, str]:
        (reference,) = references(f"${{{text}}}")
        name = "/".join(reference.parts)
        if not permitted(reference, allowed):
            return "", f"{name} is not in RECONCILER_SECRETS"
        if reference.kind != ENV:
            return "", ""
        value = environ.get(name, "")
        if value.startswith(UNRESOLVED):
            return "", "the app setting holds a Key Vault reference that was not resolved"
        return (remember(value), "") if value else ("", "the app setting is not set")

    return read
