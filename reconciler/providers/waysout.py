"""What to do about a refusal of Azure, by its error code: what its own words do not say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from reconciler.environment.suggest import did_you_mean

HINTS: Mapping[str, str] = {
    "SubscriptionNotFound": "Check azure.subscription in the environment file; the identity must see it.",
    "InvalidSubscriptionId": "Check azure.subscription in the environment file.",
    "ScopeLocked": "Remove the lock, or take the change back in Git.",
    "RequestDisallowedByPolicy": "Change the template so that the policy allows it, or ask for an exemption.",
    "DeploymentActive": "It is tried again by the next tick.",
    "ExpiredAuthenticationToken": "Sign in again.",
    "InvalidAuthenticationToken": "Sign in again.",
    "InvalidResourceGroupLocation": "No group can move: put its location back in Git, or name another group.",
    "StorageAccountAlreadyTaken": "Such a name is unique in all of Azure: take another name.",
    "StorageAccountInAnotherResourceGroup": "Such a name is unique in all of Azure: take another name.",
}


def _authorization(message: str) -> str:
    """https://learn.microsoft.com/azure/role-based-access-control/troubleshooting gives the words."""
    who, action, scope = (
        re.search(pattern, message)
        for pattern in (r"object id '([^']+)'", r"action '([^']+)'", r"scope '([^']+)'")
    )
    if not (who and action and scope):
        return "Grant the identity that role, or see `reconciler doctor`."
    place = re.sub(r"/providers/Microsoft\.Resources/deployments/.*", "", scope[1], flags=re.IGNORECASE)
    command = f'az role assignment create --assignee {who[1]} --role "{_role(action[1])}" --scope {place}'
    return (
        f"Grant it: `{command}`. `reconciler doctor` names all that is missing, and the least that will do."
    )


def _role(action: str) -> str:
    if action.lower().endswith("/read"):
        return "Reader"
    if action.lower().startswith("microsoft.authorization/"):
        return "Role Based Access Control Administrator"
    return "Contributor"


def _location(message: str) -> str:
    asked, known = re.search(r"location '([^']+)'", message), re.search(REGIONS, message)
    near = did_you_mean(asked[1], known[1].split(",")) if asked and known else ""
    return f"{near} `az account list-locations --output table` tells all.".lstrip()


def _deleted(message: str) -> str:
    name = re.search(r"'([^']+)'", message)
    vault = f"--name {name[1] if name else 'NAME'}"
    return (
        f"Where `az keyvault list-deleted` lists it: `az keyvault recover {vault}` brings it back, "
        f"`az keyvault purge {vault}` frees the name. Else take another name."
    )


def _unregistered(message: str) -> str:
    name = re.search(r"namespace '([^']+)'", message)
    return f"`az provider register --namespace {name[1] if name else 'NAMESPACE'}` lets it."


MADE: Mapping[str, Callable[[str], str]] = {
    "AuthorizationFailed": _authorization,
    "LocationNotAvailableForResourceGroup": _location,
    "LocationNotAvailableForResourceType": _location,
    "VaultAlreadyExists": _deleted,
    "MissingSubscriptionRegistration": _unregistered,
}
"""Ways out that are made of what the message names."""

REGIONS = r" ?(?:The )?[Ll]ist of available regions(?: for the resource type)? is '([^']*)'\.?"


def way_out(code: str, message: str, status: int = 0) -> str:
    """A sentence on what to do; "" where nothing is known, or Azure's own words suffice."""
    if code in MADE:
        return MADE[code](message)
    return HINTS.get(code) or ("The next tick tries again." if status == 429 else "")


def shortened(message: str) -> str:
    """Azure's words without the names of all its regions, some dozens."""
    return re.sub(REGIONS, "", message)
