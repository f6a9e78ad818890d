"""Sends recorded requests to the sandbox, each cassette to a world of its own, and notes how the answers
differ.

A cassette was cut by service, so what it takes for granted (groups, parents, a resource it first reads) is
made beforehand: parents from MINIMAL, a resource that is read before it is written from the recorded answer
itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from azure.identity import DefaultAzureCredential
from support.recordings import SUBSCRIPTION, Difference, Exchange, differences, learn
from support.sandbox import Sandbox

ARM = "https://management.azure.com"
VAULT = "https://vault.azure.net"
BLOBS = "https://storage.azure.com"
SLOW = 30  # seconds of the world's clock that an operation takes whose recorded polls were not done at once
_RUNNING = {"inprogress", "accepted", "running", "creating", "updating", "notstarted", "deleting"}
_TENANT = "00000000-0000-0000-0000-00000000000a"
_ME = "00000000-0000-0000-0000-0000000000f1"
_READ_ONLY = ("id", "name", "type", "etag", "eTag", "systemData")

_NETWORK = {"location": "westeurope", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}}
_ALL = {kind: ["all", "purge"] for kind in ("secrets", "keys", "certificates")}
_POLICIES = [{"tenantId": _TENANT, "objectId": _ME, "permissions": _ALL}]
_VAULT_PROPERTIES: dict[str, Any] = {
    "tenantId": _TENANT,
    "sku": {"family": "A", "name": "standard"},
    "softDeleteRetentionInDays": 7,
    "accessPolicies": _POLICIES,
}
# What a parent that a cassette takes for granted is made of.
MINIMAL: Mapping[str, tuple[str, dict[str, Any]]] = {
    "microsoft.storage/storageaccounts": (
        "2024-01-01",
        {"location": "westus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}},
    ),
    "microsoft.keyvault/vaults": ("2023-07-01", {"location": "eastus", "properties": _VAULT_PROPERTIES}),
    "microsoft.datafactory/factories": ("2018-06-01", {"location": "eastus", "properties": {}}),
    "microsoft.network/virtualnetworks": ("2024-07-01", _NETWORK),
    "microsoft.network/virtualnetworks/subnets": (
        "2024-07-01",
        {"properties": {"addressPrefix": "10.250.0.0/24"}},
    ),
    "microsoft.network/networksecuritygroups": ("2024-07-01", {"location": "westeurope"}),
    "microsoft.managedidentity/userassignedidentities": ("2023-01-31", {"location": "westus"}),
    "microsoft.databricks/workspaces": (
        "2024-05-01",
        {
            "location": "westus",
            "sku": {"name": "premium"},
            "properties": {"managedResourceGroupId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/managed"},
        },
    ),
}


@dataclass
class Result:
    """One exchange as it went; `status` is ours."""

    exchange: Exchange
    status: int
    found: list[Difference]


@dataclass
class Player:
    """Plays one cassette after another."""

    sandbox: Sandbox
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        credential = DefaultAzureCredential()
        self._tokens = {
            place: credential.get_token(f"{place}/.default").token for place in (ARM, VAULT, BLOBS)
        }
        self._http = requests.Session()

    def play(self, cassette: list[Exchange]) -> None:
        """Send all of it to an empty world."""
        self.sandbox.reset()
        self._made: set[str] = set()
        self._swaps: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        forbidden = any(one.status == 403 for one in cassette)
        for at, exchange in enumerate(cassette):
            rest = cassette[at + 1 :]
            self._prepare(exchange, rest, forbidden)
            self._play(exchange, rest)

    def _play(self, exchange: Exchange, rest: list[Exchange]) -> None:
        polls = _polls(exchange, rest)
        slow = bool(polls) and _running(polls[0])
        if slow:
            self.sandbox.fault("slow-operation", seconds=SLOW, times=1)
        if exchange.url in self._urls and not _running(exchange):
            self.sandbox.advance(f"PT{SLOW + 1}S")
        url = self._urls.get(exchange.url) or self._swapped(exchange.url)
        answer = self._send(exchange.method, url, exchange.body, token=exchange.status != 401)
        if slow:
            self.sandbox.control("DELETE", "faults")
        ours = _json(answer)
        found = list(differences(exchange.answer or None, ours or None))
        if answer.status_code != exchange.status:
            found.insert(0, Difference("status", "", str(exchange.status), str(answer.status_code)))
        for recorded, mine in learn(exchange.answer, ours):
            if recorded.startswith("https://"):  # the recorded client left out the port that the link names
                self._urls.setdefault(recorded.replace(":443/", "/"), mine)
            else:
                self._swaps.setdefault(recorded, mine)
        for header in ("azure-asyncoperation", "location"):
            mine = answer.headers.get(header) or answer.headers.get("Location") or url
            if isinstance(exchange.headers.get(header), str) and mine.startswith("https://"):
                self._urls[exchange.headers[header]] = mine
        self.results.append(Result(exchange, answer.status_code, found))

    def _send(self, method: str, url: str, body: Any, token: bool = True) -> requests.Response:
        headers = {}
        if token:
            place = VAULT if ".vault.azure.net" in url else BLOBS if ".blob." in url else ARM
            headers["Authorization"] = f"Bearer {self._tokens[place]}"
        if ".blob." in url:  # recorders kept no request headers; these are what every client sends
            headers |= {"x-ms-version": "2022-11-02", "x-ms-blob-type": "BlockBlob"}
            return self._http.request(method, url, data=body, headers=headers, timeout=30)
        return self._http.request(method, url, json=body, headers=headers, timeout=30)

    def _swapped(self, url: str) -> str:
        for recorded, mine in self._swaps.items():
            url = url.replace(recorded, mine)
        return url

    # What the cassette takes for granted ----------------------------------------------------------------------

    def _prepare(self, exchange: Exchange, rest: list[Exchange], forbidden: bool) -> None:
        parts = urlsplit(exchange.url)
        if parts.netloc.endswith(".vault.azure.net"):
            self._make_vault(parts.netloc.split(".")[0], forbidden)
            return
        if ".blob." in parts.netloc:
            self._make_account(parts.netloc.split(".")[0])
            return
        group = re.search(r"(/subscriptions/[^/]+/resourceGroups/[^/]+)", parts.path, re.IGNORECASE)
        error = exchange.answer.get("error") if isinstance(exchange.answer, Mapping) else None
        code = error.get("code") if isinstance(error, Mapping) else None
        if code == "MissingSubscriptionRegistration":
            namespace = parts.path.rsplit("/providers/", 1)[1].split("/")[0]
            self._arm("POST", f"/subscriptions/{SUBSCRIPTION}/providers/{namespace}/unregister", "2024-07-01")
        if "/deletedVaults/" in parts.path and exchange.method == "GET" and exchange.status == 200:
            self._bury(exchange.answer["properties"], rest)
        if group and code == "ResourceGroupNotFound":
            self._arm("DELETE", group[1], "2024-07-01")
            self._made.discard(group[1].lower())
        elif group:
            self._make_group(group[1])
            self._make_parents(parts.path, code)
        for referenced in re.findall(
            r'/subscriptions/[^"]+?/userAssignedIdentities/[^"/]+|/subscriptions/[^"]+?/virtualNetworks/[^"/]+',
            str(exchange.body).replace("'", '"'),
        ):
            if exchange.method in ("PUT", "PATCH"):
                self._make(referenced)
        exists = exchange.method in ("GET", "PATCH", "POST", "DELETE") and exchange.status in (200, 202, 204)
        path = parts.path.rpartition("/")[0] if exchange.method == "POST" else parts.path
        if exists and _is_resource(path):
            reads = [
                one for one in (exchange, *rest) if one.method == "GET" and urlsplit(one.url).path == path
            ]
            self._make(path, reads[0].answer if reads else None, _version(exchange.url))

    def _make_parents(self, path: str, code: str | None) -> None:
        head, _, tail = path.rpartition("/providers/")
        namespace, *rest = tail.split("/")
        if code in ("ResourceNotFound", "ParentResourceNotFound") or not head:
            return
        for depth in range(2, len(rest) - 1, 2):
            self._make(f"{head}/providers/{namespace}/{'/'.join(rest[:depth])}")

    def _make(self, path: str, recorded: Any = None, version: str | None = None) -> None:
        """Put a resource that is not there."""
        kind = _type(path)
        known, body = MINIMAL.get(kind.lower(), (version or "2024-01-01", None))
        if isinstance(recorded, Mapping) and recorded.get("id"):
            body = {key: value for key, value in recorded.items() if key not in _READ_ONLY}
        if body is None:
            return
        group = re.search(r"(/subscriptions/[^/]+/resourceGroups/[^/]+)", path, re.IGNORECASE)
        if group:
            self._make_group(group[1])
        self._arm("PUT", path, version or known, body, only_new=True)

    def _make_group(self, path: str) -> None:
        if path.lower() not in self._made:
            self._arm("PUT", path, "2024-07-01", {"location": "westeurope"}, only_new=True)
            self._made.add(path.lower())

    def _make_account(self, name: str) -> None:
        """An account on whose blobs we hold the data role."""
        if name in self._made:
            return
        self._made.add(name)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/accounts"
        self._make(f"{group}/providers/Microsoft.Storage/storageAccounts/{name}")
        role = "/providers/Microsoft.Authorization/roleDefinitions/b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
        assignment = {"roleDefinitionId": role, "principalId": _ME, "principalType": "ServicePrincipal"}
        place = (
            f"{group}/providers/Microsoft.Authorization/roleAssignments/{'0' * 8}-0000-0000-0000-{'0' * 12}"
        )
        self._arm("PUT", place, "2022-04-01", {"properties": assignment})

    def _make_vault(self, name: str, forbidden: bool) -> None:
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/vaults"
        if name in self._made:
            return
        self._made.add(name)
        self._make_group(group)
        properties = {**_VAULT_PROPERTIES, "enableRbacAuthorization": forbidden}
        path = f"{group}/providers/Microsoft.KeyVault/vaults/{name}"
        self._arm("PUT", path, "2023-07-01", {"location": "eastus", "properties": properties}, only_new=True)

    def _bury(self, deleted: Mapping[str, Any], rest: list[Exchange]) -> None:
        """Let a vault be deleted already: the one that is recovered later, or any."""
        if not self._gone(deleted):
            later = (one.answer for one in rest if one.method == "PUT" and deleted["vaultId"] in one.url)
            plain = {"location": deleted["location"], "properties": _VAULT_PROPERTIES}
            self._make(deleted["vaultId"], {"id": deleted["vaultId"], **next(later, plain)}, "2023-07-01")
            self._arm("DELETE", deleted["vaultId"], "2023-07-01")

    def _gone(self, deleted: Mapping[str, Any]) -> bool:
        name = deleted["vaultId"].rsplit("/", 1)[1]
        place = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/{deleted['location']}"
        url = f"{ARM}{place}/deletedVaults/{name}?api-version=2023-07-01"
        return self._send("GET", url, None).status_code == 200

    def _arm(self, method: str, path: str, version: str, body: Any = None, only_new: bool = False) -> None:
        url = f"{ARM}{path}?api-version={version}"
        if only_new and self._send("GET", url, None).status_code == 200:
            return
        answer = self._send(method, url, body)
        # A seed that the sandbox refuses shows in the exchange itself.
        del answer


def _polls(exchange: Exchange, rest: list[Exchange]) -> list[Exchange]:
    places = {exchange.headers.get(header) for header in ("azure-asyncoperation", "location")} - {None, False}
    return [one for one in rest if one.method == "GET" and one.url in places]


def _running(poll: Exchange) -> bool:
    if poll.status == 202:
        return True
    status = poll.answer.get("status") if isinstance(poll.answer, Mapping) else None
    return isinstance(status, str) and status.lower() in _RUNNING


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text or None


def _type(path: str) -> str:
    namespace, *rest = path.rpartition("/providers/")[2].strip("/").split("/")
    return "/".join([namespace, *rest[0::2]])


def _is_resource(path: str) -> bool:
    tail = path.rpartition("/providers/")[2].strip("/").split("/")
    return len(tail) % 2 == 1 and len(tail) > 2 and "locations" not in tail


def _version(url: str) -> str | None:
    return parse_qs(urlsplit(url).query).get("api-version", [None])[0]
