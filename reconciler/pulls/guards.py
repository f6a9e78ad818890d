"""What a pull request may not decide: where we act, as whom, whom we tell, and which secrets are read.

A pull request is somebody else's input, and its plan is made before anybody has looked at it. Whatever moves
one of the things below gets no plan but a refusal, which names the place and asks a person to look. The
rules:

    subscription, group, identity, factory, workspace, vault, `source`, `after`    it is another
    groups and scopes of deployments, vaults of secret scopes                      one is new
    storage accounts whose keys are rotated, a factory's Git link                  one is new
    addresses of alerts and of libraries; hosts of HTTP checks, outputs in them    one is new
    `${env:…}`, `${secret:…}`, `${storageKey:…}`                                   one stands where none stood
    secrets of a vault that a parameter file names                                 one is new
    places that templates deploy to; the workspace's address, by any output        one is new
    templates fetched from an address                                              one is new
    template outputs that hold a key, or the value of a secure parameter           one is new

New means: the environment does not have it on the branch that the pull request goes to. An environment that
the pull request adds is compared with all environments of that branch: what names a place must not be
another's (`FREE`), what reaches out must be known to one of them (`KNOWN`). What loosens `policy`, and
alerts and checks that go, are no refusal; they are told above the plan. All functions are pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reconciler import armtemplate
from reconciler.armtemplate import KeyVaultReference, Unknown
from reconciler.armtemplate.types import is_secure
from reconciler.armtemplate.values import get
from reconciler.desired import Desired
from reconciler.environment import Environment, references
from reconciler.errors import Fault
from reconciler.resolve import unknowns
from reconciler.resource import Secret

Path = tuple[str | int, ...]
Read = Callable[[str], str]
"""Gives the text of a file of the repository; "" where there is none."""
MOVED, SET, ADDED = "moved", "set", "added"
"""Refused where the value is another or has gone; where it is set to another; where one more is in the
list."""
KNOWN, FREE, ANY = "known", "free", "any"
"""Of a new environment: another environment must have it; none may have it; it may be anything."""
HINT = (
    "Somebody who answers for this environment looks at it by hand; after the merge, `reconciler plan` "
    "shows it."
)


@dataclass(frozen=True)
class Guard:
    """path: where the value stands in an environment file, `*` for each of a list or a map, `#` for the
    names of a map. what: in words. seen: the part of a value that is compared."""

    path: str
    what: str
    when: str
    fresh: str
    seen: Callable[[Any], Any] = lambda value: value


def _reached(url: Any) -> Any:
    """Of an address: its host, and the outputs that stand in it."""
    text = str(url)
    return (urlsplit(text).netloc.lower(), tuple(sorted(each.text for each in references(text))))


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


GUARDS = (
    Guard("azure.subscription", "the subscription", MOVED, KNOWN),
    Guard("azure.resourceGroup", "the resource group", MOVED, FREE, _folded),
    Guard("azure.identity", "the identity that acts", MOVED, KNOWN),
    Guard("azure.deployments.*.resourceGroup", "a resource group", ADDED, FREE, _folded),
    Guard("azure.deployments.*.scope", "the scope of a deployment", ADDED, KNOWN),
    Guard("azure.storageKeys.#", "a storage account whose keys are rotated", ADDED, FREE),
    Guard("dataFactory.factory", "the data factory", SET, FREE, _folded),
    Guard("dataFactory.git", "the repository that the factory is linked to", SET, KNOWN),
    Guard("databricks.workspace", "the Databricks workspace", SET, FREE, _folded),
    Guard("databricks.resourceId", "the Databricks workspace", SET, FREE, _folded),
    Guard("databricks.libraries.*.url", "an address that a library is fetched from", ADDED, KNOWN),
    Guard("databricks.secretScopes.*.keyVault", "the vault of a secret scope", ADDED, KNOWN, _folded),
    Guard("keyVault.vault", "the key vault", SET, FREE, _folded),
    Guard("source.branch", "the branch that is followed", MOVED, ANY),
    Guard("source.tag", "the tag that is followed", MOVED, ANY),
    Guard("after", "which environments come first", MOVED, ANY),
    Guard("alerts.*.to", "an address of alerts", ADDED, KNOWN),
    Guard("checks.*.http", "the address of an HTTP check", ADDED, KNOWN, _reached),
)
SOURCE_GUARDS = tuple(guard for guard in GUARDS if guard.path.startswith("source."))
"""Those of an environment that follows another branch than the one that the pull request goes to."""
TOLD = ("policy", "alerts", "checks", "interval")
"""Sections whose change is told above the plan."""

KEYS = re.compile(r"\blist\w*\s*\(", re.IGNORECASE)
"""Functions of a template that give keys: listKeys, listAccountSas, listSecrets and their like. They all
begin so:
https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource#list"""
LINKED = "microsoft.resources/deployments"
PLACE = re.compile(r"/subscriptions/([^/]+)(?:/resourceGroups/([^/]+))?", re.IGNORECASE)


