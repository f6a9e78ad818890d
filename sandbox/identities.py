"""Service principals that can sign in, and those that only hold roles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from uuid import NAMESPACE_URL, uuid5

from sandbox.store import Store

_COLLECTION = "identities"


@dataclass(frozen=True)
class Identity:
    """A service principal. `client_id` is its application's id; without a secret it cannot sign in by one.

    `kind` is ManagedIdentity or Application.
    """

    name: str
    object_id: str
    client_id: str
    secret: str | None = None
    kind: str = "ManagedIdentity"


# The Function app's system-assigned identity.
RECONCILER = Identity(
    "reconciler", "00000000-0000-0000-0000-0000000000f1", "00000000-0000-0000-0000-0000000000c1"
)


class Identities:
    """All service principals, by object id and by client id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def seed(self) -> None:
        """Make sure of the reconciler's own identity."""
        if self.by_object_id(RECONCILER.object_id) is None:
            self.add(RECONCILER)

    def add(self, identity: Identity) -> Identity:
        """Make or replace one."""
        self._store.put(_COLLECTION, identity.object_id.lower(), asdict(identity))
        return identity

    def create(self, name: str, secret: str | None = None, kind: str = "ManagedIdentity") -> Identity:
        """One whose ids follow from its name, so that runs are alike. `name` may be a resource id."""
        object_id, client_id = (
            str(uuid5(NAMESPACE_URL, f"{part}:{name.lower()}")) for part in ("oid", "appid")
        )
        return self.add(Identity(name, object_id, client_id, secret, kind))

    def remove(self, object_id: str) -> None:
        """Forget one; its role assignments stay, as in Azure."""
        self._store.delete(_COLLECTION, object_id.lower())

    def by_object_id(self, object_id: str) -> Identity | None:
        """The one with this object id (principal id)."""
        document = self._store.get(_COLLECTION, object_id.lower())
        return Identity(**document) if document else None

    def by_client_id(self, client_id: str) -> Identity | None:
        """The one with this client id (application id)."""
        return next((i for i in self.all() if i.client_id.lower() == client_id.lower()), None)

    def all(self) -> Iterator[Identity]:
        """Every one, by object id."""
        return (Identity(**document) for _, document in self._store.items(_COLLECTION))
