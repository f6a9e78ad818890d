"""How types without rules of their own answer creation, update, deletion: as seen in recorded traffic."""

from __future__ import annotations

from sandbox.services.arm.kinds import Kind, style

_ASYNC = " +Azure-AsyncOperation"
_LOCATION = " +Location"
_BOTH = _ASYNC + _LOCATION

_PLAIN = ("201 body", "200 body", "200 nobody")
_ALWAYS_200 = ("200 body", "200 body", "200 nobody")
_NETWORK = ("201 body" + _ASYNC, "200 body" + _ASYNC, "202 nobody" + _BOTH)
_ACCEPTED = ("202 body" + _BOTH, "202 body" + _BOTH, "202 nobody" + _BOTH)
_SQL = ("202 body" + _BOTH, "202 body" + _BOTH, "202 body" + _BOTH)

_STYLES = {
    "microsoft.cache/redis": ("201 body" + _BOTH, "200 body", "202 nobody" + _LOCATION),
    "microsoft.compute/virtualmachines": ("201 body" + _ASYNC, "200 body" + _ASYNC, "202 nobody" + _BOTH),
    "microsoft.containerregistry/registries": ("201 body" + _ASYNC, "200 body", "200 nobody"),
    "microsoft.documentdb/databaseaccounts": ("200 body" + _BOTH, "200 body" + _BOTH, "202 body" + _BOTH),
    "microsoft.eventgrid/systemtopics": ("201 body" + _ASYNC, "200 body", "202 nobody" + _BOTH),
    "microsoft.eventhub/namespaces": ("201 body", "200 body", "202 nobody" + _LOCATION),
    "microsoft.eventhub/namespaces/eventhubs": _ALWAYS_200,
    "microsoft.insights/components": _ALWAYS_200,
    "microsoft.insights/diagnosticsettings": _ALWAYS_200,
    "microsoft.logic/workflows": _PLAIN,
    "microsoft.network/loadbalancers": _NETWORK,
    "microsoft.network/natgateways": _NETWORK,
    "microsoft.network/networkinterfaces": _NETWORK,
    "microsoft.network/privatednszones": _ACCEPTED,
    "microsoft.network/privatednszones/virtualnetworklinks": _ACCEPTED,
    "microsoft.network/privateendpoints": _NETWORK,
    "microsoft.network/publicipaddresses": _NETWORK,
    "microsoft.network/routetables": _NETWORK,
    "microsoft.operationalinsights/workspaces": ("201 body", "200 body", "200 nobody"),
    "microsoft.servicebus/namespaces": ("201 body", "200 body", "202 nobody" + _LOCATION),
    "microsoft.sql/servers": _SQL,
    "microsoft.sql/servers/databases": _SQL,
    "microsoft.synapse/workspaces": ("201 body" + _ASYNC, "201 body" + _ASYNC, "202 nobody" + _BOTH),
    "microsoft.synapse/workspaces/sqlpools": _ACCEPTED,
    "microsoft.web/serverfarms": _ALWAYS_200,
    "microsoft.web/sites": _ALWAYS_200,
    "microsoft.web/sites/config": _ALWAYS_200,
}


def default(type_: str) -> Kind:
    """The kind of a type that nothing is known of but, perhaps, its styles."""
    create, update, delete = _STYLES.get(type_.lower(), _PLAIN)
    return Kind(
        type_,
        create=style(create),
        update=style(update),
        delete=style(delete),
        tracked=type_.count("/") == 1 and not type_.lower().startswith("microsoft.authorization/"),
        location=False,
    )
