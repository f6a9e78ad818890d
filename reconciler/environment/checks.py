"""What a value's own type cannot tell: paths, alternatives, names that must be unique or exist, references.

All of it is read from the merged tree, so that it is told together with what the model finds."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from reconciler.environment.checking import Context, Found, circle, nodes
from reconciler.environment.links import check_order, check_references
from reconciler.environment.overlay import inside
from reconciler.environment.references import matches
from reconciler.environment.suggest import did_you_mean
from reconciler.errors import Fault
from reconciler.yamlfile import Node, Place, Step

FILE, FOLDER = "file", "folder"

PATHS: tuple[tuple[str, str], ...] = (
    ("azure.deployments.*.template", FILE),
    ("azure.deployments.*.parametersFile", FILE),
    ("dataFactory.definitions", FOLDER),
    ("dataFactory.template", FILE),
    ("databricks.notebooks.*.from", FOLDER),
    ("databricks.libraries.*.build", FOLDER),
    ("databricks.libraries.*.file", FILE),
    ("databricks.jobs.*.file", FILE),
)
"""Which values are paths in the snapshot, and to what."""

ALTERNATIVES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("source", ("branch", "tag")),
    ("policy.acknowledge.*", ("delete", "replace")),
    ("dataFactory", ("definitions", "template", "git")),
    ("databricks.libraries.*", ("build", "file", "url")),
    ("databricks.secretScopes.*", ("secrets", "keyVault")),
    ("keyVault.secrets.*", ("value", "generate", "databricksToken")),
    ("checks.*", ("databricksNotebook", "dataFactoryPipeline", "http")),
    ("checks.*.compute", ("newCluster", "existingCluster", "serverless")),
)
"""Maps that say exactly one of these keys."""

TOGETHER: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("databricks.libraries.*", "sha256", frozenset({"url"})),
    ("databricks.libraries.*", "url", frozenset({"sha256"})),
    ("checks.*", "compute", frozenset({"databricksNotebook"})),
    ("checks.*", "libraries", frozenset({"databricksNotebook"})),
    ("checks.*", "parameters", frozenset({"databricksNotebook", "dataFactoryPipeline"})),
    ("checks.*", "expect", frozenset({"http"})),
)
"""A key that has a meaning only beside one of others."""

UNIQUE: tuple[tuple[str, str], ...] = (("azure.deployments", "name"), ("checks", "name"))
"""Lists whose items must differ by a key, whatever its case."""

NEEDS: tuple[tuple[str, str], ...] = (
    ("dataFactory", "azure"),
    ("keyVault.secrets.*.databricksToken", "databricks"),
)
"""What says nothing without a section."""


def faults(context: Context) -> Iterator[tuple[Place, Fault]]:
    for check in CHECKS:
        for place, message, hint in check(context):
            yield place, Fault(str(place), message, hint)


def repository_paths(tree: Node) -> tuple[str, ...]:
    """Every path of the snapshot that the tree names, in normal form."""
    found = (node.value for path, node in tree.walk() if _path_kind(path) and isinstance(node.value, str))
    return tuple(sorted({str(PurePosixPath(value)) for value in found}))


def _path_kind(path: tuple[Step, ...]) -> str | None:
    return next((wanted for pattern, wanted in PATHS if matches(pattern, path)), None)


def _said(node: Node, names: tuple[str, ...] | frozenset[str]) -> list[str]:
    """Which of the keys a map says with a value."""
    return [name for name in names if (child := node.child(name)) is not None and child.value is not None]


def _alternatives(context: Context) -> Iterator[Found]:
    for pattern, names in ALTERNATIVES:
        for _, node in nodes(context.tree, pattern):
            if not isinstance(node.value, dict):
                continue
            said = _said(node, names)
            if len(said) > 1:
                second = node.child(said[1])
                place = second.key if second and second.key else node.place
                yield place, f"`{said[0]}` and `{said[1]}` exclude each other.", "Keep one of them."
            elif not said and not context.partial:
                yield (
                    node.key or node.place,
                    f"One of {', '.join(f'`{name}`' for name in names)} is missing.",
                    "",
                )


def _together(context: Context) -> Iterator[Found]:
    for pattern, name, others in TOGETHER:
        for _, node in nodes(context.tree, pattern):
            child = node.child(name)
            if child is not None and child.value is not None and not (context.partial or _said(node, others)):
                wanted = " or ".join(f"`{other}`" for other in sorted(others))
                yield child.key or child.place, f"`{name}` means nothing without {wanted}.", ""


def _unique(context: Context) -> Iterator[Found]:
    for pattern, name in UNIQUE:
        seen: dict[str, Place] = {}
        for _, node in nodes(context.tree, f"{pattern}.*.{name}"):
            if not isinstance(node.value, str):
                continue
            first = seen.setdefault(node.value.casefold(), node.place)
            if first != node.place:
                yield node.place, f"`{node.value}` is there already, at {first}.", "Give it another name."


def _needs(context: Context) -> Iterator[Found]:
    for pattern, other in NEEDS:
        for path, node in nodes(context.tree, pattern):
            if node.value is not None and not (context.partial or _said(context.tree, (other,))):
                yield node.key or node.place, f"`{path[-1]}` needs the section `{other}`.", "Add it."


def _paths(context: Context) -> Iterator[Found]:
    for path, node in context.tree.walk():
        wanted = _path_kind(path)
        if wanted and isinstance(node.value, str) and node.value:
            wrong = _path_fault(context.root, node.value, wanted)
            if wrong:
                yield node.place, *wrong


def _path_fault(root: Path, value: str, wanted: str) -> tuple[str, str] | None:
    shown = f"`{value}`"
    if "\\" in value or "\0" in value:
        return f"{shown} is not a path in the repository.", "Write `/` between its parts."
    if PurePosixPath(value).is_absolute() or value.startswith("~") or value[1:2] == ":":
        return (
            f"{shown} is not a path in the repository.",
            "Write it from the repository's root, without a leading `/`.",
        )
    parts = PurePosixPath(value).parts
    if ".git" in parts or not inside(root, root / value):
        return f"{shown} leaves the repository.", "Only what is in the repository can be named."
    target = root / value
    try:
        there = target.is_dir() if wanted == FOLDER else target.is_file()
        if there:
            return None
        if target.exists():
            return f"{shown} is not a {wanted}.", ""
        return f"{shown} is not there.", _nearest(root, parts)
    except OSError:
        return f"{shown} cannot be a path.", ""


def _nearest(root: Path, parts: tuple[str, ...]) -> str:
    """A suggestion for the first part of a path that is not there."""
    here = root
    for index, part in enumerate(parts):
        if not (here / part).exists():
            siblings = (
                [entry.name for entry in here.iterdir() if entry.name != ".git"] if here.is_dir() else []
            )
            guess = did_you_mean(part, siblings)
            before = "".join(f"{done}/" for done in parts[:index])
            if guess:
                return guess.replace("`", f"`{before}", 1)
            break
        here /= part
    same = next(root.rglob(glob.escape(parts[-1])), None) if parts else None
    return f"Did you mean `{same.relative_to(root)}`? Paths begin at the repository's root." if same else ""


def _name(context: Context) -> Iterator[Found]:
    name = context.tree.child("name")
    if name is not None and isinstance(name.value, str) and name.value != context.name:
        yield (
            name.place,
            f"The name `{name.value}` is not that of the file.",
            f"Write `name: {context.name}`.",
        )


def _after(context: Context) -> Iterator[Found]:
    items = list(nodes(context.tree, "after.*"))
    for _, node in items:
        if isinstance(node.value, str) and node.value not in context.after:
            known = [name for name in context.after if name != context.name]
            yield node.place, f"There is no environment `{node.value}`.", did_you_mean(node.value, known)
    ring = circle(context.name, context.after)
    if items and ring:
        yield items[0][1].place, f"Environments wait for each other: {' → '.join(ring)}.", "Break the circle."


def _check_order(context: Context) -> Iterator[Found]:
    """Checks that wait for one that is not there, or for each other."""
    said = {
        str(name.value): [node for _, node in nodes(check, "after.*")]
        for _, check in nodes(context.tree, "checks.*")
        if (name := check.child("name")) is not None
    }
    waits = {name: {str(node.value) for node in after} for name, after in said.items()}
    told: set[str] = set()
    for waiter, after in said.items():
        for node in after:
            if node.value not in said and not context.partial:
                others = [other for other in said if other != waiter]
                yield node.place, f"There is no check `{node.value}`.", did_you_mean(str(node.value), others)
        ring = circle(waiter, waits)
        if ring and waiter not in told:
            told.update(ring)
            yield after[0].place, f"Checks wait for each other: {' → '.join(ring)}.", "Break the circle."


Check = Callable[[Context], Iterator[Found]]

CHECKS: tuple[Check, ...] = (
    _name,
    _after,
    _check_order,
    _alternatives,
    _together,
    _unique,
    _needs,
    _paths,
    check_references,
    check_order,
)
