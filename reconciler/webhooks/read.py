"""One HTTP post read: refused, ignored, or a hint. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from reconciler.webhooks import azuredevops, github
from reconciler.webhooks.delivery import Answer, Hint, Malformed
from reconciler.webhooks.verify import basic, signed

LIMIT = 1 << 20
"""Bytes. What a push says beyond its refs is not read, and a payload of commits is far smaller."""
LONGEST = 200
"""Characters of a delivery's id; GitHub and Azure DevOps send UUIDs."""

Headers = Mapping[str, str]
SOURCES: Mapping[
    str, tuple[Callable[[Sequence[str], bytes, Headers], bool], Callable[..., Hint | Answer]]
] = {
    "github": (lambda s, body, h: signed(s, body, h.get("x-hub-signature-256", "")), github.hint),
    "azuredevops": (lambda s, _body, h: basic(s, h.get("authorization", "")), azuredevops.hint),
}
"""Who may post, how each is verified, and how its payload is read."""


def read(source: str, method: str, headers: Headers, body: bytes, secrets: Sequence[str]) -> Hint | Answer:
    """The hint of a post, or the answer that ends it: 404, 405, 413, 401, 415, 400; 200 and 202 where
    there is nothing to do. Nothing of the body is parsed before its sender is verified."""
    if source not in SOURCES:
        return Answer(404, f"nothing is taken from {source!r}: post to {' or '.join(SOURCES)}")
    if method != "POST":
        return Answer(405, "only POST is taken")
    if len(body) > LIMIT:
        return Answer(413, f"more than {LIMIT} bytes")
    verified, hint = SOURCES[source]
    lower = {name.lower(): value for name, value in headers.items()}
    if not verified(secrets, body, lower):
        return Answer(401, "the signature or the password is missing, or is that of another secret")
    kind = lower.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "application/x-www-form-urlencoded"):
        return Answer(415, "only application/json and application/x-www-form-urlencoded are taken")
    try:
        found = hint(lower, _payload(kind, body))
    except Malformed as error:
        return Answer(400, str(error))
    if isinstance(found, Hint) and len(found.delivery) > LONGEST:
        return Answer(400, "the id of the delivery is too long")
    return found


def _payload(kind: str, body: bytes) -> Mapping[str, Any]:
    try:
        text = body.decode()
        if kind != "application/json":
            text = parse_qs(text, strict_parsing=True, max_num_fields=4)["payload"][0]
        payload = json.loads(text)
    except (ValueError, KeyError, RecursionError):
        raise Malformed("the body is not JSON, or not all of it") from None
    if not isinstance(payload, dict):
        raise Malformed("the body is not a JSON object")
    return payload
