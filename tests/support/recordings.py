"""Recorded exchanges: read them, adapt their placeholders, compare the shapes of two answers.

Knows files and JSON; knows nothing of the sandbox.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CORPUS = os.environ.get("RECONCILER_CORPUS", "")
_RECORDED_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
# Ids that each side makes up for itself: GUIDs, secret versions.
_MADE_UP = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])"
)


@dataclass(frozen=True)
class Exchange:
    """One recorded request and its answer. `source` is the cassette it was cut from."""

    service: str
    source: str
    seq: int
    method: str
    url: str
    body: Any
    status: int
    headers: Mapping[str, Any]
    answer: Any

    @property
    def name(self) -> str:
        """Where to find it."""
        return f"{self.source} #{self.seq} {self.method} {self.url.split('?')[0]}"

    @property
    def kind(self) -> str:
        """`PUT Microsoft.Network/virtualNetworks/subnets`, `GET vault/secrets`: what rules of difference go by."""
        parts = urlsplit(self.url)
        if parts.netloc.endswith(".vault.azure.net"):
            return f"{self.method} vault{re.sub(r'(?<=s)/.*', '', parts.path)}"
        if ".blob." in parts.netloc:
            place = parts.path.strip("/").split("/", 1)
            noun = "blob" if len(place) == 2 else "container" if place[0] else "service"
            comp = re.search(r"comp=(\w+)", parts.query)
            return f"{self.method} {noun}{'/' + comp[1] if comp else ''}"
        namespace, *rest = parts.path.rpartition("/providers/")[2].strip("/").split("/")
        return f"{self.method} {'/'.join([namespace, *rest[0::2]])}"


def cassettes(service: str) -> Iterator[tuple[str, list[Exchange]]]:
    """The exchanges of one service, by the cassette they come from, in their order."""
    file = Path(CORPUS) / "recordings" / "exchanges" / f"{service}.jsonl"
    with file.open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    found = [
        Exchange(
            service,
            r["source"],
            r["seq"],
            r["method"],
            _adapted(r["url"]),
            _body(_adapted(r["request_body"])),
            r["status"],
            _adapted(r["response_headers"]),
            _adapted(r["response_body"]),
        )
        for r in records
    ]
    for source, exchanges in groupby(found, key=lambda one: one.source):
        yield source, list(exchanges)


def _adapted(value: Any) -> Any:
    """With the subscription of the sandbox in place of the recorder's."""
    text = json.dumps(value).replace(
        f"/subscriptions/{_RECORDED_SUBSCRIPTION}", f"/subscriptions/{SUBSCRIPTION}"
    )
    for canary in ("eastus2euap", "centraluseuap"):  # regions that no customer is offered
        text = text.replace(canary, canary.removesuffix("euap"))
    return json.loads(text)


SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


def _body(sent: Any) -> Any:
    """Some recorders kept the body as the text of a Python bytes literal, once or twice over."""
    if isinstance(sent, str) and (start := sent.find("{")) >= 0:
        try:
            return json.loads(sent[start : sent.rfind("}") + 1].replace("\\\\'", "'").replace("\\'", "'"))
        except ValueError:
            return sent
    return sent


@dataclass(frozen=True)
class Difference:
    """`what` is status, code, missing (we lack it), extra (only we have it), kind, or length; `path` is in the
    body."""

    what: str
    path: str
    recorded: str
    ours: str


def differences(recorded: Any, ours: Any, path: str = "") -> Iterator[Difference]:
    """Where the shapes of two bodies differ: keys, kinds of values, lengths of lists; error codes by value."""
    if isinstance(recorded, Mapping) and isinstance(ours, Mapping):
        for key in recorded.keys() | ours.keys():
            at = f"{path}.{key}" if path else key
            if key not in ours:
                yield Difference("missing", at, _kind(recorded[key]), "")
            elif key not in recorded:
                yield Difference("extra", at, "", _kind(ours[key]))
            elif at == "error.code" and recorded[key] != ours[key]:
                yield Difference("code", at, str(recorded[key]), str(ours[key]))
            else:
                yield from differences(recorded[key], ours[key], at)
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield Difference("length", f"{path}[]", str(len(recorded)), str(len(ours)))
        for one, other in zip(recorded, ours, strict=False):
            yield from differences(one, other, f"{path}[]")
    elif _kind(recorded) != _kind(ours):
        yield Difference("kind", path, _kind(recorded), _kind(ours))


def learn(recorded: Any, ours: Any) -> Iterator[tuple[str, str]]:
    """Pairs of made-up ids that stand at the same place in both bodies."""
    if isinstance(recorded, Mapping) and isinstance(ours, Mapping):
        for key in recorded.keys() & ours.keys():
            yield from learn(recorded[key], ours[key])
    elif isinstance(recorded, list) and isinstance(ours, list):
        for one, other in zip(recorded, ours, strict=False):
            yield from learn(one, other)
    elif isinstance(recorded, str) and isinstance(ours, str):
        if recorded.startswith("https://") and "skiptoken" in recorded and "skiptoken" in ours:
            yield recorded, ours
            return
        left, right = _MADE_UP.findall(recorded), _MADE_UP.findall(ours)
        if len(left) == len(right):
            yield from ((a, b) for a, b in zip(left, right, strict=True) if a != b)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "string", list: "list", dict: "object"}.get(type(value), type(value).__name__)
