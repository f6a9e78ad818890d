"""Ids of Azure Resource Manager and the keys that stand for them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from reconciler.resource import Key

KEPT = 4096
"""Ids that are known as read: each tick asks for the same ones, many times."""


@dataclass(frozen=True)
class ArmId:
    """The parts of an id. `parent` is the id that an extension resource hangs on, "" for others."""

    subscription: str
    group: str
    type: str
    name: str
    parent: str = ""


@lru_cache(maxsize=KEPT)
def parse(id_: str) -> ArmId:
    """Read `/subscriptions/S[/resourceGroups/G][/providers/NS/T/N[/T/N…][/providers/NS/T/N]]`.

    The type and name are those of the last provider segment. Raises ValueError for anything else."""
    if not id_.startswith("/"):
        raise ValueError(f"{id_!r} is no resource id")
    head, *segments = [part.strip("/") for part in _split_providers(id_)]
    scope = head.split("/") if head else []
    subscription = scope[1] if len(scope) >= 2 and scope[0].lower() == "subscriptions" else ""
    group = scope[3] if len(scope) >= 4 and scope[2].lower() == "resourcegroups" else ""
    if not segments:
        return ArmId(subscription, group, "Microsoft.Resources/resourceGroups" if group else "", group)
    namespace, *pairs = segments[-1].split("/")
    if not pairs or len(pairs) % 2:
        raise ValueError(f"{id_!r} is no resource id")
    type_ = "/".join([namespace, *pairs[0::2]])
    parent = id_[: id_.lower().rindex("/providers/")] if len(segments) > 1 else ""
    return ArmId(subscription, group, type_, "/".join(pairs[1::2]), parent)


def _split_providers(id_: str) -> list[str]:
    lowered, parts, start = id_.lower(), [], 0
    while (at := lowered.find("/providers/", start)) >= 0:
        parts.append(id_[start:at])
        start = at + len("/providers/") - 1
    return [*parts, id_[start:]]


@lru_cache(maxsize=KEPT)
def key_of(id_: str) -> Key:
    """The key of a resource or a group by its id; an extension resource names what it hangs on after `@`."""
    parts = parse(id_)
    if parts.type == "Microsoft.Resources/resourceGroups" and not parts.parent:
        return Key("arm.group", parts.subscription, parts.name)
    name = f"{parts.type}:{parts.name}"
    if parts.parent:
        holder = parse(parts.parent)
        name += f"@{holder.type}:{holder.name}"
    return Key("arm.resource", parts.group or parts.subscription, name)


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"
