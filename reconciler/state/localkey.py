"""The key for hashes of a folder's states: a file of the user's own settings, for its owner alone. It is not
beside the hashes that it makes hard to guess: who is given the folder, or a backup of it, has no key."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import StateError
from reconciler.state import disk

BYTES = 32
NAME = ".key-name"
"""The file in the folder that says which key is its own."""


def keys_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a user's keys are (https://specifications.freedesktop.org/basedir-spec/latest/)."""
    settings = environ.get("XDG_CONFIG_HOME", "")
    home = Path(settings) if settings.startswith("/") else Path.home() / ".config"
    return home / "reconciler" / "keys"


def key_of(root: Path, keys: Path) -> bytes:
    """The key of the states in a folder; made where the folder has none yet. Called by one process at a time.

    Raises StateError where it is not on this machine: with another one every hash would look like an edit."""
    said = root / NAME
    if not said.exists():
        return _made(said, keys)
    name = said.read_text("utf-8", "replace").strip()
    path = keys / name
    if not re.fullmatch("[0-9a-f]{32}", name):
        raise StateError(f"this names no key. {_way_out(said)}", where=str(said))
    if not path.exists():
        told = (
            f"the key for hashes of {root} is missing. Bring it from where it was made. Or: {_way_out(said)}"
        )
        raise StateError(told, where=str(path))
    key = path.read_bytes()
    if len(key) != BYTES:
        raise StateError(f"the key is damaged. {_way_out(said)}", where=str(path))
    return key


def _made(said: Path, keys: Path) -> bytes:
    key, name = secrets.token_bytes(BYTES), secrets.token_hex(16)
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.replace(keys / name, key)
    disk.replace(said, f"{name}\n".encode())
    return key


def _way_out(said: Path) -> str:
    return f"Remove {said}: a new key is made, and every secret is then written once more."
