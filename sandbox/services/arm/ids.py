"""Resource ids: read, compare, take apart.

An id is compared without regard to case; the case it was created with is kept in answers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResourceId:
    """One resource's id in parts.

    ``scope`` is ``""`` for the tenant, ``/subscriptions/S``, ``/subscriptions/S/resourceGroups/G``,
    ``/providers/Microsoft.Management/managementGroups/M``, or the id of the resource that an extension
    resource sits on. ``type`` is ``Namespace/type[/child…]``; ``names`` has one name for each type segment.
    """

    scope: str
    type: str
    names: tuple[str, ...]

    @property
    def id(self) -> str:
        namespace, *types = self.type.split("/")
        pairs = "/".join(f"{kind}/{name}" for kind, name in zip(types, self.names, strict=True))
        return f"{self.scope}/providers/{namespace}/{pairs}"

    @property
    def key(self) -> str:
        """The id as a store key."""
        return self.id.lower()

    @property
    def name(self) -> str:
        """The last name: what a GET shows as ``name``."""
        return self.names[-1]

    @property
    def full_name(self) -> str:
        return "/".join(self.names)

    @property
    def namespace(self) -> str:
        return self.type.split("/", 1)[0]

    @property
    def parent(self) -> ResourceId | None:
        """The resource this one is a child of; None for a top-level type."""
        if len(self.names) == 1:
            return None
        return ResourceId(self.scope, self.type.rsplit("/", 1)[0], self.names[:-1])

    @property
    def subscription(self) -> str | None:
        return _after(self.scope, "subscriptions")

    @property
    def group(self) -> str | None:
        return _after(self.scope, "resourcegroups")

    @property
    def extended(self) -> ResourceId | None:
        """The resource that this extension resource sits on; None when the scope is no resource."""
        found = parse(self.scope)
        return found if found and found.type.lower() != MANAGEMENT_GROUP else None

    def child(self, kind: str, name: str) -> ResourceId:
        return ResourceId(self.scope, f"{self.type}/{kind}", (*self.names, name))


MANAGEMENT_GROUP = "microsoft.management/managementgroups"


def parse(text: str) -> ResourceId | None:
    """The resource that ``text`` names; None when it names a scope, a collection or an action."""
    head, found, tail = _split_last_provider(text)
    segments = [part for part in tail.split("/") if part]
    if not found or len(segments) < 3 or len(segments) % 2 == 0:
        return None
    namespace, pairs = segments[0], segments[1:]
    return ResourceId(head, "/".join([namespace, *pairs[0::2]]), tuple(pairs[1::2]))


def parse_collection(text: str) -> tuple[ResourceId | None, str, str] | None:
    """Of ``…/NS/types/name/children``: (parent or None, scope, ``NS/types/children``); else None."""
    head, found, tail = _split_last_provider(text)
    segments = [part for part in tail.split("/") if part]
    if not found or len(segments) < 2 or len(segments) % 2 == 1:
        return None
    namespace, pairs = segments[0], segments[1:]
    kind = "/".join([namespace, *pairs[0::2]])
    if len(pairs) == 1:
        return None, head, kind
    return ResourceId(head, kind.rsplit("/", 1)[0], tuple(pairs[1::2])), head, kind


def group_of(text: str) -> str | None:
    """The resource group's name in an id or scope."""
    return _after(text, "resourcegroups")


def subscription_of(text: str) -> str | None:
    return _after(text, "subscriptions")


def _split_last_provider(text: str) -> tuple[str, bool, str]:
    text = "/" + text.strip("/")
    at = text.lower().rfind("/providers/")
    return (text[:at], True, text[at + len("/providers/") :]) if at >= 0 else (text, False, "")


def _after(text: str, word: str) -> str | None:
    parts = text.strip("/").split("/")
    for at, part in enumerate(parts[:-1]):
        if part.lower() == word and at % 2 == 0:
            return parts[at + 1]
        if part.lower() == "providers":
            return None
    return None


def ancestors(text: str) -> list[str]:
    """The scope itself and every scope above it, nearest first, ending with ``""`` (the tenant)."""
    found = []
    rest = text.rstrip("/")
    while rest:
        found.append(rest)
        target = parse(rest)
        if target is None:
            rest = rest.rsplit("/", 2)[0] if rest.lower().startswith("/subscriptions/") else ""
        else:
            rest = target.parent.id if target.parent else target.scope
    return [*found, ""]
