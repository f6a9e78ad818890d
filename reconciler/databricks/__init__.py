"""What an environment wants of a Databricks workspace: notebooks, files, libraries and jobs.

Read from the repository's snapshot alone, and checked before anything is called. No SDK is known here."""

from reconciler.databricks.content import canonical, digest
from reconciler.databricks.grants import PERMISSIONS, PRINCIPALS, by_name, granted
from reconciler.databricks.jobs import MARK, Job, jobs
from reconciler.databricks.libraries import Library, default_folder, libraries
from reconciler.databricks.notebooks import WorkspaceObject, clashes, names_of, objects
from reconciler.databricks.wheel import Wheel, pack
from reconciler.databricks.workspacepath import mounted, plain

__all__ = [
    "MARK",
    "PERMISSIONS",
    "PRINCIPALS",
    "Job",
    "Library",
    "Wheel",
    "WorkspaceObject",
    "by_name",
    "canonical",
    "clashes",
    "default_folder",
    "digest",
    "granted",
    "jobs",
    "libraries",
    "mounted",
    "names_of",
    "objects",
    "pack",
    "plain",
]
