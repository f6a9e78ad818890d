"""The sample's second environment as a whole, and moments of its life: before it was made, edited by hand, and
with a commit that changes much of it. Beside it stands what others made, of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import workspaces
from support.project import SUBSCRIPTION, Azure, group, sample
from support.rig import Rig
from support.sandbox import Sandbox

NAME = "test"
GROUP, FACTORY, VAULT, ACCOUNT = "bikeshare-test", "bikeshare-test-adf", "bikeshare-test-kv", "bikesharetest"
HEALTH = "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
"""Something that the sandbox answers to anybody, for a check that takes no time."""
SECRETS = {"API_KEY": "the-api-key-x7Qp9", "OTHER_KEY": "another-key-Zw3Lk"}
POLICY = "policy:\n  resets: allow\n  limits: {changes: 100%, deletes: 20}\n"
CHECK = f'checks:\n  - {{name: endpoint, http: "{HEALTH}", expect: 200, timeout: 30m}}\n'
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
ADF = group(GROUP, f"Microsoft.DataFactory/factories/{FACTORY}")
STORAGE = group(GROUP, f"Microsoft.Storage/storageAccounts/{ACCOUNT}")
PIPELINE = "Apply ML model pipeline"

FIRST, DRIFTED, COMMITTED = "first", "drifted", "committed"
MOMENTS = (FIRST, DRIFTED, COMMITTED)


def whole(folder: Path, sandbox: Sandbox, patch: pytest.MonkeyPatch) -> Rig:
    """The environment, with all moments kept; it stands at the first."""
    project = sample(folder, sandbox, whole=True)
    rig = Rig.of(project, NAME, SECRETS, patch)
    file = project.repository.path / "environments/test.yaml"
    text = file.read_text("utf-8").replace("after: [dev]\n", POLICY)
    text = text.split("checks:")[0] + CHECK
    text = text.replace(
        f'secrets: {{storagekey: "${{storageKey:{ACCOUNT}}}"}}',
        f'secrets: {{storagekey: "${{storageKey:{ACCOUNT}}}", api: "${{env:API_KEY}}"}}',
    )
    text = text.replace(
        f"    storagekey: ${{storageKey:{ACCOUNT}}}\n",
        f"    storagekey: ${{storageKey:{ACCOUNT}}}\n    api-key: ${{env:API_KEY}}\n"
        "    made: {generate: {length: 40}}\n",
    )
    assert text.count("API_KEY") == 2, "the sample's file is another one now"
    project.repository.commit({"environments/test.yaml": text})
    rig.keep(FIRST, rig.made_by(_neighbour))
    rig.converges()
    sandbox.advance("PT2H")  # stamps of what follows are others
    theirs = {**rig.foreign[FIRST], **rig.made_by(lambda: _others(sandbox))}
    assert len(theirs) >= 10, sorted(theirs)
    rig.converges()
    rig.keep("converged", theirs)
    _edited(sandbox)
    rig.keep(DRIFTED, theirs)
    rig.back("converged")
    rig.keep(COMMITTED, theirs)
    project.repository.git("branch", "before")
    _committed(rig, text)
    project.repository.git("branch", "after")
    at(rig, FIRST)
    return rig


def at(rig: Rig, moment: str) -> None:
    """World, state and Git at a moment."""
    rig.project.repository.git("checkout", "--quiet", "after" if moment == COMMITTED else "before")
    rig.back(moment)


def _neighbour() -> None:
    azure = Azure()
    azure.call("PUT", group("neighbour"), "2024-11-01", {"location": "westeurope"})
    azure.call("PUT", group("neighbour", f"{IDENTITY}/theirs"), "2023-01-31", {"location": "westeurope"})


def _others(sandbox: Sandbox) -> None:
    """Things of people, in the group, the factory, the vault, the workspace and our own scope."""
    azure = Azure()
    azure.call("PUT", group(GROUP, f"{IDENTITY}/theirs"), "2023-01-31", {"location": "westeurope"})
    wait = {"name": "w", "type": "Wait", "typeProperties": {"waitTimeInSeconds": 1}}
    azure.call("PUT", f"{ADF}/pipelines/theirs", "2018-06-01", {"properties": {"activities": [wait]}})
    vault().set_secret("theirs", "a secret of theirs")
    client = workspaces.person(sandbox, GROUP, f"{FACTORY}-dbw")
    workspaces.write(client, "/Shared/bikeshare/theirs", "print('theirs')")
    client.workspace.mkdirs("/Shared/theirs")
    workspaces.write(client, "/Shared/theirs/one", "print('theirs')")
    client.jobs.create(name="theirs", tasks=[_task()])
    client.secrets.create_scope("theirs")
    client.secrets.put_secret("theirs", "one", string_value="a scoped secret of theirs")
    client.secrets.put_secret("bikeshare", "theirs", string_value="one in our scope, of theirs")


def _task() -> Any:
    from databricks.sdk.service.compute import ClusterSpec
    from databricks.sdk.service.jobs import NotebookTask, Task

    cluster = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=1)
    return Task("only", new_cluster=cluster, notebook_task=NotebookTask("/Shared/theirs/one"))


def vault() -> Any:
    """The vault's client of somebody whom it lets in."""
    from azure.identity import ManagedIdentityCredential
    from azure.keyvault.secrets import SecretClient

    return SecretClient(f"https://{VAULT}.vault.azure.net", ManagedIdentityCredential(), retry_total=0)


