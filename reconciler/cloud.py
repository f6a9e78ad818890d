"""The clouds of one environment: its signed-in client, its providers, and what they count."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.environment.permission import Settings
from reconciler.errors import CloudError, SignInError
from reconciler.providers.adf import AdfProvider
from reconciler.providers.arm import ArmProvider
from reconciler.providers.azure import Arm
from reconciler.providers.jobs import JobProvider
from reconciler.providers.keyvault import VaultProvider
from reconciler.providers.provider import Provider
from reconciler.providers.scopes import ScopeProvider
from reconciler.providers.storagekeys import StorageKeyProvider
from reconciler.providers.tokens import Tokens
from reconciler.providers.vaults import Vaults
from reconciler.providers.workspace import Workspaces
from reconciler.providers.workspace_objects import ObjectProvider, fetched
from reconciler.secret_values import SecretValues

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True)
class Identity:
    object_id: str
    tenant_id: str


@dataclass(frozen=True)
class Material:
    """What is written and recorded nowhere, filled once desired is known.

    secure: values of secure template parameters by a deployment's name. contents: what is imported, by
    SHA-256. disable: secrets that leave Git are disabled, not deleted."""

    secure: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    contents: dict[str, bytes] = field(default_factory=dict, repr=False)
    disable: bool = False

    def content(self, at: Mapping[str, Any]) -> bytes:
        """The bytes for a resource's `at`. Raises CloudError where they have to be fetched and cannot be."""
        known = self.contents.get(str(at["sha256"]))
        if known is None and not at.get("url"):
            raise CloudError("Its content is not in the snapshot any more.", code="content")
        return fetched(at) if known is None else known


@dataclass(frozen=True)
class Cloud:
    """What an engine needs of the clouds for one environment.

    azure: providers of what Azure Resource Manager knows. data: of what lives in services that it makes."""

    arm: Arm
    provider: ArmProvider
    adf: AdfProvider
    workspaces: Workspaces
    values: SecretValues
    data: tuple[Provider, ...]

    @classmethod
    def of(
        cls,
        credential: TokenCredential,
        subscription: str,
        environment: str,
        material: Material,
        setting: Settings,
        key: bytes,
    ) -> Cloud:
        """setting: reads what `${env:…}` names, see `settings_reader`. key: of secrets' fingerprints."""
        arm = Arm(credential, subscription)
        workspaces, vaults = Workspaces(credential, arm.calls), Vaults(credential, arm.calls)
        values = SecretValues(setting, arm, vaults, key, subscription=subscription)
        tokens = Tokens(workspaces, arm, environment)
        data = (
            StorageKeyProvider(arm),
            VaultProvider(vaults, arm, values, tokens, environment, disable=material.disable),
            ObjectProvider(workspaces, material.content, arm.now),
            JobProvider(workspaces, environment, arm.now),
            ScopeProvider(workspaces, values),
        )
        provider = ArmProvider(arm, environment, lambda name: material.secure.get(name, {}))
        return cls(arm, provider, AdfProvider(arm), workspaces, values, data)

    @property
    def azure(self) -> tuple[Provider, ...]:
        return (self.provider, self.adf)

    @property
    def providers(self) -> tuple[Provider, ...]:
        return (*self.azure, *self.data)

    def now(self) -> datetime:
        return self.arm.now()

    def calls(self) -> Mapping[str, int]:
        return {kind: self.arm.calls[kind] for kind in ("read", "write")}

    def look_up(self, ids: Mapping[str, str]) -> Mapping[str, Any]:
        """Resources that are referred to and not ours, by id in lower case, as GET gives them."""
        with ThreadPoolExecutor(8) as pool:
            found = pool.map(lambda item: (item[0].lower(), self.provider.look_up(*item)), ids.items())
            return {id_: body for id_, body in found if body is not None}


def identity_of(credential: TokenCredential) -> Identity:
    """Who we are, read from our own token for Azure Resource Manager (claims `oid` and `tid`,
    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference).

    Raises SignInError where there is no token."""
    from azure.core.exceptions import AzureError

    try:
        token = credential.get_token(SCOPE).token
    except AzureError as error:
        first = (str(error.message).strip().splitlines() or ["no reason given"])[0]
        if "Connection refused" in str(error.message):
            first += " What IDENTITY_ENDPOINT names does not answer."
        raise SignInError(
            f"No sign-in to Azure: {first} Run `az login`, or give the app a managed identity; "
            "for the sandbox, see that it runs and that this shell has its variables."
        ) from error
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return Identity(str(claims["oid"]), str(claims.get("tid", "")))
    except (IndexError, ValueError, KeyError) as error:
        raise SignInError("The token from Azure does not say whose it is (no claim `oid`).") from error