def refused(
    after: Environment,
    before: Environment | None,
    others: Iterable[Environment],
    guards: Iterable[Guard] = GUARDS,
) -> list[Fault]:
    """What an environment's own file may not decide. before: None for one that is new; others: all of the
    target branch."""
    others = tuple(others)
    found = []
    now, was = _plain(after), _plain(before) if before is not None else None
    known = [_plain(other) for other in others]
    for guard in guards:
        said = dict(_values(now, guard.path))
        held = (
            {guard.seen(value) for value in _hashable(_values(was, guard.path))} if was is not None else set()
        )
        theirs = {guard.seen(value) for other in known for value in _hashable(_values(other, guard.path))}
        wanted = {path: guard.seen(_key(value)) for path, value in said.items()}
        if was is None:
            bad = {
                path
                for path, value in wanted.items()
                if (guard.fresh == KNOWN and value not in theirs) or (guard.fresh == FREE and value in theirs)
            }
        else:
            bad = {path for path, value in wanted.items() if value not in held}
            if guard.when == MOVED and held and not wanted:
                found.append(_fault(after, tuple(guard.path.split(".")), guard.what, gone=True))
        found += [_fault(after, path, guard.what, fresh=was is None) for path in sorted(bad, key=str)]
    if tuple(guards) == GUARDS:
        found += _references(after, before, others)
    return found


def _references(
    after: Environment, before: Environment | None, others: Iterable[Environment]
) -> Iterator[Fault]:
    """References to secrets that stand where they did not; of a new environment those that none has."""
    if before is not None:
        known = {(_named(path), each.text) for path, each in before.references()}
    else:
        known = {((), each.text) for other in others for _, each in other.references()}
    for path, each in after.references():
        where = _named(path) if before is not None else ()
        if each.is_secret and (where, each.text) not in known:
            told = f"{each.text} is read here, and was not before."
            yield Fault(after.where(path), told, HINT)


def reaching(after: Desired, before: Desired | None, read: Read, was: Read) -> list[Fault]:
    """What the files behind an environment may not decide: where templates deploy to, which workspace an
    output names, what is fetched, and which outputs hold a secret. read: the text of a file, "" where there
    is none."""
    environment = after.environment
    place = environment.where("azure")
    known = _places(before) if before is not None else _own(environment)
    found = [
        Fault(origin or place, f"{shown} is a place that {environment.name} does not act in so far.", HINT)
        for (shown, origin) in _origins(after)
        if shown.lower() not in known
    ]
    if before is not None and after.workspace is not None:
        stood = before.workspace or {}
        for name in ("host", "resourceId"):
            if _text(after.workspace.get(name)) != _text(stood.get(name)):
                told = f"`databricks.workspace` comes to another {name}, by an output of a template."
                found.append(Fault(environment.where("databricks.workspace"), told, HINT))
    linked = _linked(before) if before is not None else set()
    found += [
        Fault(origin, "A template is fetched from an address.", HINT)
        for address, origin in _links(after)
        if address not in linked
    ]
    read_before = set(_vault_secrets(before)) if before is not None else set()
    found += [
        Fault(place, f"{shown} is read for a parameter, and was not before.", HINT)
        for shown in sorted(set(_vault_secrets(after)) - read_before)
    ]
    leaked = dict(_leaks(before, was)) if before is not None else {}
    for (deployment, output), expression in _leaks(after, read):
        if leaked.get((deployment, output)) != expression:
            told = f"The output {output!r} of the deployment {deployment!r} holds a key or a secret in clear."
            template = _template(environment, deployment)
            where = _line(template, read(template), output)
            found.append(Fault(where, told, f"Make it secureString, or take it out. {HINT}"))
    return found


def _template(environment: Environment, deployment: str) -> str:
    deployments = environment.azure.deployments if environment.azure is not None else ()
    return next((each.template for each in deployments if each.name == deployment), "")


def _line(template: str, text: str, output: str) -> str:
    """FILE:LINE of an output, as far as its template's text tells."""
    at = text.find(f'"{output}"', max(text.find('"outputs"'), 0))
    return f"{template}:{text.count(chr(10), 0, at) + 1}" if at >= 0 else template


def told(after: Environment, before: Environment | None) -> list[str]:
    """What changes in sections that decide how far we go, whom we tell and what is tested, as PATH: A → B."""
    if before is None:
        return []
    now, was = _plain(after), _plain(before)
    lines = []
    for section in TOLD:
        one, other = was.get(section), now.get(section)
        if one == other:
            continue
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            lines += [
                f"{section}.{name}: {one.get(name)} → {other.get(name)}"
                for name in sorted({*one, *other})
                if one.get(name) != other.get(name)
            ]
        else:
            lines.append(f"{section}: {_count(one)} → {_count(other)}")
    return lines


def _count(value: Any) -> str:
    return f"{len(value)} entries, changed" if isinstance(value, (list, tuple)) else str(value)


