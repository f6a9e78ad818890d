"""Values handed to a template: which are secret, which are not set, which are known in part. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.armtemplate import Evaluation, Template, Unknown
from reconciler.armtemplate.types import is_secure
from reconciler.armtemplate.values import find_key, get
from reconciler.environment import Deployment, Environment, Reference, pieces, whole
from reconciler.errors import Fault
from reconciler.redaction import remember_written
from reconciler.resolve import unknowns


@dataclass(frozen=True)
class Unset:
    """A secret that is not set: the reference that asks for it, and what is missing."""

    reference: str = ""
    reason: str = "it is not set, or not in RECONCILER_SECRETS"

    def __str__(self) -> str:
        return f"{self.reference}: {self.reason}"


def unset_in(value: Any) -> tuple[Unset, ...]:
    """The secrets that are not set and are a value or anywhere in it."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        return tuple(found for item in value for found in unset_in(item))
    return (value,) if isinstance(value, Unset) else ()


def filled(value: Any) -> Any:
    """The value with a text where a secret is not set, so that the rest can be evaluated."""
    if isinstance(value, Mapping):
        return {name: filled(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(item) for item in value]
    return "(not set)" if isinstance(value, Unset) else value


def defaults(template: Template) -> Mapping[str, Any]:
    """What secure parameters are when nothing is given, where the template says it without an expression."""
    return {
        name: default
        for name, (secure, default) in _declared(template).items()
        if secure and default is not None and not (isinstance(default, str) and default.startswith("["))
    }


def _declared(template: Template) -> Mapping[str, tuple[bool, Any]]:
    schemas, definitions = get(template.root, "parameters"), get(template.root, "definitions")
    return {
        name: (
            is_secure(schema, definitions if isinstance(definitions, dict) else {}),
            get(schema, "defaultValue"),
        )
        for name, schema in (schemas if isinstance(schemas, Mapping) else {}).items()
        if isinstance(schema, dict) and find_key(schema, "type") is not None
    }


def remember_secure(template: Template, sent: Mapping[str, Any]) -> None:
    """Keep the values of secure parameters, and each text in an object, from every way out."""
    secure = {name.lower() for name, (secure, _) in _declared(template).items() if secure}
    for name, value in sent.items():
        if name.lower() in secure:
            for leaf in _leaves(value):
                if isinstance(leaf, (str, int, float)):
                    remember_written(str(leaf))


def misplaced(
    environment: Environment,
    here: str,
    deployment: Deployment,
    template: Template,
    sent: Mapping[str, Any],
    evaluation: Evaluation,
) -> Iterable[Fault]:
    """Secrets given to parameters that do not keep them; secure parameters that are used without a value."""
    secure = {name.lower(): secure for name, (secure, _) in _declared(template).items()}
    for name, value in deployment.parameters.items():
        if _reads_secret(value) and secure.get(name.lower()) is False:
            told = f"A secret is given to the parameter {name!r}, which {deployment.template} would show."
            place = environment.where(f"{here}.parameters.{name}")
            yield Fault(place, told, "Declare it as secureString or secureObject there.")
    given = {name.lower() for name in sent}
    for name in sorted(secure_in([found.body for found in evaluation.resources])):
        if name.lower() not in given:
            told = f"The secure parameter {name!r} of {deployment.template} has no value that can be sent."
            yield Fault(environment.where(here), told, "Give it one, e.g. `${env:NAME}`.")


def in_clear(
    environment: Environment, here: str, deployment: Deployment, template: Template
) -> Iterable[Fault]:
    """Values of secure parameters that stand in the environment file, which everybody with the repository
    reads. A value that has a part from elsewhere is taken to hold its secret there. Never tells the value."""
    secure = {name.lower(): secure for name, (secure, _) in _declared(template).items()}
    for name, value in deployment.parameters.items():
        if secure.get(name.lower()) and _literal(value):
            told = f"The secure parameter {name!r} of {deployment.template} is given in clear."
            hint = "Write `${env:NAME}` and change the secret: Git remembers this one."
            yield Fault(environment.where(f"{here}.parameters.{name}"), told, hint)


def _literal(value: Any) -> bool:
    """Whether a value says something, and all that it says stands here."""
    texts = list(_leaves(value))
    return any(text not in (None, "") for text in texts) and not any(
        isinstance(piece, Reference) for text in texts if isinstance(text, str) for piece in pieces(text)
    )


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def secure_in(value: Any) -> set[str]:
    """Names of the secure parameters that a body mentions."""
    return {name for unknown in unknowns(value) for name in unknown.parameters}


def _reads_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_reads_secret, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_reads_secret, value))
    found = whole(value) if isinstance(value, str) else None
    return found is not None and found.is_secret


def concat(parts: Iterable[Any]) -> Unknown:
    """Text with unknown parts, as one unknown."""
    parts = tuple(parts)
    texts = [p.expression if isinstance(p, Unknown) else "'" + str(p).replace("'", "''") + "'" for p in parts]
    unknown = [p for p in parts if isinstance(p, Unknown)]
    return Unknown(
        f"concat({', '.join(texts)})",
        secure=any(p.secure for p in unknown),
        references=tuple(dict.fromkeys(id_ for p in unknown for id_ in p.references)),
        parameters=tuple(dict.fromkeys(name for p in unknown for name in p.parameters)),
    )
