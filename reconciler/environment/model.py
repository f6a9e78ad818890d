"""The typed model of an environment file. Each field's description is what an editor shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from reconciler import yamlfile
from reconciler.environment import names as n
from reconciler.environment import values as v
from reconciler.environment.policy import Policy
from reconciler.environment.references import Reference, references
from reconciler.environment.rule import fault
from reconciler.environment.section import Section
from reconciler.environment.workloads import Alert, Check, Databricks, DataFactory, KeyVault


class Source(Section):
    """The branch or the tag whose content this environment follows: one of the two."""

    branch: n.GitRef | None = Field(default=None, description="A branch; its newest commit counts.")
    tag: n.GitRef | None = Field(default=None, description="A tag.")


class Deployment(Section):
    """One ARM template, deployed through Azure Resource Manager."""

    name: n.ObjectName = Field(description="How `${azure.NAME.OUTPUT}` names it; unique in this environment.")
    template: n.RepositoryPath = Field(description="The template's JSON file in this repository.")
    parameters: dict[str, Any] = Field(
        description="Values of the template's parameters; may hold `${azure.…}` and `${identity.objectId}`; "
        "a secure parameter may be a whole `${env:…}`, `${secret:…}` or `${storageKey:…}`.",
        default_factory=dict,
    )
    parameters_file: n.RepositoryPath | None = Field(
        default=None, description="An ARM parameter file in this repository; `parameters` go before it."
    )
    resource_group: n.GroupName | None = Field(
        default=None, description="Another resource group than the environment's."
    )
    scope: Literal["resourceGroup", "subscription"] = Field(
        description="What it is deployed to.", default="resourceGroup"
    )
    location: n.Location | None = Field(
        default=None, description="Where a deployment to the subscription is kept; else `azure.location`."
    )


class Rotate(Section):
    """When a storage account's keys change."""

    every: v.Duration = Field(description="How long a key is in use.")
    overlap: v.Duration = Field(
        default=v.parse_duration("24h"),
        description="How long the key before it is still valid once nothing uses it any more.",
    )

    @model_validator(mode="after")
    def _ends_in_time(self) -> Rotate:
        if self.overlap >= self.every:
            raise fault("`overlap` must be shorter than `every`.")
        return self


class StorageKeys(Section):
    """What becomes of the keys of one storage account."""

    rotate: Rotate = Field(
        description="The key that is not in use is regenerated and taken in use; what is written from "
        "`${storageKey:ACCOUNT}` follows, and after the overlap the other one is regenerated."
    )


class Azure(Section):
    """Where the environment lives in Azure, and the ARM templates that make it."""

    subscription: n.SubscriptionId = Field(description="The subscription's id.")
    resource_group: n.GroupName = Field(description="The resource group; it is made when it is not there.")
    location: n.Location = Field(description="The resource group's location.")
    tags: dict[str, str] = Field(description="Tags of the resource groups.", default_factory=dict)
    identity: n.Guid | None = Field(
        default=None,
        description="Client id of a user-assigned identity that acts here; absent = the app's own.",
    )
    deployments: tuple[Deployment, ...] = Field(
        description="ARM templates; they are ordered by their references.", default=()
    )
    storage_keys: dict[n.AccountName, StorageKeys] = Field(
        default_factory=dict,
        description="Storage accounts whose keys are rotated; of any other one, `${storageKey:…}` is key1.",
        examples=[{"bikesharetest": {"rotate": {"every": "90d", "overlap": "24h"}}}],
    )


class Environment(Section):
    """All that one stage (dev, test, prod) should be."""

    model_config = ConfigDict(title="Environment of the reconciler")

    api_version: Literal["reconciler/v1"] = Field(description="The version of this form.")
    name: n.EnvironmentName = Field(description="The environment's name: that of its file.")
    extends: n.RepositoryPath | None = Field(
        default=None,
        description="A file in the same folder that this one is laid upon: maps merge, lists are replaced, "
        "an empty value takes the inherited one away.",
        examples=["base.yaml"],
    )
    source: Source | None = Field(
        default=None, description="What it follows in Git; absent = the branch of RECONCILER_BRANCH."
    )
    after: tuple[n.EnvironmentName, ...] = Field(
        description="Environments that must be healthy with the same content first.",
        default=(),
        examples=[["dev"]],
    )
    interval: v.Duration = Field(description="How often it is reconciled.", default=v.parse_duration("5m"))
    policy: Policy = Field(description="How far the reconciler may go.", default=Policy())
    azure: Azure | None = Field(default=None, description="Azure resources.")
    data_factory: DataFactory | None = Field(default=None, description="What is in a data factory.")
    databricks: Databricks | None = Field(default=None, description="What is in a Databricks workspace.")
    key_vault: KeyVault | None = Field(default=None, description="Secrets in a key vault.")
    checks: tuple[Check, ...] = Field(
        description="Tests that run after each change and decide health.", default=()
    )
    alerts: tuple[Alert, ...] = Field(description="Who hears of what.", default=())

    _tree: yamlfile.Node | None = PrivateAttr(default=None)
    _files: tuple[str, ...] = PrivateAttr(default=())
    _paths: tuple[str, ...] = PrivateAttr(default=())

    def remember(self, tree: yamlfile.Node, files: tuple[str, ...], paths: tuple[str, ...]) -> Environment:
        """Keep what it was read from; for `load` alone."""
        self._tree, self._files, self._paths = tree, files, paths
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The environment file and those it extends, nearest first, as paths from the snapshot's root."""
        return self._files

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file and folder of the snapshot that the environment names."""
        return self._paths

    def where(self, path: str | tuple[str | int, ...] = ()) -> str:
        """`file:line:column` of a value, e.g. of `azure.deployments[0].template` or `azure.tags["a.b"]`.

        Of a value that no file says, the place of the nearest map around it."""
        if self._tree is None:
            return f"environments/{self.name}.yaml"
        return str(
            yamlfile.at(self._tree, yamlfile.parse_path(path) if isinstance(path, str) else path).place
        )

    def references(self) -> Iterator[tuple[tuple[str | int, ...], Reference]]:
        """Every `${…}` of the files, with the path of the value that it stands in."""
        for path, node in self._tree.walk() if self._tree else ():
            if isinstance(node.value, str):
                yield from ((path, reference) for reference in references(node.value))
