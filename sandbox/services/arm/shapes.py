"""How ARM words its refusals, and the small bodies that several files answer."""

from __future__ import annotations

from sandbox.service import CloudError, Response, arm_error
from sandbox.services.arm import ids

# What ARM itself refuses, before a provider is asked, is marked so (seen in recorded traffic).
_GATEWAY = frozenset(
    {
        "AuthorizationFailed",
        "InvalidApiVersionParameter",
        "InvalidResourceLocation",
        "InvalidResourceType",
        "InvalidTemplate",
        "InvalidTemplateDeployment",
        "LocationNotAvailableForResourceGroup",
        "LocationNotAvailableForResourceType",
        "LocationRequired",
        "MissingApiVersionParameter",
        "MissingSubscriptionRegistration",
        "NoRegisteredProviderFound",
        "ParentResourceNotFound",
        "RequestDisallowedByPolicy",
        "ResourceGroupBeingDeleted",
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "ScopeLocked",
        "SubscriptionNotFound",
        "DeploymentActive",
        "DeploymentNotFound",
    }
)


def error(fault: CloudError) -> Response:
    answer = arm_error(fault)
    if fault.code in _GATEWAY:
        answer.headers.setdefault("x-ms-failure-cause", "gateway")
    return answer


def subscription_not_found(subscription: str) -> CloudError:
    return CloudError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def group_not_found(name: str) -> CloudError:
    return CloudError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def resource_not_found(resource_id: str) -> CloudError:
    target = ids.parse(resource_id)
    if target is None:
        return CloudError(404, "ResourceNotFound", f"The resource '{resource_id}' could not be found.")
    path = target.id[len(target.scope) + len("/providers/") :]
    where = f" under resource group '{target.group}'" if target.group else ""
    return CloudError(
        404,
        "ResourceNotFound",
        f"The Resource '{path}'{where} was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(target: ids.ResourceId, verb: str) -> CloudError:
    """``verb`` is read, write or delete."""
    parent = target.parent
    assert parent is not None
    return CloudError(
        404,
        "ParentResourceNotFound",
        f"Failed to perform '{verb}' on resource(s) of type '{target.type.split('/', 1)[1]}', because the"
        f" parent resource '{parent.id}' could not be found.",
    )


def invalid_content(why: str) -> CloudError:
    return CloudError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{why}'.",
    )


def authorization_failed(client: str, object_id: str, action: str, scope: str) -> CloudError:
    return CloudError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope or '/'}' or the scope is invalid. If access was recently granted, "
        "please refresh your credentials.",
    )


def scope_locked(scope: str, verb: str, locked: list[str]) -> CloudError:
    places = ",".join(locked)
    return CloudError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked:"
        f" '{places}'. Please remove the lock and try again.",
    )
