"""Secrets with known values, runs whose every word is kept, and the search through all that came out."""

from __future__ import annotations

import base64
import json
import logging
import multiprocessing
import os
import random
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import support.crash  # what the fork server has imported makes each run cheap
from support.sandbox import Sandbox

_CONTEXT = multiprocessing.get_context("forkserver")
assert support.crash.Doomed
_ANY = random.Random(20)
_LONG = "".join(_ANY.choices("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789+/%&?\"' ", k=1024))
_LINES = ["".join(_ANY.choices("ABCDEFGHijklmnop0123456789+/", k=70)) for _ in range(5)]
_KEY = "\n".join(("-----BEGIN OPENSSH PRIVATE KEY-----", *_LINES, "-----END OPENSSH PRIVATE KEY-----", ""))

VALUES: Mapping[str, str] = {
    f"CANARY_{number:02}": value
    for number, value in enumerate(
        (
            'say "friend" and enter',
            "the first line\nthe second one, longer\r\n\tand a third",
            "zwölf Boxkämpfer jagen – 東京 🗝",
            "100%25 of %s and %(all)s %",
            "${env:NOT_ME}-$${x}-{{y}}",
            "dGhpcyBpcyBub3QgYSB0ZXN0Pz4+/w==",
            _LONG,
            _KEY,
            "it's 'quoted' \\back\\slash\\n",
            "<b>&amp; \"attr\"='x'</b>",
            '{"type": "service_account", "private_key": "a\\nb-c-d"}',
            "Server=tcp:x;User ID=them;Password=0pen-Sesame!9;",
            "https://hooks.example.com/services/T0/B0/xYz?t=1&sig=a%2Bb%3Dc",
            "  surrounded by blanks  ",
            "[red]rich[/red] :lock: \\[x]",
            "dapi0123456789abcdef0123456789abcdef",
            "P@ssw0rd+with/slash=and?query&more#frag",
            "Sql-Adm1n;DROP--'x'",
            "a nested object's value 42",
            "printed-by-a-notebook-αβγ",
        ),
        1,
    )
}
"""App settings, each of them a secret."""


def core(value: str, shift: int) -> str:
    """The characters of base64 that stand for the value alone, `shift` bytes into a group of three."""
    raw = value.encode("utf-8", "surrogatepass")
    first, last = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
    return base64.b64encode(b"\0" * shift + raw).decode()[first:last]


def needles(value: str) -> set[bytes]:
    """What must be found nowhere: the value, its longer lines, and their forms."""
    long = [line for line in value.splitlines() if len(line) > 8 and not line.startswith("-----")]
    found = set()
    for part in {value, value.strip(), *long}:
        aligned = [core(part, shift) for shift in range(3)]
        found |= {
            part,
            json.dumps(part)[1:-1],
            json.dumps(part, ensure_ascii=False)[1:-1],
            repr(part)[1:-1],
            quote(part),
            quote(part, safe=""),
            quote_plus(part),
            *aligned,
            *(text.replace("+", "-").replace("/", "_") for text in aligned),
        }
    return {text.encode() for text in found}


def true_values(sandbox: Sandbox) -> dict[str, str]:
    """What is in the vaults and the scopes by now, every version of it, and the accounts' keys."""
    found: dict[str, str] = {}
    with closing(sqlite3.connect(f"file:{sandbox.state / 'world.db'}?mode=ro", uri=True)) as store:
        for collection, key, text in store.execute("SELECT collection, key, document FROM documents"):
            document = json.loads(text)
            if collection == "keyvault.secrets":
                for version in document["versions"]:
                    found[f"{key}/{version['version']}"] = str(version["value"])
            elif collection == "databricks.secrets":
                found[key] = base64.b64decode(document["secret"]).decode()
            else:
                found |= {f"{key}/{n}": value for n, value in enumerate(_keys(document))}
    return {name: value for name, value in found.items() if value}


def _keys(document: Any) -> Iterator[str]:
    """The keys of a storage account, wherever its document has them."""
    if isinstance(document, Mapping):
        if "keyName" in document and "value" in document:
            yield str(document["value"])
        for each in document.values():
            yield from _keys(each)
    elif isinstance(document, list):
        for each in document:
            yield from _keys(each)


def _run(words: tuple[str, ...], variables: Mapping[str, str], out: str, ready: Any) -> None:
    """The command line as a user starts it, with every logger open as far as it goes."""
    from reconciler.cli import main

    os.environ.clear()
    os.environ.update(variables)
    for number in (1, 2):
        file = os.open(f"{out}.{number}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
    logging.basicConfig(level=logging.DEBUG, filename=f"{out}.log", force=True)
    logging.Logger.setLevel = lambda *_: None  # type: ignore[method-assign,assignment]
    sys.argv = ["reconciler", *words]
    ready.wait()
    main()


class Run:
    """One verb in a process of its own that waits for `go`; `pid` is known before it makes a call."""

    def __init__(self, words: tuple[str, ...], variables: Mapping[str, str], out: Path) -> None:
        self._ready = _CONTEXT.Event()
        self._process = _CONTEXT.Process(target=_run, args=(words, variables, str(out), self._ready))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def go(self) -> int:
        """Let it run to its end: its exit code, negative where a signal ended it."""
        self._ready.set()
        self._process.join(timeout=300)
        assert self._process.exitcode is not None, "it did not end"
        return self._process.exitcode


@dataclass
class Watch:
    """Runs verbs on one project; all that they print, log and keep stays to be looked through."""

    sandbox: Sandbox
    repository: Path
    folder: Path
    settings: Path
    runs: int = 0
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, *words: str) -> Run:
        """Make a run ready. Words that are no verb of one environment go on as they are."""
        self.runs += 1
        self.folder.mkdir(exist_ok=True)
        variables = {**self.sandbox.env, "RECONCILER_SECRETS": ",".join(VALUES), **VALUES, **self.extra}
        place = ("--repo", str(self.repository), "--state", str(self.state))
        name = f"{self.runs:03}-{words[0]}"
        return Run((*words, *(() if words[0] == "template" else place)), variables, self.folder / name)

    def run(self, *words: str) -> int:
        return self.start(*words).go()

    def text(self, number: int = 0) -> str:
        """What the last run printed, or an earlier one by its number."""
        files = sorted(self.folder.glob(f"{number or self.runs:03}-*.[12]"))
        return "".join(file.read_text("utf-8") for file in files)

    def files(self) -> list[Path]:
        """All that came out; not the snapshots of Git, in which nobody wrote a secret."""
        held = [path for path in self.folder.rglob("*") if path.is_file()]
        return [*held, *(path for path in self.settings.glob("reconciler/**/*") if path.is_file())]

    def leaks(self, values: Iterable[tuple[str, str]]) -> list[str]:
        """Whose value is found in which file, with what stands before it."""
        looked_for = {needle: name for name, value in values for needle in needles(value)}
        found = []
        for path in self.files():
            content = path.read_bytes()
            for needle, name in looked_for.items():
                at = content.find(needle)
                if at >= 0:
                    found.append(f"{name} in {path.name}: …{content[max(0, at - 120) : at + 60]!r}")
        return found
