"""What tests let a workspace's API do otherwise: `/_sandbox/databricks/…`.

POST listing `{"notebooks": false}` leaves `modified_at` and `size` out for notebooks: the API documents these
for files only. POST keyvault-scopes `{"enabled": true}` lets service principals make scopes of a key vault,
which the API refuses to all but users. POST serverless `{"enabled": true}` lets runs do without a cluster.
"""

from __future__ import annotations

from sandbox.service import CloudError, Request, Response, Route
from sandbox.world import World

_SWITCHES = "databricks.switches"


def on(world: World, name: str, default: bool) -> bool:
    return bool((world.store.get(_SWITCHES, name) or {}).get("on", default))


def _turn(name: str, field: str) -> Route:
    def handler(world: World, request: Request) -> Response:
        asked = request.json()
        value = asked.get(field) if isinstance(asked, dict) else None
        if not isinstance(value, bool):
            raise CloudError(400, "BadRequest", f'{name} takes {{"{field}": true}} or {{"{field}": false}}')
        world.store.put(_SWITCHES, name, {"on": value})
        return Response(200, {field: value})

    return Route("POST", f"/_sandbox/databricks/{name}", handler)


CONTROL = (
    _turn("listing", "notebooks"),
    _turn("keyvault-scopes", "enabled"),
    _turn("serverless", "enabled"),
)
