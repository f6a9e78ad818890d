"""The key for hashes in a key vault: made once, whoever asks, and never beside the hashes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import DefaultAzureCredential
from support import vaults
from support.arm import Arm
from support.azurite import Azurite
from support.sandbox import Sandbox
from support.stores import container
from support.vaults import EVERYTHING, URL, VAULT, policy, vault

from reconciler.errors import StateError
from reconciler.state import open_store
from reconciler.state.blob import BlobStore
from reconciler.state.vaultkey import VaultKey

ADDRESS = f"{URL}/secrets/hashing"


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    made = Arm(sandbox, "2023-07-01")
    made.put(VAULT, vault(policy(*EVERYTHING)))
    return made


@pytest.fixture
def opened(arm: Arm, azurite: Azurite) -> Callable[[], BlobStore]:
    """Opens the same container anew, as another process does."""
    place = container(azurite)
    return lambda: BlobStore(place.client(), VaultKey(ADDRESS, DefaultAzureCredential()))


def test_it_is_made_once_whoever_asks_first(opened: Callable[[], BlobStore], sandbox: Sandbox) -> None:
    """Two keys would make every secret look changed."""

    def ask(_: int) -> bytes | None:
        try:
            return opened().key()
        except StateError as error:
            assert "the key for hashes is held by a run that" in str(error)
            return None

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ask, range(4))) - {None}
    assert found == {opened().key()}
    writes = [entry for entry in sandbox.writes() if "/secrets/" in entry["path"]]
    assert len(writes) == 1
    assert base64.b64decode(vaults.secrets().get_secret("hashing").value or "") in found


def test_it_is_asked_for_once_in_a_process(opened: Callable[[], BlobStore], sandbox: Sandbox) -> None:
    store = opened()
    store.key()
    before = len(sandbox.journal())
    assert len(store.key()) == 32
    assert len(sandbox.journal()) == before


def test_a_key_that_is_there_needs_no_right_to_make_one(arm: Arm, opened: Callable[[], BlobStore]) -> None:
    first = opened().key()
    arm.put(VAULT, vault(policy("get")))
    assert opened().key() == first


def test_refusals_are_told_with_the_way_out(arm: Arm, opened: Callable[[], BlobStore]) -> None:
    arm.put(VAULT, vault())
    with pytest.raises(StateError, match="Key Vault Secrets Officer") as caught:
        opened().key()
    assert caught.value.where == ADDRESS
    arm.put(VAULT, vault(policy(*EVERYTHING)))
    client = vaults.secrets()
    client.set_secret("hashing", "hunter2")
    with pytest.raises(StateError, match=r"the key is damaged\. Restore") as caught:
        opened().key()
    assert "hunter2" not in str(caught.value)
    client.begin_delete_secret("hashing").wait()
    with pytest.raises(StateError, match="Recover the secret, or purge it"):
        opened().key()


def test_hashes_without_their_key_are_refused_until_somebody_decides(arm: Arm, azurite: Azurite) -> None:
    """With another key each secret would look edited, and be written anew."""
    place = container(azurite)

    def opened(name: str) -> BlobStore:
        return BlobStore(place.client(), VaultKey(f"{URL}/secrets/{name}", DefaultAzureCredential()))

    first = opened("hashing").key()
    with pytest.raises(StateError, match=r"is missing\. Name the right one.*remove this blob") as caught:
        opened("mistyped").key()
    assert caught.value.where.endswith(f"/{place.name}/key-name")
    with pytest.raises(ResourceNotFoundError):
        vaults.secrets().get_secret("mistyped")
    vaults.secrets().set_secret("other", base64.b64encode(bytes(32)).decode())
    with pytest.raises(StateError, match="is not the one that the hashes were made with"):
        opened("other").key()
    assert opened("hashing").key() == first
    place.client().delete_blob("key-name")
    assert opened("other").key() == bytes(32)
    for name in place.client().list_blob_names():
        assert first not in place.client().download_blob(name).readall()


def test_a_setting_leads_to_it(arm: Arm, azurite: Azurite) -> None:
    first = open_store(azurite.connection, DefaultAzureCredential, ADDRESS).key()
    assert base64.b64decode(vaults.secrets().get_secret("hashing").value or "") == first