def _edited(sandbox: Sandbox) -> None:
    """What people do by hand: one edit or removal of nearly every kind."""
    azure = Azure()
    azure.call("PATCH", STORAGE, "2024-01-01", {"properties": {"minimumTlsVersion": "TLS1_0"}})
    azure.call("POST", f"{STORAGE}/regenerateKey", "2024-01-01", {"keyName": "key1"})
    pipeline = azure.get(f"{ADF}/pipelines/{PIPELINE}", "2018-06-01")
    pipeline["properties"]["description"] = "by hand"
    azure.call("PUT", f"{ADF}/pipelines/{PIPELINE}", "2018-06-01", {"properties": pipeline["properties"]})
    azure.call("POST", f"{ADF}/triggers/Every night/stop", "2018-06-01")
    client = workspaces.person(sandbox, GROUP, f"{FACTORY}-dbw")
    workspaces.write(client, "/Shared/bikeshare/prep", "print('by hand')")
    client.workspace.delete("/Shared/bikeshare/score")
    jobs = {job.settings.name: job.job_id for job in client.jobs.list()}
    client.jobs.delete(jobs["bikeshare-score"])
    client.secrets.delete_acl("bikeshare", "users")
    client.secrets.delete_secret("bikeshare", "api")
    vault().set_secret("api-key", "by hand, not ours")


def _committed(rig: Rig, text: str) -> None:
    """A commit with something of every kind: another field, one more, one less."""
    repository = rig.project.repository
    project = rig.project
    template = (repository.path / "arm/azuredeploy.json").read_text("utf-8")
    assert '"minimumTlsVersion": "TLS1_2"' in template
    definition = (repository.path / f"datafactory/pipeline/{PIPELINE}.json").read_text("utf-8")
    code = next((repository.path / "model/src/bikeshare").glob("features.py")).read_text("utf-8")
    prep = (repository.path / "notebooks/prep.py").read_text("utf-8")
    files: dict[str, str | bytes] = {
        "arm/azuredeploy.json": template.replace(
            '"minimumTlsVersion": "TLS1_2"', '"publicNetworkAccess": "Enabled", "minimumTlsVersion": "TLS1_2"'
        ),
        f"datafactory/pipeline/{PIPELINE}.json": definition.replace(
            '"properties": {', '"properties": {"concurrency": 2,', 1
        ),
        "datafactory/linkedService/More.json": (
            '{"name": "More", "properties": {"type": "AzureBlobFS",'
            f' "typeProperties": {{"url": "https://{ACCOUNT}.dfs.core.windows.net"}}}}}}'
        ),
        "model/src/bikeshare/features.py": f"{code}\nANSWER = 42\n",
        "notebooks/prep.py": f"{prep}\n# COMMAND ----------\n\nprint('more')\n",
        "notebooks/deep/more.py": workspaces.notebook("print('new')"),
        "environments/test.yaml": text.replace(
            "api-key: ${env:API_KEY}", "api-key: ${env:OTHER_KEY}"
        ).replace('api: "${env:API_KEY}"', 'other: "${env:OTHER_KEY}"'),
    }
    job = (repository.path / "jobs/score.yaml").read_text("utf-8")
    files["jobs/score.yaml"] = job.replace("timeout_seconds: 3600", "timeout_seconds: 1800")
    repository.git("rm", "--quiet", "notebooks/storage.py")
    repository.commit(files)
    assert project.repository.git("rev-parse", "HEAD") != project.repository.git("rev-parse", "before")
    assert SUBSCRIPTION in ADF
