"""Job files, and what an environment puts into its workspace beside them."""

from __future__ import annotations

from pathlib import Path

from reconciler.databricks import Job, Library, WorkspaceObject, jobs
from reconciler.errors import Fault

BUILT = "bikeshare-0.1.0+0123456789ab-py3-none-any.whl"


def notebook(path: str, file: str) -> WorkspaceObject:
    return WorkspaceObject(path, "notebook", "PYTHON", "SOURCE", file, b"", "sha256:", f"{file}:1:1")


def plain_file(path: str, file: str) -> WorkspaceObject:
    return WorkspaceObject(path, "file", "", "AUTO", file, b"", "sha256:", file)


def library(name: str, source: str = "model", folder: str = "/Shared/bikeshare/libs") -> Library:
    distribution = name.split("-")[0] if name.endswith(".whl") else ""
    return Library(f"{folder}/{name}", name, distribution, b"", "", "", "sha256:", source, "e.yaml:1:1")


OBJECTS = [
    notebook("/Shared/bikeshare/prep", "notebooks/prep.py"),
    notebook("/Shared/bikeshare/score", "notebooks/score.py"),
    plain_file("/Shared/bikeshare/main.py", "notebooks/main.py"),
    plain_file("/Shared/bikeshare/requirements.txt", "notebooks/requirements.txt"),
]
LIBRARIES = [library(BUILT), library("spark.jar", "dist/spark.jar")]

JOB = """\
resources:
  jobs:
    score:
      name: Score bikes
      tasks:
        - task_key: prep
          job_cluster_key: main
          notebook_task:
            notebook_path: /Shared/bikeshare/prep
        - task_key: score
          depends_on:
            - task_key: prep
          job_cluster_key: main
          notebook_task:
            notebook_path: ../notebooks/score.py
            base_parameters:
              day: "1"
          libraries:
            - whl: /Workspace/Shared/bikeshare/libs/bikeshare-*.whl
      job_clusters:
        - job_cluster_key: main
          new_cluster:
            spark_version: 16.4.x-scala2.12
            num_workers: 1
      schedule:
        quartz_cron_expression: 0 0 6 * * ?
        timezone_id: UTC
      permissions:
        - level: CAN_VIEW
          group_name: users
"""


def read(root: Path, *texts: str, libraries: list[Library] | None = None) -> tuple[list[Job], list[Fault]]:
    files = [f"jobs/{number}.yaml" for number in range(len(texts))]
    (root / "jobs").mkdir(exist_ok=True)
    for file, text in zip(files, texts, strict=True):
        (root / file).write_text(text)
    found = LIBRARIES if libraries is None else libraries
    return jobs(
        root,
        files,
        found,
        OBJECTS,
        folders=["/Workspace/Shared/bikeshare/"],
        places=["e.yaml:1:1"] * len(files),
    )


def told(root: Path, text: str) -> list[str]:
    return [str(fault) for fault in sorted(read(root, text)[1])]


def one(root: Path, text: str) -> str:
    faults = told(root, text)
    assert len(faults) == 1, faults
    return faults[0]


def place(text: str, mark: str) -> str:
    """`jobs/0.yaml:line:column` of the first place where the mark stands."""
    at = text.index(mark)
    return f"jobs/0.yaml:{text.count(chr(10), 0, at) + 1}:{at - text.rfind(chr(10), 0, at)}"


def job(
    tasks: str = "- {task_key: a, notebook_task: {notebook_path: /Shared/bikeshare/prep}}", more: str = ""
) -> str:
    indent = "\n        "
    return (
        f"resources:\n  jobs:\n    j:\n      tasks:{indent}{tasks.strip().replace(chr(10), indent)}\n{more}"
    )
