"""String functions. Source: ARM documentation, "String functions for ARM templates"."""

from __future__ import annotations

import base64 as b64
import binascii
import re
from typing import Any, Final
from urllib.parse import quote, unquote, unquote_to_bytes, urljoin, urlsplit

from ..errors import Problem
from .formatting import format_text
from .signature import Function, array, fold, kind, limited, number, shown, text


def _decode(function: str, value: Any) -> str:
    try:
        return b64.b64decode(text(function, value), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise Problem(f"the function '{function}' was given text that is not base64") from error


def _encode(value: Any) -> str:
    return b64.b64encode(text("base64", value).encode("utf-8", "replace")).decode("ascii")


def _to_json(value: Any) -> Any:
    return json_value(_decode("base64ToJson", value))


def json_value(source: Any) -> Any:
    from ..errors import TemplateError
    from ..reader import parse

    try:
        return parse(text("json", source)).root
    except TemplateError as error:
        fault = error.faults[0]
        raise Problem(
            f"the function 'json' was given text that is not JSON: {fault.message} "
            f"(line {fault.position.line}, column {fault.position.column})"
        ) from error


def _data_uri(value: Any) -> str:
    encoded = b64.b64encode(text("dataUri", value).encode("utf-8")).decode("ascii")
    return f"data:text/plain;charset=utf-8;base64,{encoded}"


def _data_uri_text(value: Any) -> str:
    source = text("dataUriToString", value)
    head, comma, data = source.partition(",")
    if not comma or not head.lower().startswith("data:"):
        raise Problem("the function 'dataUriToString' was given text that is not a data URI")
    if head.lower().endswith(";base64"):
        return _decode("dataUriToString", data)
    return unquote_to_bytes(data).decode("utf-8", "replace")


def _pad_left(value: Any, length: Any, fill: Any = " ") -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Problem(f"the function 'padLeft' takes a string or an integer, but was given {kind(value)}")
    width = number("padLeft", length)
    if not 0 <= width <= 65_536:
        raise Problem("the length given to 'padLeft' must be from 0 to 65536")
    char = text("padLeft", fill)
    if len(char) != 1:
        raise Problem("the padding given to 'padLeft' must be a single character")
    return shown(value).rjust(width, char)


def _replace(value: Any, old: Any, new: Any) -> str:
    if not text("replace", old):
        raise Problem("the text to be replaced by 'replace' must not be empty")
    source, replacement = text("replace", value), text("replace", new)
    if source.count(old) * len(replacement) > 8_000_000:
        raise Problem("the result of 'replace' is longer than 4 MB")
    return limited(source.replace(old, replacement))


def _split(value: Any, delimiter: Any) -> list[str]:
    source = text("split", value)
    choices = [delimiter] if isinstance(delimiter, str) else array("split", delimiter)
    separators = [text("split", item) for item in choices if item != ""]
    if not separators:
        return [source]
    if len(separators) == 1:
        return source.split(separators[0])
    return re.split("|".join(map(re.escape, separators)), source)


def _substring(value: Any, start: Any, length: Any = None) -> str:
    source, begin = text("substring", value), number("substring", start)
    if not 0 <= begin <= len(source):
        raise Problem(
            f"the start index {begin} given to 'substring' is beyond the {len(source)} characters of its text"
        )
    size = len(source) - begin if length is None else number("substring", length)
    if size < 0 or begin + size > len(source):
        raise Problem(
            f"the index {begin} and length {size} given to 'substring' must be within the string, "
            f"which has {len(source)} characters"
        )
    return source[begin : begin + size]


def _starts_with(value: Any, prefix: Any) -> bool:
    return fold(text("startsWith", value)).startswith(fold(text("startsWith", prefix)))


def _ends_with(value: Any, suffix: Any) -> bool:
    return fold(text("endsWith", value)).endswith(fold(text("endsWith", suffix)))


def _like(value: Any, pattern: Any) -> bool:
    """Whether the text fits a pattern in which `*` stands for any text; case does not matter."""
    source, parts = fold(text("like", value)), fold(text("like", pattern)).split("*")
    if len(parts) == 1:
        return source == parts[0]
    head, *middle, tail = parts
    if len(source) < len(head) + len(tail) or not source.startswith(head) or not source.endswith(tail):
        return False
    at, end = len(head), len(source) - len(tail)
    for part in middle:
        found = source.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _simple(value: str, upper: bool) -> str:
    changed = value.upper() if upper else value.lower()
    if len(changed) == len(value):
        return changed
    # .NET's invariant mapping never changes a string's length ('ß' stays).
    chars = ((char.upper() if upper else char.lower(), char) for char in value)
    return "".join(new if len(new) == 1 else old for new, old in chars)


def _uri(base: Any, relative: Any) -> str:
    start = text("uri", base)
    parts = urlsplit(start)
    if not parts.scheme or not (parts.netloc or parts.path):
        raise Problem("the first argument of 'uri' must be an absolute address")
    return urljoin(start if parts.path else start + "/", text("uri", relative))


def _parse_uri(value: Any) -> dict[str, Any]:
    source = text("parseUri", value)
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError as error:
        raise Problem("the function 'parseUri' was given text that is not an address") from error
    if not parts.scheme or not parts.hostname:
        raise Problem("the function 'parseUri' takes an absolute address")
    result: dict[str, Any] = {"scheme": parts.scheme, "host": parts.hostname}
    if port is not None:
        result["port"] = port
    result["path"] = parts.path or "/"
    if parts.query:
        result["query"] = "?" + parts.query
    return result


def _build_uri(value: Any) -> str:
    from .signature import mapping

    parts = mapping("buildUri", value)
    port = f":{parts['port']}" if parts.get("port") not in (None, -1) else ""
    path = str(parts.get("path") or "")
    query = str(parts.get("query") or "")
    if path and not path.startswith("/"):
        path = "/" + path
    if query and not query.startswith("?"):
        query = "?" + query
    return f"{parts.get('scheme', 'https')}://{parts.get('host', '')}{port}{path or '/'}{query}"


def _string(value: Any) -> str:
    return limited(shown(value))


def _fail(message: Any) -> Any:
    raise Problem(text("fail", message))


FUNCTIONS: Final = (
    Function("base64", _encode, 1, 1),
    Function("base64ToJson", _to_json, 1, 1),
    Function("base64ToString", lambda value: _decode("base64ToString", value), 1, 1),
    Function("dataUri", _data_uri, 1, 1),
    Function("dataUriToString", _data_uri_text, 1, 1),
    Function("endsWith", _ends_with, 2, 2),
    Function("startsWith", _starts_with, 2, 2),
    Function("fail", _fail, 1, 1),
    Function("format", format_text, 1, None),
    Function("json", json_value, 1, 1),
    Function("like", _like, 2, 2),
    Function("padLeft", _pad_left, 2, 3),
    Function("replace", _replace, 3, 3),
    Function("split", _split, 2, 2),
    Function("string", _string, 1, 1),
    Function("substring", _substring, 2, 3),
    Function("toLower", lambda value: _simple(text("toLower", value), False), 1, 1),
    Function("toUpper", lambda value: _simple(text("toUpper", value), True), 1, 1),
    Function("trim", lambda value: text("trim", value).strip(), 1, 1),
    Function("uri", _uri, 2, 2),
    Function("uriComponent", lambda value: quote(text("uriComponent", value), safe="-_.~"), 1, 1),
    Function("uriComponentToString", lambda value: unquote(text("uriComponentToString", value)), 1, 1),
    Function("parseUri", _parse_uri, 1, 1),
    Function("buildUri", _build_uri, 1, 1),
)
