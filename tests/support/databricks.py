"""A workspace of the sandbox and clients that sign in to it in Azure's ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config, CredentialsStrategy
from support.arm import ARM, GROUP, SUBSCRIPTION, TENANT, Arm
from support.sandbox import Sandbox

NAME = "Microsoft.Databricks/workspaces/bikes-adb"
RESOURCE_ID = f"{GROUP}/providers/{NAME}"
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"


class Entra(CredentialsStrategy):
    """Puts an Entra token into the header and, with a resource id, what lets in whom nobody knows."""

    def __init__(self, credential: Any, resource_id: str | None) -> None:
        self._credential, self._resource_id = credential, resource_id

    def auth_type(self) -> str:
        return "entra"

    def __call__(self, cfg: Config) -> Callable[[], dict[str, str]]:
        return lambda: headers(self._credential, self._resource_id)


def headers(credential: Any, resource_id: str | None = None) -> dict[str, str]:
    """What signs a request in."""
    own = {"Authorization": f"Bearer {credential.get_token(f'{DATABRICKS}/.default').token}"}
    if resource_id is None:
        return own
    management = credential.get_token(f"{ARM}/.default").token
    return {
        **own,
        "X-Databricks-Azure-Workspace-Resource-Id": resource_id,
        "X-Databricks-Azure-SP-Management-Token": management,
    }


@dataclass
class Workspace:
    """A workspace made through ARM; `admin` got in as its Contributor."""

    sandbox: Sandbox
    arm: Arm
    host: str

    @classmethod
    def make(cls, sandbox: Sandbox, sku: str = "premium", name: str = "bikes-adb") -> Workspace:
        arm = Arm(sandbox, "2024-05-01")
        managed = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}-managed"
        body = {
            "location": "westeurope",
            "sku": {"name": sku},
            "properties": {"managedResourceGroupId": managed},
        }
        made = arm.put(f"Microsoft.Databricks/workspaces/{name}", body)
        return cls(sandbox, arm, made["properties"]["workspaceUrl"])

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update(headers(DefaultAzureCredential(), RESOURCE_ID))
        return session

    @property
    def admin(self) -> WorkspaceClient:
        return self.client(DefaultAzureCredential(), RESOURCE_ID)

    def client(self, credential: Any, resource_id: str | None = None) -> WorkspaceClient:
        """The SDK, signed in with an azure-identity credential."""
        return WorkspaceClient(
            host=f"https://{self.host}", credentials_strategy=Entra(credential, resource_id)
        )

    def with_token(self, token: str) -> WorkspaceClient:
        """The SDK, signed in with a personal access token."""
        return WorkspaceClient(host=f"https://{self.host}", token=token, auth_type="pat")

    def stranger(self, name: str) -> ClientSecretCredential:
        """An application without any role in Azure."""
        made = self.sandbox.control("POST", "identities", {"name": name, "secret": "for the test"})
        return ClientSecretCredential(TENANT, made["clientId"], "for the test")

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request as the admin, without the SDK: for shapes and codes of errors."""
        return self._session.request(method, f"https://{self.host}/api/2.0/{path}", timeout=30, **options)

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Status and code of a request that must fail."""
        answer = self.raw(method, path, **options)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error_code"]