def _fault(
    environment: Environment, path: Path, what: str, *, gone: bool = False, fresh: bool = False
) -> Fault:
    name = ".".join(str(step) for step in path)
    if gone:
        message = f"`{name}` has gone: {what} would be another."
    elif fresh:
        message = f"`{name}`: {what} of this new environment is another's, or known to none."
    else:
        message = f"`{name}`: {what} is another than on the branch that this goes to."
    return Fault(environment.where(path), message, HINT)


# What is said, and by whom


def _plain(environment: Environment) -> dict[str, Any]:
    found: dict[str, Any] = environment.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    return found


def _values(tree: Any, pattern: str, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What stands at a pattern, with where; nothing where it is not said."""
    if not pattern:
        if tree is not None and tree != [] and tree != {}:
            yield path, _key(tree)
        return
    step, _, rest = pattern.partition(".")
    if step == "#":
        yield from (((*path, name), name) for name in (tree or {}))
    elif step == "*":
        items = tree.items() if isinstance(tree, Mapping) else enumerate(tree or ())
        for name, item in items:
            yield from _values(item, rest, (*path, name))
    elif isinstance(tree, Mapping):
        yield from _values(tree.get(step), rest, (*path, step))


def _key(value: Any) -> Any:
    """The value as one that can be a member of a set."""
    return value if isinstance(value, str) else repr(value)


def _hashable(found: Iterable[tuple[Path, Any]]) -> Iterator[Any]:
    return (_key(value) for _, value in found)


def _named(path: Path) -> Path:
    """A path without the numbers in lists, which move."""
    return tuple(step for step in path if isinstance(step, str))


# What the templates come to


def _origins(desired: Desired) -> Iterator[tuple[str, str]]:
    """Each group or subscription that something is deployed to, with the first place that says so."""
    seen = set()
    for resource in desired.graph:
        for name in ("id", "scope", "hangsOn", "vaultId"):
            id_ = str(resource.at.get(name) or "")
            found = PLACE.match(id_)
            shown = (
                found[0] if found else id_ if id_.startswith("/") else ""
            )  # a tenant's or management group's
            if shown and shown.lower() not in seen:
                seen.add(shown.lower())
                yield shown, resource.origin


def _places(desired: Desired) -> set[str]:
    return {shown.lower() for shown, _ in _origins(desired)} | _own(desired.environment)


def _own(environment: Environment) -> set[str]:
    """Where the file itself says that its environment acts; that is guarded by itself."""
    azure = environment.azure
    if azure is None:
        return set()
    root = f"/subscriptions/{azure.subscription}"
    groups = {
        azure.resource_group,
        *(each.resource_group for each in azure.deployments if each.resource_group),
    }
    return {root.lower(), *(f"{root}/resourceGroups/{group}".lower() for group in groups)}


def _links(desired: Desired) -> Iterator[tuple[str, str]]:
    for resource in desired.graph:
        link = (
            (resource.spec.get("properties") or {}).get("templateLink")
            if resource.type.lower() == LINKED
            else None
        )
        if isinstance(link, Mapping):
            yield _text(link.get("uri") or link.get("id")), resource.origin


def _linked(desired: Desired) -> set[str]:
    return {address for address, _ in _links(desired)}


def _vault_secrets(desired: Desired) -> Iterator[str]:
    """The secrets that parameter files let Azure read from a vault, each as VAULT/NAME."""
    for parameters in desired.secure.values():
        for value in parameters.values():
            if isinstance(value, KeyVaultReference):
                yield f"{value.vault_id}/{value.secret_name}".lower()


def _leaks(desired: Desired, read: Read) -> Iterator[tuple[tuple[str, str], str]]:
    """Outputs whose value is a secret though their type does not say so: Azure keeps them in clear, for
    everybody who reads deployments."""
    for deployment, outputs in desired.outputs.items():
        secrets = {name: value for name, value in outputs.items() if isinstance(value, Secret)}
        kept = _kept(read(_template(desired.environment, deployment))) if secrets else frozenset()
        for output, value in outputs.items():
            if isinstance(value, Secret):
                if output.lower() not in kept:
                    yield (deployment, output), value.fingerprint
            elif found := [each.expression for each in unknowns(value) if KEYS.search(each.expression)]:
                yield (deployment, output), " ".join(found)


def _kept(text: str) -> frozenset[str]:
    """The outputs of a template that are declared secure, in lower case."""
    try:
        root = armtemplate.parse(text, "").root
    except armtemplate.TemplateError:
        return frozenset()
    outputs, definitions = get(root, "outputs"), get(root, "definitions")
    known = definitions if isinstance(definitions, dict) else {}
    return frozenset(
        name.lower()
        for name, schema in (outputs if isinstance(outputs, dict) else {}).items()
        if isinstance(schema, dict) and is_secure(schema, known)
    )


def _text(value: Any) -> str:
    return value.expression if isinstance(value, Unknown) else str(value)
