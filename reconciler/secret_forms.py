"""The forms in which a secret can stand in a text: as it is, escaped, encoded, by its telling parts. Pure."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Characters: what is shorter would take ordinary words out of every text, and is no secret to rely on."""
TARGET = 16
"""Characters of a URL's path and query from which on they tell more than a place."""

UNRESOLVED = "@Microsoft.KeyVault("
"""How an app setting starts whose secret the Function app could not fetch: it then holds the reference itself
(https://learn.microsoft.com/azure/app-service/app-service-key-vault-references#troubleshooting-key-vault-references)."""

_SAFE = ("", "/", "!'()*~", "!#$%&'()*+,/:;=?@[]~")
"""What is not encoded in a URL: by nobody, by Python, by browsers, by `requests`."""
_ASSIGNED = re.compile(r"(?i)(?:key|password|passwd|pwd|secret|token|signature|sig)=([^;&\s]+)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*:([^/?#@]*)@)?[^/?#]*([^#]*)", re.IGNORECASE)
_ARMOUR = "-----"
"""How the lines begin that say where a key begins and ends: everybody's have the same."""


def forms_of(value: str) -> set[str]:
    """Every form of a value, and of its parts, that is long enough to be told from other words."""
    parts = {part for part in _parts(value) if len(part) >= SHORTEST}
    return {form for part in parts for form in _forms(part) if len(form) >= SHORTEST}


def _parts(value: str) -> Iterator[str]:
    """The value, its lines, what a connection string or a URL in it holds: services and logs quote these."""
    yield value
    yield value.strip()
    for line in value.splitlines():
        if not line.startswith(_ARMOUR):
            yield line
            yield line.strip()
    yield from _ASSIGNED.findall(value)
    url = _URL.fullmatch(value.strip())
    if url:
        yield url[1] or ""
        yield url[2] if len(url[2]) >= TARGET else ""


def _forms(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")  # what is no UTF-8 comes from the environment as surrogates
    yield value
    yield repr(value)[1:-1]
    yield repr(raw)[2:-1]
    yield value.replace("'", "''")
    yield html.escape(value)
    yield html.escape(value, quote=False)
    for escaped in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield escaped
        yield json.dumps(escaped)[1:-1]  # JSON within JSON, as in errors that quote a request
        yield json.dumps(escaped, ensure_ascii=False)[1:-1]
    for encoded in (quote_plus(raw), *(quote(raw, safe=safe) for safe in _SAFE)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Within a longer text, its first and last characters of base64 depend on what stands beside it.
        for shift in range(3):
            form = encode(b"\0" * shift + raw).decode().rstrip("=")[(0, 2, 3)[shift] :]
            yield form if not (len(raw) + shift) % 3 else form[:-1]
