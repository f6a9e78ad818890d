"""Environment files as they are meant: the sample, overlays, defaults, every section."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from support.environments import BASE, DEV, dev, snapshot

from reconciler.environment import Limit, load, names
from reconciler.errors import InputError

REPOSITORY = Path(__file__).parents[2]

EVERYTHING = """
source: {tag: v1.2}
interval: 1h30m
policy:
  sync: manual
  heal: false
  adopt: marked
  limits: {deletes: 0, changes: 25%}
  ignore: [{key: "arm.resource/*/Microsoft.Storage*", path: tags.costcentre, why: set by policy}]
  observe: ["adf.trigger/*"]
  acknowledge: [{delete: "adf.pipeline/*/old_*", until: 2026-12-31}]
dataFactory:
  factory: sample-dev-adf
  definitions: datafactory/
  triggers: keep
  set:
    linkedService/AzureKeyVault: {properties.typeProperties.baseUrl: "${azure.platform.keyVaultUri}"}
databricks:
  workspace: ${azure.platform.databricksUrl}
  resourceId: ${azure.platform.databricksId}
  notebooks: [{from: notebooks/, to: /Shared/sample/}]
  libraries:
    - {build: model/, to: /Shared/sample/libs}
    - url: https://example.org/x.jar
      sha256: ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789
  secretScopes:
    sample:
      permissions: {users: MANAGE}
      secrets: {storagekey: "${storageKey:sampledev}"}
    vault-scope: {keyVault: sample-dev-kv}
  jobs: [{file: jobs/score.yaml}]
keyVault:
  vault: sample-dev-kv
  secrets:
    api-key: "${env:API_KEY}"
    connection: "AccountName=sampledev;AccountKey=${storageKey:sampledev}"
    generated: {generate: {length: 40}}
    databricks: {databricksToken: {lifetime: 30d, renewBefore: 7d}}
checks:
  - name: integration
    databricksNotebook: /Shared/sample/inttest
    parameters: {output: "abfss://data@sampledev.dfs.core.windows.net/"}
    compute: {newCluster: {spark_version: 16.4.x-scala2.12, node_type_id: Standard_DS3_v2, num_workers: 1}}
    libraries: all
    timeout: 20m
  - {name: scoring, dataFactoryPipeline: Apply ML model pipeline}
  - {name: endpoint, http: "https://${azure.platform.siteHost}/health", expect: 204}
alerts:
  - {to: "${env:TEAMS_URL}", on: [drift, failed]}
  - {to: "mailto:team@example.org"}
