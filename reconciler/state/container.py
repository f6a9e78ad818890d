"""Opens the container that a setting names. A key of an account is taken for a local Azurite alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.storage.blob import ContainerClient, ExponentialRetry

from reconciler.errors import SettingsError
from reconciler.state.blob import BlobStore
from reconciler.state.vaultkey import VaultKey

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    # No secret: every Azurite has it. https://learn.microsoft.com/azure/storage/common/storage-use-azurite
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"
)
NAME = "reconciler"
"""The container in an Azurite; a connection string names none."""


def opened(location: str, credential: Callable[[], TokenCredential], key: str) -> BlobStore:
    """The store in a container. Raises SettingsError; makes no call."""
    if not key:
        message = (
            "a state in Blob storage needs a key for hashes that lies elsewhere. Name a Key Vault secret, "
            "https://VAULT.vault.azure.net/secrets/NAME; it is made where it is missing."
        )
        raise SettingsError(message, where="RECONCILER_KEY")
    signed_in = credential()
    hashing = VaultKey(key, signed_in)
    options: dict[str, Any] = {
        "retry_policy": ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=3),
        "connection_timeout": 10,
        "read_timeout": 60,
    }
    if location.startswith("https://"):
        return BlobStore(ContainerClient.from_container_url(location, signed_in, **options), hashing)
    text = AZURITE if location.rstrip(";").lower() == "usedevelopmentstorage=true" else location
    try:
        client = ContainerClient.from_connection_string(text, NAME, **options)
    except ValueError:
        raise SettingsError("this is no connection string of Azure Storage.", where="--state") from None
    if urlsplit(client.url).hostname not in ("127.0.0.1", "localhost"):
        message = (
            "a key in a setting is taken for a local Azurite alone. Name the container, "
            "https://ACCOUNT.blob.core.windows.net/CONTAINER, and let the app's identity in."
        )
        raise SettingsError(message, where="--state")
    return BlobStore(client, hashing)
