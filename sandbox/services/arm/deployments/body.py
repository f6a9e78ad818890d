"""A deployment as it is sent: read, checked, secrets fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.armtemplate import TemplateError, parse
from sandbox.service import CloudError, Request
from sandbox.services.arm import authorization, ids, records, regions, shapes
from sandbox.services.arm.actor import Actor
from sandbox.services.keyvault import secrets
from sandbox.world import World

_NAME = re.compile(r"[-\w._()]{1,64}")
_MODES = {"incremental": "Incremental", "complete": "Complete"}
# `az` sends the template as its author wrote it, comments and all, under a key without quotes.
_BARE_KEY = re.compile(r"([{,]\s*)template(\s*:)")


@dataclass(frozen=True)
class Sent:
    """``parameters`` are values; those from a Key Vault are fetched, and named in ``references``."""

    name: str
    scope: str
    location: str | None
    template: dict[str, Any]
    parameters: dict[str, Any]
    references: Mapping[str, Any]
    mode: str
    tags: Mapping[str, str] | None
    result_format: str
    validation_level: str | None

    @property
    def id(self) -> str:
        return f"{self.scope}/providers/Microsoft.Resources/deployments/{self.name}"


def read(world: World, request: Request, by: Actor, scope: str) -> Sent:
    """What was sent. Raises CloudError 400, or 501 for a linked template."""
    name = request.params["name"]
    if not _NAME.fullmatch(name):
        raise CloudError(
            400,
            "InvalidDeploymentName",
            f"The deployment name '{name}' is invalid. It has 1 to 64 letters, digits, '-', '_', '.', '(' and"
            " ')'.",
        )
    sent = loads(request)
    if not isinstance(sent, dict) or not isinstance(sent.get("properties"), dict):
        raise shapes.invalid_content("Required property 'properties' not found in JSON")
    properties = sent["properties"]
    mode = _MODES.get(str(properties.get("mode", "")).lower())
    if mode is None:
        raise shapes.invalid_content("Required property 'mode' not found in JSON. Path 'properties'")
    if mode == "Complete" and not ids.group_of(scope):
        raise _invalid(f"The deployment mode 'Complete' is not supported at the scope of '{name}'.")
    _check_location(world, scope, name, sent.get("location"))
    if properties.get("templateLink") is not None or properties.get("parametersLink") is not None:
        raise CloudError(501, "NotImplemented", "The sandbox does not fetch linked templates or parameters.")
    template = properties.get("template")
    if not isinstance(template, dict):
        raise _invalid("Either 'template' or 'templateLink' must be specified.", "InvalidRequestContent")
    given = properties.get("parameters") or {}
    if not isinstance(given, dict) or not all(isinstance(one, dict) for one in given.values()):
        raise shapes.invalid_content("'parameters' is not an object of objects. Path 'properties.parameters'")
    fetched = {n: _secret(world, by, n, one["reference"]) for n, one in given.items() if one.get("reference")}
    values = {n: one.get("value") for n, one in given.items() if n not in fetched}
    settings = properties.get("whatIfSettings") or {}
    return Sent(
        name,
        scope,
        regions.normal(str(sent["location"])) if sent.get("location") else None,
        template,
        {**values, **fetched},
        {n: given[n]["reference"] for n in fetched},
        mode,
        sent.get("tags"),
        str(settings.get("resultFormat") or "FullResourcePayloads"),
        properties.get("validationLevel"),
    )


def loads(request: Request) -> Any:
    """The body as JSON, or the near-JSON that ``az`` sends. Raises CloudError 400 InvalidRequestContent."""
    try:
        return json.loads(request.body)
    except ValueError:
        pass
    try:
        text = _BARE_KEY.sub(r'\1"template"\2', request.body.decode("utf-8-sig"), count=1)
        return parse(text, "request").root
    except (TemplateError, UnicodeDecodeError) as fault:
        raise shapes.invalid_content(str(fault).splitlines()[0]) from None


def minified(template: Any) -> str:
    return json.dumps(template, separators=(",", ":"))


def _check_location(world: World, scope: str, name: str, location: Any) -> None:
    if ids.group_of(scope):
        if location is not None:
            raise _invalid(
                f"The 'location' property is not allowed for '{name}' at resource group scope. "
                "Please see https://aka.ms/deploy-to-subscription for usage details."
            )
        return
    if not location:
        raise _invalid(
            f"The 'location' property must be specified for '{name}'. "
            "Please see https://aka.ms/deploy-to-subscription for usage details."
        )
    if not regions.known(str(location)):
        raise CloudError(
            400,
            "LocationNotAvailableForDeployment",
            f"The provided location '{location}' is not available for deployment. List of available regions"
            f" is '{','.join(regions.NAMES)}'.",
        )


def _secret(world: World, by: Actor, name: str, reference: Any) -> str:
    """The secret behind a Key Vault parameter, with the caller's right to deploy from that vault."""
    reference = reference if isinstance(reference, dict) else {}
    vault_id = str((reference.get("keyVault") or {}).get("id") or "")
    secret = str(reference.get("secretName") or "")
    vault = records.get(world, vault_id)
    if vault is None:
        raise _unreadable(name, "NotFound", f"The specified KeyVault '{vault_id}' could not be found.")
    caller = by.caller
    action = "Microsoft.KeyVault/vaults/deploy/action"
    if not vault["properties"].get("enabledForTemplateDeployment"):
        raise _unreadable(
            name, "Forbidden", f"The vault '{vault['name']}' is not enabled for template deployment."
        )
    if caller and not authorization.allowed(world, caller.object_id, vault["id"], action):
        raise CloudError(
            403,
            "KeyVaultParameterReferenceAuthorizationFailed",
            f"The client '{caller.client_id}' with object id '{caller.object_id}' does not have permission to"
            f" perform action '{action}' on the specified KeyVault resource '{vault['id']}'.",
        )
    try:
        found = secrets.version(secrets.get(world, vault["name"], secret), reference.get("secretVersion"))
    except CloudError as fault:
        raise _unreadable(name, "NotFound", fault.message) from None
    return str(found["value"])


def _unreadable(name: str, status: str, why: str) -> CloudError:
    return CloudError(
        400,
        "KeyVaultParameterReferenceSecretRetrieveFailed",
        f"The secret of KeyVault parameter '{name}' cannot be retrieved. Http status code: '{status}'. "
        f"Error message: '{why}' Please see https://aka.ms/arm-keyvault for usage details.",
    )


def _invalid(message: str, code: str = "InvalidDeployment") -> CloudError:
    return CloudError(400, code, message)
