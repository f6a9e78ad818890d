"""Lists of a factory's objects, of which one page is read and no more: a factory can hold thousands."""

from __future__ import annotations

from sandbox.service import Request, Response
from sandbox.services.arm import actor, authorization, ids, lists, records, registry, scopes
from sandbox.world import World


def answer(world: World, request: Request) -> Response:
    """`GET …/factories/{factory}/{type}` and below, of a parent that is there. Raises what ARM refuses."""
    found = ids.parse_collection(request.path)
    assert found is not None, request.path
    parent, scope, type_ = found
    assert parent is not None, request.path
    kind = registry.kind(type_)
    authorization.require(world, actor.of(request), f"{kind.type}/read", parent.id)
    scopes.check(world, scope)
    prefix = f"{parent.key}/{kind.type.rsplit('/', 1)[1].lower()}/"
    keys = [{"key": key} for key in _keys(world, prefix) if "/" not in key[len(prefix) :]]
    page = lists.page(request, keys, kind.page or len(keys) or 1)
    documents = (world.seen(records.RESOURCES, one["key"], "list") for one in page.body["value"])
    version = request.query["api-version"]
    page.body["value"] = [records.shown(world, one, kind, version) for one in documents if one]
    return page


def _keys(world: World, prefix: str) -> list[str]:
    """What a reader sees, sorted; with lag that takes reading all."""
    if not world.lag.enabled:
        return world.store.keys(records.RESOURCES, prefix)
    return [key for key, _ in world.seen_items(records.RESOURCES, prefix)]
