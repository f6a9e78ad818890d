"""What a resource type's rules look like to the ARM front: the hook contract of ``providers/``.

Every file in ``providers/`` may define, at module level:

- ``KINDS: tuple[Kind, ...]``: the rules of its types;
- ``ROUTES: tuple[Route, ...]``: routes of its own (``checkNameAvailability``, deleted vaults …), tried before
  the generic ones, with the whole path as pattern;
- ``EVERY: tuple[Callable[[World, Write, Document], Document], ...]``: run over every resource of any type
  after its ``fill`` (managed identities).

A type without a ``Kind`` is kept as sent, gains ``id``, ``name``, ``type`` and
``properties.provisioningState`` and answers at once.

A ``Document`` is the resource as stored: the fields of a GET, plus private fields whose names start with
``_`` (keys, secrets, clocks), which are never answered. The front sets ``id``, ``name``, ``type`` and the
private fields ``_created``, ``_changed``, ``_api``, ``_operation`` itself. A long operation needs nothing
from a kind but its style: while the operation runs, ``properties.provisioningState`` is shown as ``pending``
(or ``updating``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.service import Caller, CloudError, Request, Response
from sandbox.services.arm.ids import ResourceId
from sandbox.world import World

Document = dict[str, Any]


@dataclass(frozen=True)
class Write:
    """One PUT or PATCH, by HTTP or by a deployment.

    ``body`` is what was sent, for a PATCH too; ``merged`` is what the resource should be made of: the body
    of a PUT, or for a PATCH the stored writable fields with the body merged over them (maps merge at the top
    level of ``properties``; ``tags`` replace). ``previous`` is the stored document, None on creation.
    """

    target: ResourceId
    method: str
    body: Mapping[str, Any]
    merged: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    api_version: str
    now: datetime
    caller: Caller | None

    @property
    def created(self) -> bool:
        return self.previous is None


@dataclass(frozen=True)
class Style:
    """How a write is answered, as the recordings put it: ``201 body +Azure-AsyncOperation``.

    With ``Azure-AsyncOperation``, or as a 202, it is a long operation: the resource shows the kind's
    ``pending`` state until the operation is ready. ``201 body +Location`` only tells where the resource is.
    """

    status: int
    body: bool
    headers: tuple[str, ...] = ()

    @property
    def long(self) -> bool:
        return self.status == 202 or "Azure-AsyncOperation" in self.headers


def style(text: str) -> Style:
    status, body, *headers = text.split()
    return Style(int(status), body == "body", tuple(header.lstrip("+") for header in headers))


@dataclass(frozen=True)
class Action:
    """``POST …/{resource}/{name}``. ``handler`` gets the stored document and may return a changed one to
    store.

    ``permission`` is the last part of the operation that the caller needs, ``TYPE/{permission}``
    (default: ``{name}/action``).
    """

    handler: Callable[[World, Request, ResourceId, Document], tuple[Response, Document | None]]
    permission: str | None = None


@dataclass(frozen=True)
class Kind:
    """The rules of one resource type. Every hook is optional; order of a write: check, fill, EVERY, stored.

    - ``check(world, write)`` raises CloudError for what Azure refuses (names, locations, bodies, taken names,
      immutable fields). The front has checked api-version, scope, parent, locks, rights and that the body is
      a map.
    - ``fill(world, write)`` gives the document: defaults, read-only fields, rewritten forms. It starts from
      ``write.merged``; read-only fields that were sent are dropped. ``None`` keeps the merged body.
      PUT replaces: take over from ``write.previous`` only what Azure keeps.
    - ``stored(world, write, document)`` runs after the document is stored, for effects elsewhere (subnets of
      a network, a managed resource group). Raise nothing here.
    - ``answer(world, document, api_version)`` gives the GET and list body from a document without its private
      fields; it may rename, mask, drop. Also used for ``reference()`` in deployments.
    - ``put_answer(world, document, write)`` gives the body of the PUT's or PATCH's own answer where that
      differs.
    - ``listed(world, document, api_version)`` gives the item of a list where that differs from ``answer``.
    - ``absent(world, target)`` gives the document of what exists without ever having been written
      (``blobServices/default``), when the parent exists; None when it does not.
    - ``check_delete(world, target, document)`` raises CloudError; ``deleted(world, target, document)`` runs
      after the removal of the document and of its children.
    """

    type: str
    check: Callable[[World, Write], None] | None = None
    fill: Callable[[World, Write], Document] | None = None
    stored: Callable[[World, Write, Document], None] | None = None
    answer: Callable[[World, Document, str], Document] | None = None
    put_answer: Callable[[World, Document, Write], Document] | None = None
    listed: Callable[[World, Document, str], Document] | None = None
    absent: Callable[[World, ResourceId], Document | None] | None = None
    check_delete: Callable[[World, ResourceId, Document], None] | None = None
    deleted: Callable[[World, ResourceId, Document], None] | None = None
    create: Style = Style(201, True)
    update: Style = Style(200, True)
    patch: Style | None = Style(200, True)  # None: PATCH is refused (405)
    delete: Style = Style(200, False)
    pending: str = "Creating"  # provisioningState of a long creation
    updating: str = "Updating"  # … of a long update
    deleting: str = "Deleting"
    missing: Callable[[ResourceId], CloudError] | None = None  # the 404 of a GET; default: ResourceNotFound
    state: bool = True  # the type has properties.provisioningState
    tracked: bool = True  # it has a location and tags and is in a group's list of resources
    location: bool = True  # a location must be sent (tracked, top-level types only)
    actions: Mapping[str, Action] = field(default_factory=dict)  # by name, matched without regard to case
    page: int | None = None  # items a page of lists of this type; None = all at once
