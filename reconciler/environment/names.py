"""The kinds of names and addresses in an environment file, each with its rule in words and an example.

Azure's name rules: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

from typing import Annotated

from reconciler.environment.rule import Rule

_guid = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

Guid = Annotated[str, Rule(_guid, "a GUID", "00000000-0000-0000-0000-000000000001", normal=str.lower)]
SubscriptionId = Annotated[
    str,
    Rule(
        _guid,
        "the id of a subscription",
        "00000000-0000-0000-0000-000000000001",
        normal=str.lower,
        hint="`az account list --output table` tells the ids.",
    ),
]
EnvironmentName = Annotated[
    str,
    Rule(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", "a name of lower-case letters, digits and hyphens", "test"),
]
ObjectName = Annotated[
    str,
    Rule(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", "a name of up to 32 letters, digits, `-` and `_`", "platform"),
]
GitRef = Annotated[
    str,
    Rule(
        r"(?!-)(?!.*(?:\.\.|//|@\{|\.lock$))[^\s~^:?*\[\\\x00-\x1f]*[^\s~^:?*\[\\\x00-\x1f./]",
        "the name of a branch or tag",
        "main",
    ),
]
GroupName = Annotated[
    str,
    Rule(
        r"[\w.()-]{0,89}[\w()-]",
        "the name of a resource group: up to 90 letters, digits and `_-.()`, with no `.` at the end",
        "bikeshare-test",
    ),
]
Location = Annotated[
    str,
    Rule(
        r"[A-Za-z][A-Za-z0-9 ]{1,39}",
        "an Azure location",
        "westeurope",
        normal=lambda text: text.replace(" ", "").lower(),
    ),
]
FactoryName = Annotated[
    str,
    Rule(
        r"(?=.{3,63}$)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*",
        "the name of a data factory: 3 to 63 letters, digits and single hyphens",
        "bikeshare-test-adf",
    ),
]
AccountName = Annotated[
    str,
    Rule(
        r"[a-z0-9]{3,24}",
        "the name of a storage account: 3 to 24 small letters and digits",
        "bikesharetest",
    ),
]
VaultName = Annotated[
    str,
    Rule(
        r"(?=.{3,24}$)[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*",
        "the name of a key vault: 3 to 24 letters, digits and single hyphens, a letter first",
        "bikeshare-test-kv",
    ),
]
VaultSecretName = Annotated[
    str,
    Rule(r"[A-Za-z0-9-]{1,127}", "the name of a Key Vault secret: letters, digits and hyphens", "api-key"),
]
ScopeName = Annotated[
    str,
    Rule(
        r"[A-Za-z0-9_.@-]{1,128}", "a name of up to 128 letters, digits, `-`, `_`, `@` and `.`", "bikeshare"
    ),
]
WorkspacePath = Annotated[
    str,
    Rule(
        r"(?!.*/\.{1,2}(?:/|$))(?:/[^/\x00-\x1f]+)+/?",
        "an absolute path in the Databricks workspace",
        "/Shared/bikeshare",
        normal=lambda text: text.rstrip("/"),
    ),
]
ResourceId = Annotated[
    str,
    Rule(
        rf"/subscriptions/{_guid}/resource[Gg]roups/[^/\s]+/providers/[^/\s]+(?:/[^/\s]+/[^/\s]+)+",
        "the id of an Azure resource",
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bikeshare-test"
        "/providers/Microsoft.Databricks/workspaces/bikeshare-test",
        reference=True,
    ),
]
ResourceType = Annotated[
    str,
    Rule(r"[A-Za-z][\w.]*(?:/[\w*]+)+", "a type of Azure resource", "Microsoft.Storage/storageAccounts"),
]
KeyPattern = Annotated[
    str,
    Rule(
        r"(?:\*|(?:arm|adf|databricks|keyvault)\.[A-Za-z*?]+)(?:/\S*)?",
        "a key KIND/SCOPE/NAME of arm.*, adf.*, databricks.* or keyvault.*, with `*` as wildcard",
        "adf.pipeline/*/old_*",
    ),
]
RepositoryPath = Annotated[
    str, Rule(r"[^\x00-\x1f]+", "a path in this repository", "arm/azuredeploy.json", normal=str)
]
Sha256 = Annotated[str, Rule(r"[0-9A-Fa-f]{64}", "a SHA-256 in hexadecimal", "0" * 64, normal=str.lower)]
_host = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\$\{azure\.[^}]*\})"
_https = rf"https://{_host}(?::\d{{1,5}})?(?:[/?#][^\s]*)?"
HttpsUrl = Annotated[
    str,
    Rule(
        _https,
        "an address that begins with https:// and holds no user name or password",
        "https://example.org/health",
        reference=True,
        quoted=False,
    ),
]
Address = Annotated[
    str,
    Rule(
        rf"mailto:[^\s@/]+@[A-Za-z0-9.-]+|{_https}",
        "an address for alerts: a reference to an app setting or secret, `mailto:…` or `https://…`",
        "${env:TEAMS_URL}",
        reference=True,
        quoted=False,
    ),
]
FACTORY_FOLDERS = (
    "factory",
    "credential",
    "integrationRuntime",
    "managedVirtualNetwork",
    "managedPrivateEndpoint",
    "linkedService",
    "dataset",
    "dataflow",
    "pipeline",
    "trigger",
)
"""The folders of a factory's Git folder, and so the kinds of its objects."""

FactoryObject = Annotated[
    str,
    Rule(
        rf"(?:{'|'.join(FACTORY_FOLDERS)}|\*)/.+",
        f"an object of a factory: its folder ({', '.join(FACTORY_FOLDERS)}), `/` and its name",
        "linkedService/AzureKeyVault",
    ),
]
