"""Whether the references of an environment stand where they may, and lead somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.environment.checking import Context, Found, circle, nodes
from reconciler.environment.references import (
    AZURE,
    Allowed,
    BadReference,
    Reference,
    allowed_at,
    misplaced,
    references,
)
from reconciler.environment.rule import shown
from reconciler.environment.suggest import did_you_mean
from reconciler.yamlfile import Node


def check_references(context: Context) -> Iterator[Found]:
    """Every reference that may not stand where it does or names no deployment; secrets in clear text."""
    declared = None if context.partial else _deployments(context.tree)
    for path, node in context.tree.walk():
        if not isinstance(node.value, str):
            continue
        allowed = allowed_at(path)
        wrong = misplaced(node.value, allowed)
        if wrong:
            yield node.place, *wrong
            continue
        found = references(node.value)
        if allowed is Allowed.SECRET and not found:
            yield (
                node.place,
                "A secret must not stand in the repository.",
                "Write where it comes from: ${env:…}, ${secret:…} or ${storageKey:…}.",
            )
        for reference in found:
            if reference.kind == AZURE and declared is not None and reference.parts[0] not in declared:
                yield (
                    node.place,
                    f"{shown(reference.text)} names no deployment of `azure.deployments`.",
                    did_you_mean(reference.parts[0], declared)
                    or f"There is {', '.join(declared) or 'none'}.",
                )


def _deployments(tree: Node) -> dict[str, Node] | None:
    """The deployments by name; None where they cannot be told."""
    azure = tree.child("azure")
    if azure is not None and not isinstance(azure.value, dict | None):
        return None
    items = [node for _, node in nodes(tree, "azure.deployments.*")]
    return {
        name.value: item
        for item in items
        if (name := item.child("name")) is not None and isinstance(name.value, str)
    }


def check_order(context: Context) -> Iterator[Found]:
    """Deployments that wait for each other's outputs."""
    declared = _deployments(context.tree) or {}
    waits = {name: {one.parts[0] for one in _azure_references(node)} for name, node in declared.items()}
    told: set[str] = set()
    for name, node in declared.items():
        ring = circle(name, waits)
        if ring and name not in told:
            told.update(ring)
            yield (
                node.place,
                f"Deployments wait for each other: {' → '.join(ring)}.",
                "Take one reference out.",
            )


def _azure_references(node: Node) -> Iterator[Reference]:
    for _, value in node.walk():
        if isinstance(value.value, str):
            try:
                yield from (one for one in references(value.value) if one.kind == AZURE)
            except BadReference:
                continue  # told by check_references
