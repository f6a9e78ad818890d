"""Bodies, headers and errors of the dfs endpoint (REST reference, Azure Data Lake Storage Gen2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Request, Response, arm_error
from sandbox.services.storage import shapes
from sandbox.services.storage.files import CONFLICT

Document = dict[str, Any]

# What blobs and containers are called here, and in which words.
_CODES: Mapping[str, tuple[str, str]] = {
    "ContainerNotFound": ("FilesystemNotFound", "The specified filesystem does not exist."),
    "ContainerAlreadyExists": ("FilesystemAlreadyExists", "The specified filesystem already exists."),
}
_META = "x-ms-meta-"


def error(fault: CloudError) -> Response:
    """`{"error": {"code", "message"}}`, with the code in a header too: a HEAD has no body."""
    code, message = _CODES.get(fault.code, (fault.code, fault.message))
    headers = {"x-ms-error-code": code, **fault.headers}
    return arm_error(CloudError(fault.status, code, message, headers))


def not_found() -> CloudError:
    return CloudError(404, "PathNotFound", "The specified path does not exist.")


def conflict() -> CloudError:
    return CloudError(409, "PathConflict", CONFLICT)


def flat() -> CloudError:
    """Access control needs real directories."""
    message = "Hierarchical namespace is not enabled for this account."
    return CloudError(400, "HierarchicalNamespaceNotEnabled", message)


def not_played(request: Request) -> CloudError:
    what = " ".join(request.query.get(name, "") for name in ("resource", "action", "comp")).strip()
    return CloudError(501, "NotImplemented", f"The sandbox does not play {request.method} {what} of dfs.")


def bad_query() -> CloudError:
    return CloudError(
        400,
        "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid.",
    )


def tags(entry: Mapping[str, Any]) -> dict[str, str]:
    """What tells one state of a path from another."""
    return {"ETag": entry["etag"], "Last-Modified": entry["modified"]}


def status(entry: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a path's properties."""
    directory = entry["directory"]
    return {
        **{name: value for name, value in shapes.kept(entry).items() if not name.startswith(_META)},
        **tags(entry),
        "Accept-Ranges": "bytes",
        "Content-Length": str(entry["size"]),
        "x-ms-resource-type": "directory" if directory else "file",
        "x-ms-properties": properties(entry["headers"]),
        **owner(directory),
    }


def owner(directory: bool) -> dict[str, str]:
    """Nobody's access control lists are kept: everything is the super user's."""
    shown = {"x-ms-owner": "$superuser", "x-ms-group": "$superuser"}
    return {**shown, "x-ms-permissions": "rwxr-x---" if directory else "rw-r-----"}


def access(directory: bool) -> dict[str, str]:
    """The owner, and the access control list that every path has."""
    return {**owner(directory), "x-ms-acl": f"user::{'rwx' if directory else 'rw-'},group::r-x,other::---"}


def item(entry: Mapping[str, Any]) -> Document:
    """A path in a list: all values are texts."""
    shown: Document = {
        "name": entry["name"],
        "contentLength": str(entry["size"]),
        "etag": entry["etag"].strip('"'),
        "lastModified": entry["modified"],
        **{name.removeprefix("x-ms-"): value for name, value in owner(entry["directory"]).items()},
    }
    return {**shown, "isDirectory": "true"} if entry["directory"] else shown


def properties(headers: Mapping[str, str]) -> str:
    """Metadata as `name=BASE64,…`."""
    found = {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}
    return ",".join(f"{name}={base64.b64encode(value.encode()).decode()}" for name, value in found.items())


def kept(request: Request) -> dict[str, str]:
    """The headers to keep with a path: `x-ms-content-type` and its like, `x-ms-properties`.

    Raises CloudError 400 InvalidHeaderValue.
    """
    names = ("content-type", "content-encoding", "content-language", "cache-control", "content-disposition")
    found = {name: request.headers[f"x-ms-{name}"] for name in names if f"x-ms-{name}" in request.headers}
    for pair in filter(None, request.headers.get("x-ms-properties", "").split(",")):
        name, _, value = pair.partition("=")
        try:
            found[_META + name.strip().lower()] = base64.b64decode(value, validate=True).decode("latin-1")
        except (binascii.Error, ValueError):
            raise CloudError(
                400,
                "InvalidHeaderValue",
                "The value for one of the HTTP headers is not in the correct format.",
            ) from None
    return found
