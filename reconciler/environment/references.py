"""`${…}` in an environment file: what it may read, how it is written, and where it may stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from reconciler.environment.suggest import did_you_mean

AZURE, IDENTITY, ENV, SECRET, STORAGE_KEY = "azure", "identity", "env", "secret", "storageKey"
SECRET_KINDS = frozenset({ENV, SECRET, STORAGE_KEY})

OPENING = re.compile(r"\$\$\{|\$\{")


@dataclass(frozen=True)
class Form:
    """How one kind of reference is written: what stands between `${` and `}`, each group one part."""

    pattern: re.Pattern[str]
    example: str


FORMS = {
    AZURE: Form(
        re.compile(r"azure\.([A-Za-z0-9][A-Za-z0-9_-]*)\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"),
        "${azure.NAME.OUTPUT}",
    ),
    IDENTITY: Form(re.compile(r"identity\.(objectId)"), "${identity.objectId}"),
    ENV: Form(re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)"), "${env:APP_SETTING}"),
    SECRET: Form(
        re.compile(r"secret:([A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9])/([A-Za-z0-9-]{1,127})"),
        "${secret:VAULT/NAME}",
    ),
    STORAGE_KEY: Form(re.compile(r"storageKey:([a-z0-9]{3,24})"), "${storageKey:ACCOUNT}"),
}


@dataclass(frozen=True)
class Reference:
    """One `${…}`.

    kind and parts: `azure` (deployment, output, then the keys inside an output that is an object),
    `identity` (objectId), `env` (app setting), `secret` (vault, name), `storageKey` (account).
    text: as it stands in the file, with its `${` and `}`."""

    kind: str
    parts: tuple[str, ...]
    text: str

    @property
    def is_secret(self) -> bool:
        return self.kind in SECRET_KINDS


class BadReference(ValueError):
    """A `${…}` that cannot be read; `message` and `hint` quote nothing of it but its kind."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


def pieces(value: str) -> tuple[str | Reference, ...]:
    """Split a text at its references; `$${` stands for a plain `${`. Raises BadReference."""
    found: list[str | Reference] = []
    text, at = "", 0
    while match := OPENING.search(value, at):
        text += value[at : match.start()]
        if match[0] == "$${":
            text, at = text + "${", match.end()
            continue
        end = value.find("}", match.end())
        if end < 0:
            raise BadReference("`${` is not closed.", "Add `}`, or write `$${` for a plain `${`.")
        if text:
            found.append(text)
        found.append(_reference(value[match.start() : end + 1]))
        text, at = "", end + 1
    text += value[at:]
    return (*found, text) if text else tuple(found)


def references(value: str) -> list[Reference]:
    """The references in a text, in order. Raises BadReference."""
    return [piece for piece in pieces(value) if isinstance(piece, Reference)]


def whole(value: str) -> Reference | None:
    """The reference that a text consists of, or None where it is something else. Raises BadReference."""
    found = pieces(value)
    return found[0] if len(found) == 1 and isinstance(found[0], Reference) else None


def _reference(text: str) -> Reference:
    inner = text[2:-1]
    named = re.split(r"[.:]", inner, maxsplit=1)[0]
    form = FORMS.get(named)
    if form is None:
        forms = ", ".join(form.example for form in FORMS.values())
        guess = did_you_mean(named, FORMS)
        raise BadReference("This `${…}` reads nothing that is known.", guess or f"It can be {forms}.")
    match = form.pattern.fullmatch(inner)
    if match is None:
        raise BadReference(
            f"This `{named}` reference is not complete or not well formed.", f"Write {form.example}."
        )
    first, *rest = match.groups()
    parts = (first, *rest[0].split(".")) if named == AZURE else (first, *rest)
    return Reference(named, parts, text)


def permitted(reference: Reference, allowed: frozenset[str]) -> bool:
    """Whether the app setting RECONCILER_SECRETS allows a reference.

    It holds `NAME` of app settings and `VAULT/NAME` of secrets; `*` in an a name stands for any text.
    References of other kinds need no permission."""
    if reference.kind not in (ENV, SECRET):
        return True
    name = "/".join(reference.parts)
    return any(fnmatchcase(name, pattern) for pattern in allowed)


class Allowed(Enum):
    """Which references may stand in a value; the text says it to people."""

    NONE = "No reference may stand here."
    KNOWN = "Only ${azure.NAME.OUTPUT} and ${identity.objectId} may stand here."
    AZURE_WHOLE = "Only one ${azure.NAME.OUTPUT}, with nothing around it, may stand here."
    PARAMETER = "${env:…}, ${secret:…} and ${storageKey:…} must be the whole value of a parameter."
    SECRET = "${env:…} and ${secret:…} must be the whole value."
    ADDRESS = "Only one ${env:…} or ${secret:…}, with nothing around it, may stand here."


PLACES: tuple[tuple[str, Allowed], ...] = (
    ("azure.deployments.*.parameters.**", Allowed.PARAMETER),
    ("dataFactory.set.**", Allowed.KNOWN),
    ("databricks.workspace", Allowed.AZURE_WHOLE),
    ("databricks.resourceId", Allowed.AZURE_WHOLE),
    ("databricks.secretScopes.*.secrets.*", Allowed.SECRET),
    ("keyVault.secrets.*", Allowed.SECRET),
    ("keyVault.secrets.*.value", Allowed.SECRET),
    ("checks.*.parameters.**", Allowed.KNOWN),
    ("checks.*.compute.**", Allowed.KNOWN),
    ("checks.*.http", Allowed.KNOWN),
    ("alerts.*.to", Allowed.ADDRESS),
)
"""Where references may stand; a value at any other path takes none. `*` is one step, `**` any number."""


def allowed_at(path: tuple[str | int, ...]) -> Allowed:
    return next((allowed for pattern, allowed in PLACES if matches(pattern, path)), Allowed.NONE)


def matches(pattern: str, path: tuple[str | int, ...]) -> bool:
    """Whether a path fits a pattern of steps: `*` fits any one step, a closing `**` one or more."""
    steps = pattern.split(".")
    if steps[-1] == "**":
        steps = steps[:-1]
        if len(path) <= len(steps):
            return False
        path = path[: len(steps)]
    return len(steps) == len(path) and all(
        want in ("*", step) for want, step in zip(steps, path, strict=True)
    )


def misplaced(value: str, allowed: Allowed) -> tuple[str, str] | None:
    """What is wrong with the references of a value where `allowed` holds: a message and a hint, or None."""
    try:
        found = pieces(value)
    except BadReference as error:
        return error.message, error.hint
    named = [piece for piece in found if isinstance(piece, Reference)]
    kinds = {reference.kind for reference in named}
    alone = len(found) == 1
    permitted = {
        Allowed.NONE: not named,
        Allowed.KNOWN: not kinds & SECRET_KINDS,
        Allowed.AZURE_WHOLE: not named or (alone and kinds == {AZURE}),
        Allowed.PARAMETER: alone or not kinds & SECRET_KINDS,
        Allowed.SECRET: alone or not kinds & {ENV, SECRET},
        Allowed.ADDRESS: not named or (alone and kinds <= {ENV, SECRET}),
    }
    if permitted[allowed]:
        return None
    examples = " and ".join(f"`{FORMS[kind].example}`" for kind in sorted(kinds))
    return f"A reference of the form {examples} may not stand here like this.", allowed.value
