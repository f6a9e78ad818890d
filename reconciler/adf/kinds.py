"""The kinds of objects in a data factory: folder, type, names and sizes, each as a line of a table.

Names: the patterns of the REST API, version 2018-06-01. Sizes and counts: the service's limits page,
https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits#azure-data-factory-limits
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "Microsoft.DataFactory/factories"
API_VERSION: Final = "2018-06-01"
FACTORY: Final = "factory"
MOST_ENTITIES: Final = 5_000
MOST_ACTIVITIES: Final = 120
BUILT_IN: Final = frozenset({("integrationRuntime", "autoresolveintegrationruntime")})
"""What every factory has without anybody defining it, by kind and name in small letters."""
DEFAULT_NETWORK: Final = "default"
"""The one name of a managed virtual network
(https://learn.microsoft.com/azure/data-factory/managed-virtual-network-private-endpoint)."""


@dataclass(frozen=True)
class Names:
    pattern: re.Pattern[str]
    shortest: int
    longest: int
    words: str

    def fit(self, name: str) -> bool:
        return self.shortest <= len(name) <= self.longest and self.pattern.fullmatch(name) is not None


@dataclass(frozen=True)
class Kind:
    """folder: in Git, and so the kind's name. type: below `NAMESPACE`. reference: the `type` of references to
    it. most_bytes: of one object; 0 = no limit is documented."""

    folder: str
    type: str
    reference: str
    names: Names
    most_bytes: int = 0

    @property
    def full_type(self) -> str:
        return f"{NAMESPACE}/{self.type}"


_FREE: Final = Names(
    re.compile(r"[A-Za-z0-9_][^<>*#.%&:\\+?/]*"),
    1,
    260,
    "1 to 260 characters, a letter, digit or underscore first, and none of < > * # . % & : \\ + ? /",
)
_WORD: Final = Names(
    re.compile(r"[_A-Za-z0-9]|[_A-Za-z0-9][-_A-Za-z0-9]{0,125}[_A-Za-z0-9]"),
    1,
    127,
    "1 to 127 letters, digits, underscores and hyphens, no hyphen at either end",
)
_DASHED: Final = Names(
    re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"),
    3,
    63,
    "3 to 63 letters, digits and single hyphens, no hyphen at either end",
)
_KB: Final = 1024

KINDS: Final[Mapping[str, Kind]] = {
    kind.folder: kind
    for kind in (
        Kind("credential", "credentials", "CredentialReference", _WORD),
        Kind("integrationRuntime", "integrationRuntimes", "IntegrationRuntimeReference", _DASHED),
        Kind("managedVirtualNetwork", "managedVirtualNetworks", "ManagedVirtualNetworkReference", _WORD),
        Kind("managedPrivateEndpoint", "managedVirtualNetworks/managedPrivateEndpoints", "", _WORD),
        Kind("linkedService", "linkedservices", "LinkedServiceReference", _FREE, 100 * _KB),
        Kind("dataset", "datasets", "DatasetReference", _FREE, 100 * _KB),
        Kind("dataflow", "dataflows", "DataFlowReference", _FREE),
        Kind("pipeline", "pipelines", "PipelineReference", _FREE, 200 * _KB),
        Kind("trigger", "triggers", "TriggerReference", _FREE),
    )
}
"""All kinds but the factory itself."""

BY_TYPE: Final[Mapping[str, Kind]] = {kind.full_type.lower(): kind for kind in KINDS.values()}
BY_REFERENCE: Final[Mapping[str, str]] = {
    kind.reference.lower(): kind.folder for kind in KINDS.values() if kind.reference
}
BY_FOLDER: Final[Mapping[str, str]] = {folder.lower(): folder for folder in (*KINDS, FACTORY)}


def object_name(names: list[str]) -> str:
    """An object's name from the parts below its factory, e.g. `["default", "endpoint"]` -> `endpoint`.

    A private endpoint is named without its network where that is the usual one."""
    return "/".join(names[1:] if len(names) == 2 and names[0].lower() == DEFAULT_NETWORK else names)


def name_parts(kind: str, name: str) -> list[str]:
    """The parts of an object's name below its factory: the reverse of `object_name`."""
    if kind == "managedPrivateEndpoint" and "/" not in name:
        return [DEFAULT_NETWORK, name]
    return name.split("/", 1) if kind == "managedPrivateEndpoint" else [name]


def object_id(factory_id: str, kind: str, name: str) -> str:
    """The id in Azure Resource Manager of an object of a factory."""
    types = KINDS[kind].type.split("/")
    return "/".join(
        [
            factory_id.rstrip("/"),
            *(part for pair in zip(types, name_parts(kind, name), strict=True) for part in pair),
        ]
    )