"""


@pytest.mark.parametrize("name", ["dev", "test", "prod"])
def test_the_sample_loads(name: str) -> None:
    environment = load(REPOSITORY, name)
    assert environment.name == name
    assert environment.azure is not None
    assert environment.azure.resource_group == f"bikeshare-{name}"
    assert environment.azure.deployments[0].parameters["reconcilerObjectId"] == "${identity.objectId}"
    assert environment.files == (f"environments/{name}.yaml", "environments/base.yaml")
    definitions = () if name == "dev" else ("datafactory",)
    jobs = ("jobs/score.yaml", "jobs/train.yaml")
    assert environment.paths == ("arm/azuredeploy.json", *definitions, *jobs, "model", "notebooks")


def test_the_sample_is_promoted_from_dev_to_test_to_prod_by_hand() -> None:
    assert names(REPOSITORY) == ("dev", "prod", "test")
    loaded = {name: load(REPOSITORY, name) for name in names(REPOSITORY)}
    assert {name: one.after for name, one in loaded.items()} == {
        "dev": (),
        "test": ("dev",),
        "prod": ("test",),
    }
    assert [loaded[name].policy.sync for name in ("dev", "test", "prod")] == ["auto", "auto", "manual"]
    assert [loaded[name].policy.resets for name in ("dev", "test", "prod")] == ["allow", "block", "block"]


def test_defaults_are_the_careful_ones(tmp_path: Path) -> None:
    environment = load(snapshot(tmp_path), "dev")
    policy = environment.policy
    assert (policy.sync, policy.heal, policy.prune, policy.adopt, policy.resets) == (
        "auto",
        True,
        True,
        "same",
        "block",
    )
    assert (policy.limits.deletes, policy.limits.changes) == (Limit(5), Limit(50, percent=True))
    assert policy.protect == ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults")
    assert (environment.interval, environment.source, environment.checks) == (timedelta(minutes=5), None, ())


def test_every_section_is_read_with_its_types(tmp_path: Path) -> None:
    environment = dev(tmp_path, EVERYTHING)
    assert environment.source is not None and environment.source.tag == "v1.2"
    assert environment.interval == timedelta(minutes=90)
    assert environment.policy.acknowledge[0].until == date(2026, 12, 31)
    assert environment.policy.limits.changes == Limit(25, percent=True)
    factory, databricks, vault = environment.data_factory, environment.databricks, environment.key_vault
    assert factory is not None and databricks is not None and vault is not None
    assert list(factory.overrides) == ["linkedService/AzureKeyVault"]
    assert databricks.notebooks[0].source == "notebooks/" and databricks.notebooks[0].to == "/Shared/sample"
    assert databricks.libraries[1].sha256 == "abcdef0123456789" * 4
    assert databricks.secret_scopes["vault-scope"].key_vault == "sample-dev-kv"
    assert vault.secrets["api-key"].value == "${env:API_KEY}"
    generated, token = vault.secrets["generated"].generate, vault.secrets["databricks"].databricks_token
    assert generated is not None and generated.length == 40
    assert token is not None and token.renew_before == timedelta(days=7)
    assert environment.checks[0].libraries == ("all",)
    assert environment.checks[2].expect == 204
    assert environment.alerts[1].on == ("drift", "failed", "blocked", "recovered")
    assert environment.paths == ("arm/main.json", "datafactory", "jobs/score.yaml", "model", "notebooks")


def test_all_references_are_listed_with_their_paths(tmp_path: Path) -> None:
    found = {reference.text: path for path, reference in dev(tmp_path, EVERYTHING).references()}
    assert found["${env:API_KEY}"] == ("keyVault", "secrets", "api-key")
    assert found["${azure.platform.siteHost}"] == ("checks", 2, "http")
    assert len(found) == 7, sorted(found)


def test_a_value_knows_which_file_said_it(tmp_path: Path) -> None:
    environment = load(snapshot(tmp_path), "dev")
    assert environment.where("azure.deployments[0].template") == "environments/dev.yaml:7:17"
    assert environment.where("azure.location") == "environments/base.yaml:4:13"
    assert environment.where(("azure", "subscription")) == "environments/base.yaml:3:17"
    assert environment.where("azure.identity") == "environments/dev.yaml:4:3", (
        "of what is not said: the map around"
    )


def test_maps_merge_lists_are_replaced_and_empty_values_take_away(tmp_path: Path) -> None:
    base = BASE + "  tags: {team: data, cost: low}\nafter: [one]\nalerts: [{to: 'mailto:a@b.c'}]\n"
    base += "policy: {observe: ['adf.*', 'arm.*'], sync: manual}\n"
    over = DEV.replace("azure:", "azure:\n  tags: {cost: high}")
    over += "policy: {observe: ['arm.group/*']}\nafter:\nalerts: ~\n"
    environment = load(snapshot(tmp_path, base=base, dev=over), "dev")
    assert environment.azure is not None and environment.azure.tags == {"team": "data", "cost": "high"}
    assert environment.policy.observe == ("arm.group/*",)
    assert environment.policy.sync == "manual"
    assert (environment.after, environment.alerts) == ((), ())


def test_extends_may_go_over_several_files(tmp_path: Path) -> None:
    middle = "extends: base.yaml\nazure: {location: North Europe}\n"
    root = snapshot(tmp_path, middle=middle, dev=DEV.replace("base.yaml", "middle.yaml"))
    environment = load(root, "dev")
    assert environment.azure is not None and environment.azure.location == "northeurope"
    assert environment.files == tuple(f"environments/{name}.yaml" for name in ("dev", "middle", "base"))
    assert names(root) == ("dev",), "a file that others extend, without a name, is no environment"


def test_an_environment_that_another_extends_stays_an_environment(tmp_path: Path) -> None:
    """Left out of the list it would look as if its file had gone."""
    root = snapshot(tmp_path, test="name: test\nextends: dev.yaml\n")
    assert names(root) == ("dev", "test")
    assert load(root, "test").name == "test"


def test_an_environment_that_cannot_be_read_is_still_listed(tmp_path: Path) -> None:
    root = snapshot(tmp_path, test="name: [", prod="extends: base.yaml\n", stage=": :\n\t")
    assert names(root) == ("dev", "prod", "stage", "test")


def test_without_any_section_an_environment_loads(tmp_path: Path) -> None:
    """A section taken out is reported as orphaned by others; the file itself is right."""
    root = snapshot(tmp_path, dev="apiVersion: reconciler/v1\nname: dev\nazure:\n")
    assert load(root, "dev").azure is None


@pytest.mark.parametrize(
    ("limit", "recorded", "allowed"),
    [
        (Limit(5), 3, 5),
        (Limit(50, percent=True), 11, 5),
        (Limit(50, percent=True), 10, None),
        (Limit(0), 0, 0),
    ],
)
def test_a_share_counts_only_above_ten_recorded_resources(
    limit: Limit, recorded: int, allowed: int | None
) -> None:
    assert limit.of(recorded) == allowed


def test_an_environment_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(snapshot(tmp_path), "dve")
    assert str(caught.value) == "environments/dve.yaml: There is no such environment. Did you mean `dev`?"
    with pytest.raises(InputError, match="no such environment"):
        load(tmp_path, "../environments/dev")


def test_no_folder_and_no_files_are_errors_never_an_empty_list(tmp_path: Path) -> None:
    """An empty list would read as: every environment has gone."""
    with pytest.raises(InputError, match="no such folder"):
        names(tmp_path)
    (tmp_path / "environments").mkdir()
    with pytest.raises(InputError, match="no environment file"):
        names(tmp_path)
