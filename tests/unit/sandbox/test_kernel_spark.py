"""Serverless compute takes no account keys in Spark's settings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.errors import AnalysisException

from sandbox.kernel.spark import _forbid_keys


class Settings:
    """What stands where Spark's runtime settings are."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        self.kept[key] = value


def test_serverless_compute_refuses_settings_of_file_systems() -> None:
    """In the service's words; others are taken."""
    session = SimpleNamespace(conf=Settings())
    _forbid_keys(session)
    session.conf.set("spark.sql.shuffle.partitions", 2)
    with pytest.raises(AnalysisException, match="CONFIG_NOT_AVAILABLE") as refused:
        session.conf.set("fs.azure.account.key.a.dfs.core.windows.net", "secret value")
    assert "secret value" not in str(refused.value)
    assert session.conf.kept == {"spark.sql.shuffle.partitions": 2}
