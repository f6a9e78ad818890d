"""The sections about what runs in Azure: Data Factory, Databricks, secrets, checks and alerts."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, StrictInt, model_validator

from reconciler.environment import names as n
from reconciler.environment import values as v
from reconciler.environment.rule import fault
from reconciler.environment.section import Section


class FactoryGit(Section):
    """The Git repository that the factory itself is linked to; definitions are then left to ADF Studio."""

    type: Literal["github", "azureDevOps"] = Field(description="Where the repository is.")
    account: str = Field(min_length=1, description="The GitHub owner or the Azure DevOps organisation.")
    project: str | None = Field(default=None, description="The Azure DevOps project.")
    repository: str = Field(min_length=1, description="The repository's name.")
    branch: n.GitRef = Field(default="main", description="The collaboration branch.")
    folder: str = Field(default="/", description="The folder of the factory's definitions.")
    host: n.HttpsUrl | None = Field(default=None, description="The address of a GitHub Enterprise server.")


class DataFactory(Section):
    """What is in a data factory: from a Git folder, an exported template, or left to Studio."""

    factory: n.FactoryName = Field(description="The factory's name.")
    definitions: n.RepositoryPath | None = Field(
        default=None,
        description="The factory's Git folder as ADF Studio writes it.",
        examples=["datafactory/"],
    )
    template: n.RepositoryPath | None = Field(
        default=None, description="What ADF Studio exports on publish, as JSON or in its ZIP."
    )
    git: FactoryGit | None = Field(default=None, description="Linked to Git and left to Studio.")
    triggers: Literal["file", "keep", "stopped"] = Field(
        default="file", description="Whether triggers run: as their file says, as it is now, or not at all."
    )
    overrides: dict[n.FactoryObject, dict[str, Any]] = Field(
        alias="set",
        default_factory=dict,
        description="What differs here: kind/name (`*` as wildcard) to property path to value.",
        examples=[
            {"linkedService/Vault": {"properties.typeProperties.baseUrl": "${azure.platform.keyVaultUri}"}},
        ],
    )


class Notebooks(Section):
    """A folder of notebooks and files, which stay in the workspace as Git says."""

    source: n.RepositoryPath = Field(
        alias="from", description="A folder of this repository.", examples=["notebooks/"]
    )
    to: n.WorkspacePath = Field(description="A folder of the workspace.")
    permissions: dict[str, Literal["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"]] = Field(
        default_factory=dict,
        description="User, group or service principal to its permission in `to`; absent = left alone.",
        examples=[{"users": "CAN_READ"}],
    )


class Library(Section):
    """A library: built from a folder, a file, or fetched: one of the three."""

    build: n.RepositoryPath | None = Field(
        default=None, description="A Python project that is built as a wheel."
    )
    file: n.RepositoryPath | None = Field(default=None, description="A wheel or JAR in this repository.")
    url: n.HttpsUrl | None = Field(default=None, description="Where it is fetched from; needs `sha256`.")
    sha256: n.Sha256 | None = Field(default=None, description="The SHA-256 of what `url` gives.")
    to: n.WorkspacePath | None = Field(default=None, description="The folder of the workspace it goes to.")


class SecretScope(Section):
    """A Databricks secret scope: kept in Databricks (`secrets`), or a view on a key vault (`keyVault`)."""

    permissions: dict[str, Literal["READ", "WRITE", "MANAGE"]] = Field(
        default_factory=dict, description="User, group or service principal to its permission."
    )
    secrets: dict[n.ScopeName, str] = Field(
        default_factory=dict,
        description="Name to where the value comes from.",
        examples=[{"key": "${env:API_KEY}"}],
    )
    key_vault: n.VaultName | None = Field(default=None, description="The vault that the scope shows.")


class Job(Section):
    """A job of the workspace."""

    file: n.RepositoryPath = Field(description="A job in the YAML form of Databricks bundles.")
    adopt: v.Flag = Field(
        default=False, description="true = a job of the same name that is there already is taken over."
    )


class Databricks(Section):
    """What is in a Databricks workspace."""

    workspace: v.Workspace = Field(
        description="Its address: an output of a deployment, or a known Databricks host."
    )
    resource_id: n.ResourceId | None = Field(
        default=None,
        description="Its Azure resource id: lets an Azure identity in that the workspace does not know yet.",
    )
    notebooks: tuple[Notebooks, ...] = Field(default=(), description="Folders of notebooks and files.")
    libraries: tuple[Library, ...] = Field(default=(), description="Libraries for jobs and checks.")
    secret_scopes: dict[n.ScopeName, SecretScope] = Field(
        default_factory=dict, description="Secret scopes by name."
    )
    jobs: tuple[Job, ...] = Field(default=(), description="Jobs.")


class Generate(Section):
    """A value made once and then kept."""

    length: StrictInt = Field(default=40, ge=8, le=1024, description="Characters.")


class DatabricksToken(Section):
    """A Databricks token that is minted, renewed before it ends, and then revoked."""

    lifetime: v.Duration = Field(description="How long a token is valid.")
    renew_before: v.Duration = Field(description="How long before its end it is renewed.")

    @model_validator(mode="after")
    def _renewed_in_time(self) -> DatabricksToken:
        if self.renew_before >= self.lifetime:
            raise fault("`renewBefore` must be shorter than `lifetime`.")
        return self


class VaultSecret(Section):
    """A secret of the vault: one of the three. A text in its place is its `value`."""

    value: str | None = Field(default=None, description="Where the value comes from.")
    generate: Generate | None = Field(default=None, description="Made once and then kept.")
    databricks_token: DatabricksToken | None = Field(
        default=None, description="A token that is minted and renewed."
    )
    content_type: str | None = Field(
        default=None, min_length=1, max_length=255, description="What the value is, for those who read it."
    )
    enabled: v.Flag = Field(default=True, description="false = it is there and cannot be read.")
    not_before: v.Day | None = Field(default=None, description="The first day it is meant for, in UTC.")
    expires: v.Day | None = Field(default=None, description="The day on which it expires, in UTC.")
    tags: dict[str, str] = Field(default_factory=dict, description="Tags of the secret.")

    @model_validator(mode="before")
    @classmethod
    def _text_is_value(cls, data: Any) -> Any:
        return {"value": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _token_expires_by_itself(self) -> VaultSecret:
        if self.databricks_token is not None and self.expires is not None:
            raise fault("`expires` is the end of the token's `lifetime`.", "Remove it.")
        return self


class KeyVault(Section):
    """Secrets in a key vault."""

    vault: n.VaultName = Field(description="The vault's name.")
    secrets: dict[n.VaultSecretName, VaultSecret] = Field(
        default_factory=dict, description="Secrets by name."
    )


class Compute(Section):
    """What a notebook check runs on: one of the three."""

    new_cluster: dict[str, Any] | None = Field(
        default=None,
        description="A cluster of its own, as the Jobs API takes it.",
        examples=[{"spark_version": "16.4.x-scala2.12", "node_type_id": "Standard_DS3_v2", "num_workers": 1}],
    )
    existing_cluster: str | None = Field(default=None, description="The id of a cluster that is there.")
    serverless: v.Flag | None = Field(default=None, description="true = serverless compute.")


class Check(Section):
    """A test of a kind: `databricksNotebook`, `dataFactoryPipeline` or `http`: one of the three."""

    name: str = Field(min_length=1, max_length=80, description="Its name, unique in this environment.")
    databricks_notebook: n.WorkspacePath | None = Field(
        default=None, description="A notebook that must end well."
    )
    data_factory_pipeline: str | None = Field(default=None, description="A pipeline that must end well.")
    http: n.HttpsUrl | None = Field(default=None, description="An address that must answer as `expect` says.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of the notebook or pipeline."
    )
    compute: Compute | None = Field(default=None, description="What the notebook runs on.")
    libraries: v.NamesOrAll = Field(
        default=(), description="Libraries for the notebook: `all` of this environment, or those named."
    )
    after: tuple[str, ...] = Field(
        default=(),
        description="Checks of this environment that must have passed before it starts.",
        examples=[["integration"]],
    )
    expect: StrictInt = Field(default=200, ge=100, le=599, description="The HTTP status that is right.")
    timeout: v.Duration = Field(
        default=v.parse_duration("10m"), description="After this it counts as failed."
    )


class Alert(Section):
    """Who hears of what."""

    to: n.Address = Field(
        description="Where it goes: an app setting or secret with an address of Slack, Teams or Apprise; "
        "`https://…`, which gets CloudEvents; or `mailto:…`, sent as the app setting RECONCILER_MAIL says."
    )
    on: tuple[Literal["drift", "failed", "blocked", "recovered"], ...] = Field(
        default=("drift", "failed", "blocked", "recovered"), min_length=1, description="What is told."
    )
