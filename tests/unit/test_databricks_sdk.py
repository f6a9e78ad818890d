"""Databricks' SDK without its services, in processes of their own: this one has imported them long ago."""

from __future__ import annotations

import subprocess
import sys

LEAN = """
import sys
from reconciler.providers.databricks_sdk import leave_out_services

leave_out_services()
from databricks.sdk.core import ApiClient, DatabricksError
from databricks.sdk import errors

assert issubclass(errors.NotFound, DatabricksError)
assert "databricks.sdk.service.jobs" not in sys.modules
"""
"""33 MB of a process that ticks, and half of its first second, would be services that nobody calls."""
WHOLE = """
import databricks.sdk
from databricks.sdk import WorkspaceClient

assert databricks.sdk.WorkspaceClient is WorkspaceClient
assert databricks.sdk.core.ApiClient is databricks.sdk.client.ApiClient is ApiClient
assert databricks.sdk.errors is errors
try:
    databricks.sdk.nothing_of_that_name
except AttributeError:
    pass
else:
    raise AssertionError
leave_out_services()
assert sys.modules["databricks.sdk"].WorkspaceClient is WorkspaceClient
"""


def ran(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    ).stderr


def test_the_core_comes_without_services() -> None:
    assert ran(LEAN) == ""


def test_who_asks_for_the_package_finds_it_whole() -> None:
    """A program beside us in the same process uses the SDK as ever."""
    assert ran(LEAN + WHOLE) == ""
