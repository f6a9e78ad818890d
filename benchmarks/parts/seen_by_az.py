"""What `az` shows of a released environment, without what differs between two that were made alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from support.project import group

ACCOUNTS, VAULTS = "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"
FACTORIES, WORKSPACES = "Microsoft.DataFactory/factories", "Microsoft.Databricks/workspaces"
KINDS = ("linkedservices", "datasets", "pipelines", "triggers")
"""Lists of a factory."""
SCOPE = "bikeshare"
LISTS = (
    f"workspace/list?path=/Shared/{SCOPE}",
    f"secrets/list?scope={SCOPE}",
    f"secrets/acls/list?scope={SCOPE}",
)
"""Lists of a workspace."""
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
MARK = "reconciler"
"""The tag by which the product knows what it made."""
TIMED = frozenset({
    "etag", "eTag", "creationTime", "createdTime", "changedTime", "lastUpdateTime", "createdDateTime",
    "systemData", "lastPublishTime", "lastGeneratedRunTime", "keyCreationTime", "lastEnabledTime",
    "last_updated_timestamp", "modified_at", "created_at", "object_id", "resource_id", "createTime",
})  # fmt: skip
"""Fields that tell when something was made, or which number it has."""
MADE_UP = ("principalId", "workspaceId", "workspaceUrl")
"""Fields whose values Azure makes up. They may differ; where others name them, they must be the same."""


def seen(az: Callable[..., Any], names: Mapping[str, str]) -> dict[str, Any]:
    """az: runs the tool with these words and gives its JSON. names: of the group and of what is in it."""

    def shown(kind: str, name: str) -> Any:
        return az("resource", "show", "--ids", group(names["GROUP"], f"{kind}/{name}"))

    az("login", "--identity")
    resources = az("resource", "list", "--resource-group", names["GROUP"])
    (workspace,) = (shown(WORKSPACES, each["name"]) for each in resources if each["type"] == WORKSPACES)
    host = f"https://{workspace['properties']['workspaceUrl']}"
    factory = group(names["GROUP"], f"{FACTORIES}/{names['FACTORY']}")
    found = {
        "resources": resources,
        "workspace": workspace,
        "account": shown(ACCOUNTS, names["ACCOUNT"]),
        "vault": shown(VAULTS, names["VAULT"]),
        "factory": shown(FACTORIES, names["FACTORY"]),
        **{
            kind: az("rest", "--url", f"https://management.azure.com{factory}/{kind}?api-version=2018-06-01")
            for kind in KINDS
        },
        **{path: az("rest", "--url", f"{host}/api/2.0/{path}", "--resource", DATABRICKS) for path in LISTS},
    }
    vault = ("--vault-name", names["VAULT"])
    keys = az("storage", "account", "keys", "list", "-g", names["GROUP"], "-n", names["ACCOUNT"])
    secret = az("keyvault", "secret", "show", *vault, "-n", "storagekey")["value"]
    return {**_lasting(found), "the vault's secret is the account's key": secret == keys[0]["value"]}


def _lasting(found: Any) -> Any:
    text = json.dumps(_without(found))
    for value, name in sorted(set(_made_up(found)), reverse=True):
        text = text.replace(value, f"<{name}>")
    return json.loads(text)


def _without(value: Any) -> Any:
    """Without times and our mark; lists in an order of their own."""
    if isinstance(value, dict):
        return {name: _without(item) for name, item in value.items() if name not in TIMED and name != MARK}
    if isinstance(value, list):
        return sorted((_without(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def _made_up(value: Any) -> Iterator[tuple[str, str]]:
    """Values that Azure made up, with the names of their fields."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in MADE_UP and isinstance(item, str):
                yield item, name
            else:
                yield from _made_up(item)
    elif isinstance(value, list):
        for item in value:
            yield from _made_up(item)
