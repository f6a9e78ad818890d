"""Which identities the app that the endpoint belongs to may use."""

from __future__ import annotations

from sandbox.identities import Identity

_USER_ASSIGNED = "/providers/microsoft.managedidentity/userassignedidentities/"


def attached(identity: Identity) -> bool:
    """Its own and every user-assigned one, but no application and no other resource's own identity.

    In Azure a user-assigned identity must first be attached to the app; no app is modelled here, so
    all count as attached.
    """
    name = identity.name.lower()
    return identity.kind == "ManagedIdentity" and (not name.startswith("/") or _USER_ASSIGNED in name)
