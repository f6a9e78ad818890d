"""Spark in a run: the data set, the file systems, models, and the rights to a storage account."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from azure.identity import DefaultAzureCredential
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.workspace import ImportFormat, Language
from support.arm import Arm
from support.databricks import RESOURCE_ID, Workspace
from support.sandbox import Sandbox

ACCOUNT = "sparklake"
LAKE = f"abfss://out@{ACCOUNT}.dfs.core.windows.net"
PATIENCE = 400  # seconds: Spark starts, on a machine that does other things
CELL = "\n\n# COMMAND ----------\n\n"
SETTING = f"fs.azure.account.key.{ACCOUNT}.dfs.core.windows.net"

# Each cell leaves what it saw in `seen`; one Spark for all of it, because it is slow to start.
CELLS = (
    "import json\nseen = {}",
    "frame = spark.read.csv('/databricks-datasets/bikeSharing/data-001/hour.csv', header=True, inferSchema=True)",
    "seen['rows'] = frame.count()\nseen['columns'] = frame.columns",
    "seen['sums'] = frame.where('cnt != casual + registered').count()",
    "frame.limit(10).write.mode('overwrite').parquet('dbfs:/made/ten')",
    "seen['ten'] = spark.read.parquet('/made/ten').count()\nseen['listed'] = dbutils.fs.ls('/made')[0].path",
    "import os\nseen['local'] = sorted(os.listdir('/dbfs/made'))",
    "# MAGIC %sql\n# MAGIC select '${word}' as word, ';' as mark; select 2 as two",
    "seen['sql'] = _sqldf.collect()[0]['two']",
    "from pyspark.sql.functions import udf\nshout = udf(lambda word: word + '!')",
    "seen['udf'] = spark.sql(\"select 'a' as a\").select(shout('a')).collect()[0][0]",
    "def attempt(name):\n"
    "    try:\n"
    f"        spark.range(3).write.mode('overwrite').json('{LAKE}/' + name)\n"
    "        return 'written'\n"
    "    except Exception as fault:\n"
    "        return str(fault)",
    "seen['no key'] = attempt('a')",
    f"spark.conf.set('{SETTING}', 'd3Jvbmc=')\nseen['wrong key'] = attempt('b')",
    f"spark.conf.set('{SETTING}', dbutils.secrets.get('lake', 'key'))\nseen['right key'] = attempt('c')",
    f"seen['read'] = spark.read.json('{LAKE}/c').count()",
    f"seen['head'] = [one.name for one in dbutils.fs.ls('{LAKE}/c') if one.name == '_SUCCESS']",
    "frame.createOrReplaceTempView('rows')\nspark.conf.set('spark.sql.shuffle.partitions', '3')",
    "seen['java'] = spark._jvm.java.lang.ProcessHandle.current().pid()",
    "dbutils.notebook.exit(json.dumps(seen))",
)
# A run of another workspace, on the Java machine that the first one had: it finds nothing of it.
OTHERS = (
    "import json, os\nseen = {'java': spark._jvm.java.lang.ProcessHandle.current().pid()}",
    "seen['views'] = [one.name for one in spark.catalog.listTables()]",
    "seen['partitions'] = spark.conf.get('spark.sql.shuffle.partitions')",
    "def attempt(work):\n    try:\n        return str(work())\n    except Exception as fault:\n        return str(fault)",
    "seen['ten'] = attempt(lambda: spark.read.parquet('/made/ten').count())",
    f"seen['key'] = attempt(lambda: spark.read.json('{LAKE}/c').count())",
    "spark.range(2).write.parquet('/made/two')\nseen['made'] = os.listdir('/dbfs/made')",
    "dbutils.notebook.exit(json.dumps(seen))",
)


@pytest.fixture
def workspace(sandbox: Sandbox) -> Workspace:
    return Workspace.make(sandbox)


def account(sandbox: Sandbox) -> str:
    """A storage account with a container `out`; answers its first key."""
    arm = Arm(sandbox, "2023-05-01")
    name = f"Microsoft.Storage/storageAccounts/{ACCOUNT}"
    body = {
        "location": "westeurope",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"isHnsEnabled": True},
    }
    arm.put(name, body)
    arm.put(f"{name}/blobServices/default/containers/out", {})
    key: str = arm.call("POST", f"{name}/listKeys").json()["keys"][0]["value"]
    return key


def ran(client: WorkspaceClient, source: str, parameters: dict[str, str]) -> jobs.RunOutput:
    content = base64.b64encode(("# Databricks notebook source\n" + source).encode()).decode()
    client.workspace.import_(
        "/Shared/spark", content=content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )
    cluster = ClusterSpec(spark_version="15.4.x-scala2.12", node_type_id="Standard_DS3_v2", num_workers=1)
    notebook = jobs.NotebookTask(notebook_path="/Shared/spark", base_parameters=parameters)
    one = jobs.SubmitTask(task_key="t", notebook_task=notebook, new_cluster=cluster)
    run_id = client.jobs.submit(run_name="r", tasks=[one]).response.run_id
    deadline = time.monotonic() + PATIENCE
    while not (run := client.jobs.get_run(run_id)).end_time:
        assert time.monotonic() < deadline, run.state
        time.sleep(0.5)  # the processor is Spark's
    return client.jobs.get_run_output((run.tasks or ())[0].run_id)


def test_a_notebook_finds_spark_as_on_a_cluster(sandbox: Sandbox, workspace: Workspace) -> None:
    """Data set, DBFS, SQL, functions in Python's workers, and a storage account only with its key."""
    key = account(sandbox)
    client = workspace.admin
    client.secrets.create_scope("lake")
    client.secrets.put_secret("lake", "key", string_value=key)
    told = ran(client, CELL.join(CELLS), {"word": "hi"})
    assert told.error is None, told.error_trace
    assert told.notebook_output and told.notebook_output.result
    seen: dict[str, Any] = json.loads(told.notebook_output.result)
    assert (seen["rows"], seen["sums"]) == (17379, 0)
    assert seen["columns"][0] == "instant" and seen["columns"][-1] == "cnt"
    assert (seen["ten"], seen["listed"], seen["local"]) == (10, "dbfs:/made/ten/", ["ten"])
    assert (seen["sql"], seen["udf"]) == (2, "a!")
    assert "Failure to initialize configuration for storage account" in seen["no key"]
    assert "403" in seen["wrong key"] and "AuthenticationFailed" in seen["wrong key"]
    assert (seen["right key"], seen["read"], seen["head"]) == ("written", 3, ["_SUCCESS"])
    there = Workspace.make(sandbox, name="other-adb")
    other = there.client(DefaultAzureCredential(), RESOURCE_ID.replace("bikes-adb", "other-adb"))
    told = ran(other, CELL.join(OTHERS), {})
    assert told.error is None, told.error_trace
    assert told.notebook_output and told.notebook_output.result
    after: dict[str, Any] = json.loads(told.notebook_output.result)
    assert after["java"] == seen["java"], "a second run need not start Java"
    assert (after["views"], after["partitions"], after["made"]) == ([], "4", ["two"])
    assert "PATH_NOT_FOUND" in after["ten"]
    assert "Failure to initialize configuration for storage account" in after["key"]
    # What Spark wrote is there for the account's own clients.
    from azure.storage.blob import ContainerClient

    container = ContainerClient(f"https://{ACCOUNT}.blob.core.windows.net", "out", credential=key)
    names = [one.name for one in container.list_blobs(name_starts_with="c/")]
    parts = [name for name in names if name.endswith(".json")]
    lines = b"".join(container.download_blob(name).readall() for name in parts).split()
    assert sorted(json.loads(line)["id"] for line in lines) == [0, 1, 2]
    assert "b/_SUCCESS" not in [one.name for one in container.list_blobs()]
