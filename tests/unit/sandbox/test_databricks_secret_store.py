"""What runs read of a workspace's secrets, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.service import CloudError
from sandbox.services.databricks import secret_store
from sandbox.world import World

HOST = "adb-1.1.azuredatabricks.net"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, ())
    secret_store.create_scope(made, HOST, {"name": "bikes", "backend_type": "DATABRICKS", "acls": {}})
    yield made
    made.close()


def test_a_value_comes_back_as_it_was_put(world: World) -> None:
    """Text as text, bytes as bytes; names do not regard case; what is not there is None."""
    secret_store.put(world, HOST, "bikes", "text", "grün")
    secret_store.put(world, HOST, "bikes", "bytes", b"\xff\x00")
    assert secret_store.value(world, HOST, "BIKES", "Text") == "grün"
    assert secret_store.value(world, HOST, "bikes", "bytes") == b"\xff\x00"
    assert secret_store.value(world, HOST, "bikes", "none") is None
    assert secret_store.value(world, HOST, "none", "text") is None
    assert secret_store.value(world, "adb-2.2.azuredatabricks.net", "bikes", "text") is None


def test_a_scope_holds_a_thousand_secrets(world: World) -> None:
    """One that is there is still written."""
    for number in range(1000):
        secret_store.put(world, HOST, "bikes", f"k{number}", "v")
    with pytest.raises(CloudError) as refused:
        secret_store.put(world, HOST, "bikes", "more", "v")
    assert refused.value.code == "RESOURCE_LIMIT_EXCEEDED"
    secret_store.put(world, HOST, "bikes", "k7", "new")
    assert secret_store.value(world, HOST, "bikes", "k7") == "new"


def test_scopes_whose_names_begin_alike_are_apart(world: World) -> None:
    """Deleting one leaves the other's secrets."""
    secret_store.create_scope(world, HOST, {"name": "bikes-2", "backend_type": "DATABRICKS", "acls": {}})
    for name in ("bikes", "bikes-2"):
        secret_store.put(world, HOST, name, "k", name)
    secret_store.delete_scope(world, HOST, "bikes")
    assert secret_store.value(world, HOST, "bikes", "k") is None
    assert secret_store.value(world, HOST, "bikes-2", "k") == "bikes-2"
