"""The clouds of one environment: its signed-in client, its providers, and what they count."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.errors import SignInError
from reconciler.providers.adf import AdfProvider
from reconciler.providers.arm import ArmProvider
from reconciler.providers.azure import Arm
from reconciler.providers.provider import Provider

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SCOPE = "https://management.azure.com/.default"


@dataclass(frozen=True)
class Identity:
    object_id: str
    tenant_id: str


@dataclass(frozen=True)
class Cloud:
    """What an engine needs of the clouds for one environment."""

    arm: Arm
    provider: ArmProvider
    adf: AdfProvider

    @property
    def providers(self) -> tuple[Provider, ...]:
        return (self.provider, self.adf)

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
