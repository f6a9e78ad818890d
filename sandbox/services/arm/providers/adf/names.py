"""The resource types of Data Factory, how they are named, and how the service refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from sandbox.service import CloudError
from sandbox.services.arm.ids import ResourceId
from sandbox.services.arm.providers import forms

FACTORIES = "Microsoft.DataFactory/factories"

# Patterns and lengths of the REST specification (datafactory.json 2018-06-01, "parameters").
_ANY = re.compile(r"(?=.{1,260}\Z)[A-Za-z0-9_][^<>*#.%&:\\+?/]*")
_SHORT = re.compile(r"[_A-Za-z0-9]([-_A-Za-z0-9]{0,125}[_A-Za-z0-9])?")
_HYPHENS = re.compile(r"(?=.{3,63}\Z)[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "integrationRuntimes": _HYPHENS,
    "managedVirtualNetworks": _SHORT,
    "managedPrivateEndpoints": _SHORT,
    "credentials": _SHORT,
}
# Types whose ids and types come back in small letters (recorded).
_LOWERED = ("integrationRuntimes", "managedVirtualNetworks", "managedPrivateEndpoints")


def segment(target: ResourceId) -> str:
    """The last part of the type: `pipelines`, `managedPrivateEndpoints`."""
    return target.type.rsplit("/", 1)[-1]


def factory_of(target: ResourceId) -> ResourceId:
    """The factory that an object is in."""
    return ResourceId(target.scope, FACTORIES, target.names[:1])


def check_factory(name: str) -> None:
    """Raises 400 InvalidResourceName."""
    if not _HYPHENS.fullmatch(name):
        message = (
            f"Resource name '{name}' is invalid. It must be 3 to 63 letters, digits and single hyphens, and "
            "start and end with a letter or digit."
        )
        raise CloudError(400, "InvalidResourceName", message)


def check_object(target: ResourceId) -> None:
    """Raises 400 BadRequest."""
    if not _PATTERNS.get(segment(target), _ANY).fullmatch(target.name):
        raise refused(target, f"The document name '{target.name}' is invalid.")


def lowered(text: str) -> str:
    """An id or a type as the service spells it."""
    for name in _LOWERED:
        text = re.sub(rf"/{name}(?=/|\Z)", f"/{name.lower()}", text)
    return text


def etag(target: ResourceId, now: datetime) -> str:
    """`0d00c6b0-0000-0100-0000-665ffdc50000`: new with every write."""
    digits = forms.guid("adf", target.id, now).replace("-", "")
    return f"{digits[:8]}-0000-0100-0000-{digits[8:16]}0000"


def refused(target: ResourceId, message: str, code: str = "BadRequest", status: int = 400) -> CloudError:
    """An error in the service's shape: it names the object and has `details: null`."""
    return CloudError(status, code, message, extra={"target": lowered(target.id), "details": None})


def missing(target: ResourceId) -> CloudError:
    """404 of an object; global parameters have a wording of their own (both recorded)."""
    message = "The document could not be retrieved because it does not exist."
    if segment(target) == "globalParameters":
        message = "EntityGetFailedOnNotFound"
    return refused(target, message, "NotFound", 404)
