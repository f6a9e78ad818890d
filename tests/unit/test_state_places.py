"""What `--state` and RECONCILER_STATE may name. Nothing here makes a call."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from support.azurite import KEY

from reconciler.errors import SettingsError
from reconciler.state import FileStore, open_store
from reconciler.state.blob import BlobStore

VAULT = "https://bikes-kv.vault.azure.net/secrets/hashing"
CONTAINER = "https://bikes.blob.core.windows.net/states"
CLOUD = f"DefaultEndpointsProtocol=https;AccountName=bikes;AccountKey={KEY};EndpointSuffix=core.windows.net"


class Nobody:
    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise AssertionError("nothing is called")


def test_a_folder(tmp_path: Path) -> None:
    assert isinstance(open_store(str(tmp_path)), FileStore)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (CONTAINER, CONTAINER),
        (f"{CONTAINER}/", f"{CONTAINER}/"),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1/reconciler"),
        (
            f"AccountName=a;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:7777/a",
            "http://127.0.0.1:7777/a/reconciler",
        ),
    ],
)
def test_a_container(place: str, url: str) -> None:
    store = open_store(place, Nobody, VAULT)
    assert isinstance(store, BlobStore)
    assert store.place.rstrip("/") == url.rstrip("/")


def test_an_account_s_key_is_for_azurite_alone_and_is_not_repeated() -> None:
    """Who holds it reads and writes the whole account; the app's identity needs one container."""
    with pytest.raises(SettingsError, match="for a local Azurite alone") as caught:
        open_store(CLOUD, Nobody, VAULT)
    assert KEY not in str(caught.value)
    with pytest.raises(SettingsError, match="no connection string"):
        open_store("AccountName=bikes;AccountKey", Nobody, VAULT)


@pytest.mark.parametrize("place", [CONTAINER, "UseDevelopmentStorage=true"])
def test_a_container_needs_a_key_for_hashes_that_lies_elsewhere(place: str) -> None:
    with pytest.raises(SettingsError, match="Name a Key Vault secret") as caught:
        open_store(place, Nobody)
    assert caught.value.where == "RECONCILER_KEY"


@pytest.mark.parametrize(
    "key", ["hunter2hunter2", "https://bikes-kv.vault.azure.net/keys/x", "https://evil.example/secrets/x"]
)
def test_a_key_is_the_address_of_a_secret_and_never_the_secret(key: str) -> None:
    with pytest.raises(SettingsError, match="name the Key Vault secret") as caught:
        open_store(CONTAINER, Nobody, key)
    assert key not in str(caught.value), "it may be the key itself, put into the wrong setting"


@pytest.mark.parametrize(
    "place",
    [
        "",
        "s3://bucket",
        "https://example.org/x",
        "https://bikes.blob.core.windows.net",
        "https://bikes.blob.core.windows.net/a/b",
        f"{CONTAINER}?sv=2020&sig=hunter2",
    ],
)
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(SettingsError, match=r"no place for a state|a container is named") as caught:
        open_store(place, Nobody, VAULT)
    assert "hunter2" not in str(caught.value)
