"""`${…}` in an environment file, put in: outputs of deployments, our own identity, secrets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from reconciler.armtemplate import Unknown
from reconciler.environment import Environment, Reference, pieces, whole
from reconciler.errors import Fault
from reconciler.parameters import Unset, concat
from reconciler.resource import Secret


@dataclass(frozen=True)
class Facts:
    """What desired has to be told, since it reads nothing but files.

    identity, tenant: object id of the reconciler's own identity, and its tenant.
    secrets: values of references such as `env:NAME`, by their text; one that is absent is not set.
    unset: what is missing of those that are not set, by their text.
    key: for the keyed hashes of secrets. time: for `utcNow()`, the commit's own time."""

    identity: str = ""
    tenant: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    unset: Mapping[str, str] = field(default_factory=dict)
    key: bytes = b""
    time: datetime = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class References:
    """What the references of one environment read. outputs: by deployment, as far as these are evaluated.

    faults: what was wrong with the references that were asked for."""

    environment: Environment
    facts: Facts
    outputs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Deployments with faults of their own: what reads their outputs adds none."""

    def value(self, value: Any, path: str) -> Any:
        """A parameter's value with its references put in; what is only known later becomes an Unknown."""
        if isinstance(value, Mapping):
            return {name: self.value(item, f'{path}["{name}"]') for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item, f"{path}[{index}]") for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        reference = whole(value)
        if reference is not None:
            return self._referenced(reference, path)
        parts = [self._referenced(p, path) if isinstance(p, Reference) else p for p in pieces(value)]
        if any(isinstance(part, Unknown) for part in parts):
            return concat(parts)
        return "".join(str(part) for part in parts)

    def _referenced(self, reference: Reference, path: str) -> Any:
        place = self.environment.where(path)
        if reference.kind == "identity":
            return self.facts.identity
        if reference.kind != "azure":
            return self.facts.secrets.get(reference.text[2:-1]) or self._unset(reference)
        deployment, output, *keys = reference.parts
        if deployment in self.broken:
            return None
        if deployment not in self.outputs:
            known = ", ".join(sorted(self.outputs)) or "none"
            self.faults.append(
                Fault(
                    place, f"{reference.text}: there is no deployment {deployment!r}.", f"There is {known}."
                )
            )
            return None
        outputs = {name.lower(): value for name, value in self.outputs[deployment].items()}
        if output.lower() not in outputs:
            known = ", ".join(sorted(self.outputs[deployment])) or "none"
            self.faults.append(
                Fault(place, f"{reference.text}: the template has no output {output!r}.", f"It has {known}.")
            )
            return None
        found = outputs[output.lower()]
        if isinstance(found, Secret):
            self.faults.append(
                Fault(
                    place,
                    f"{reference.text}: this output is secure, and Azure never gives such a value back.",
                    "Let the template write it into a Key Vault, and read it from there.",
                )
            )
            return None
        for key in keys:
            if isinstance(found, Unknown):
                found = replace(found, expression=f"{found.expression}.{key}")
            elif isinstance(found, Mapping) and key in found:
                found = found[key]
            else:
                self.faults.append(Fault(place, f"{reference.text}: the output has no key {key!r}."))
                return None
        return found

    def _unset(self, reference: Reference) -> Unset:
        reason = self.facts.unset.get(reference.text[2:-1])
        return Unset(reference.text, reason) if reason else Unset(reference.text)


def deployments_read(value: Any) -> set[str]:
    """Names of the deployments whose outputs a value reads."""
    if isinstance(value, Mapping):
        return set().union(*map(deployments_read, value.values())) if value else set()
    if isinstance(value, (list, tuple)):
        return set().union(*map(deployments_read, value)) if value else set()
    if not isinstance(value, str):
        return set()
    return {p.parts[0] for p in pieces(value) if isinstance(p, Reference) and p.kind == "azure"}
