"""Raw and SDK access to ARM on the sandbox, for tests of the resource providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import requests
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from support.sandbox import Sandbox

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-00000000000a"
ME = "00000000-0000-0000-0000-0000000000f1"
ARM = "https://management.azure.com"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/bikes"

Call = Callable[..., tuple[int, str]]


@dataclass
class Arm:
    """Calls as the reconciler's identity; `version` is the api-version of every call."""

    sandbox: Sandbox
    version: str

    def __post_init__(self) -> None:
        self._session = requests.Session()
        token = DefaultAzureCredential().get_token(f"{ARM}/.default").token
        self._session.headers["Authorization"] = f"Bearer {token}"
        self.sdk = ResourceManagementClient(DefaultAzureCredential(), SUBSCRIPTION)
        self.sdk.resource_groups.create_or_update("bikes", {"location": "westeurope"})

    def call(self, method: str, path: str, body: Any = None, version: str | None = None) -> requests.Response:
        """One request; `path` begins with `/`, or with a name in the group's providers (`Microsoft.…`)."""
        whole = path if path.startswith("/") else f"{GROUP}/providers/{path}"
        url = f"{ARM}{whole}{'&' if '?' in whole else '?'}api-version={version or self.version}"
        return self._session.request(method, url, json=body, timeout=30)

    def put(self, path: str, body: Mapping[str, Any], version: str | None = None) -> dict[str, Any]:
        """Create or replace through the SDK's generic call, to its end; the resource as a GET answers it."""
        poller = self.sdk.resources.begin_create_or_update_by_id(
            f"{GROUP}/providers/{path}", dict(body), api_version=version or self.version, polling_interval=0
        )
        poller.result()
        return self.get(path, version)

    def get(self, path: str, version: str | None = None) -> dict[str, Any]:
        """The body of a GET that must succeed."""
        answer = self.call("GET", path, version=version)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refused(
        self, method: str, path: str, body: Any = None, version: str | None = None
    ) -> tuple[int, str]:
        """The status and code of a call that must fail."""
        answer = self.call(method, path, body, version)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]["code"]

    def other(self) -> tuple[str, Call]:
        """Another identity without rights: its object id, and its calls as (status, error code or "")."""
        made = self.sandbox.control("POST", "identities", {"name": "other", "secret": "pass"})
        credential = ClientSecretCredential(TENANT, made["clientId"], "pass")
        token = credential.get_token(f"{ARM}/.default").token

        def call(method: str, path: str, body: Any = None) -> tuple[int, str]:
            whole = path if path.startswith("/") else f"{GROUP}/providers/{path}"
            url = f"{ARM}{whole}?api-version={self.version}"
            headers = {"Authorization": f"Bearer {token}"}
            answer = requests.request(method, url, json=body, headers=headers, timeout=30)
            refused = answer.status_code >= 400
            return answer.status_code, answer.json()["error"]["code"] if refused else ""

        return str(made["objectId"]), call

    def assign(self, principal: str, role: str, scope: str) -> None:
        """Give a role, by the id of its definition."""
        definition = f"/providers/Microsoft.Authorization/roleDefinitions/{role}"
        body = {"roleDefinitionId": definition, "principalId": principal}
        place = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid5(NAMESPACE_OID, principal + role)}"
        assert self.call("PUT", place, {"properties": body}, "2022-04-01").status_code == 201
