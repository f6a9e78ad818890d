"""What requests bring: JSON bodies, form data, numbers and truth values in either spelling."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from sandbox.service import Request
from sandbox.services.databricks import errors


def body(request: Request) -> dict[str, Any]:
    """The JSON object of the body, empty for no body. Raises 400."""
    found = request.json()
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise errors.refusal("MALFORMED_REQUEST", "Could not parse request object: it is no JSON object.")
    return found


def form(request: Request, content: str) -> tuple[dict[str, str], bytes]:
    """The fields of a `multipart/form-data` body, and its file: the part that has a file name, or `content`.

    Clients name the file's part as they like. Raises 400.
    """
    kind = _headers(f"Content-Type: {request.headers.get('content-type', '')}".encode("latin-1"))
    boundary = kind.get_param("boundary")
    if not isinstance(boundary, str):
        raise errors.refusal("MALFORMED_REQUEST", "The request body is no valid multipart form.")
    fields: dict[str, bytes] = {}
    file = None
    for part in (b"\r\n" + request.body).split(b"\r\n--" + boundary.encode())[1:]:
        head, found, value = part.partition(b"\r\n\r\n")
        headers = _headers(head.strip())
        if headers.get_filename() is not None:
            file = value
        elif found:
            fields[str(headers.get_param("name", header="content-disposition"))] = value
    file = fields.pop(content, b"") if file is None else file
    return {name: value.decode("utf-8", "replace") for name, value in fields.items()}, file


def _headers(head: bytes) -> EmailMessage:
    return BytesParser(policy=HTTP).parsebytes(head, headersonly=True)


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


def text(given: Mapping[str, Any], name: str) -> str:
    """A required text. Raises 400."""
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise errors.bad(f"Missing required field: {name}")
    return value


def truth(given: Mapping[str, Any], name: str) -> bool:
    """A truth value, false by default; clients send `true`, `"true"` and `"True"`."""
    return str(given.get(name, "")).lower() in ("true", "1")


def whole(given: Mapping[str, Any], name: str, default: int | None) -> int | None:
    """A whole number, also as text. Raises 400."""
    value = given.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise errors.bad(f"Field {name} must be a whole number, not '{value}'.") from None


def decoded(value: Any) -> bytes:
    """Base64, as all content in JSON is sent. Raises 400."""
    try:
        return base64.b64decode(str(value or ""), validate=True)
    except (ValueError, binascii.Error):
        raise errors.bad("The content is not valid base64.") from None
