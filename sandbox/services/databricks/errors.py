"""Databricks' error codes with their statuses, and the two shapes that errors are answered in.

docs.databricks.com, "Error handling" of the REST reference; SCIM's own shape by RFC 7644, 3.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.service import CloudError, Response

_STATUS: Mapping[str, int] = {
    "BAD_REQUEST": 400,
    "DIRECTORY_NOT_EMPTY": 400,
    "DIRECTORY_PROTECTED": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "INVALID_STATE": 400,
    "IO_ERROR": 400,
    "MALFORMED_REQUEST": 400,
    "MAX_BLOCK_SIZE_EXCEEDED": 400,
    "MAX_NOTEBOOK_SIZE_EXCEEDED": 400,
    "MAX_READ_SIZE_EXCEEDED": 400,
    "QUOTA_EXCEEDED": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "RESOURCE_LIMIT_EXCEEDED": 400,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ALREADY_EXISTS": 409,
    "NOT_IMPLEMENTED": 501,
}


def refusal(code: str, message: str) -> CloudError:
    """The error of a code of the table above, with its status."""
    return CloudError(_STATUS[code], code, message)


def bad(message: str) -> CloudError:
    """400 INVALID_PARAMETER_VALUE."""
    return refusal("INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> CloudError:
    """404 RESOURCE_DOES_NOT_EXIST."""
    return refusal("RESOURCE_DOES_NOT_EXIST", message)


def denied(message: str) -> CloudError:
    """403 PERMISSION_DENIED."""
    return refusal("PERMISSION_DENIED", message)


def not_played(what: str) -> CloudError:
    """501: the real service answers this, the sandbox does not."""
    return refusal("NOT_IMPLEMENTED", f"The sandbox does not play {what}.")


def scim(status: int, detail: str, kind: str = "") -> CloudError:
    """An error of the SCIM API."""
    return CloudError(status, "SCIM", detail, extra={"scimType": kind} if kind else {"scimType": None})


def error(fault: CloudError) -> Response:
    """`{"error_code", "message"}`; what SCIM refuses has the shape of RFC 7644.

    What is refused before any API is reached has the status as its code, as a number (recorded).
    """
    if "scimType" in fault.extra:
        body: dict[str, Any] = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "detail": fault.message,
            "status": str(fault.status),
        }
        if fault.extra["scimType"]:
            body["scimType"] = fault.extra["scimType"]
        return Response(fault.status, body, fault.headers)
    code: Any = _GENERAL.get(fault.code, fault.code)
    body = {"error_code": int(code) if code.isdecimal() else code, "message": fault.message}
    return Response(fault.status, body, fault.headers)


# Codes of the sandbox's own front, in Databricks' words.
_GENERAL: Mapping[str, str] = {
    "InvalidRequestContent": "MALFORMED_REQUEST",
    "NotImplemented": "NOT_IMPLEMENTED",
    "InternalServerError": "INTERNAL_ERROR",
    "TooManyRequests": "REQUEST_LIMIT_EXCEEDED",
    "ServerBusy": "TEMPORARILY_UNAVAILABLE",
}
