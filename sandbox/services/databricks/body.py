"""What requests bring: JSON bodies, form data, numbers and truth values in either spelling."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
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


def form(request: Request) -> dict[str, bytes]:
    """The fields of a `multipart/form-data` body. Raises 400."""
    kind = request.headers.get("content-type", "")
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    if not message.is_multipart():
        raise errors.refusal("MALFORMED_REQUEST", "The request body is no valid multipart form.")
    found: dict[str, bytes] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        found[str(name)] = content if isinstance(content, bytes) else b""
    return found


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
