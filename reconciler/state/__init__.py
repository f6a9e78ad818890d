"""Where states are kept."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.errors import SettingsError
from reconciler.state.folder import FileStore
from reconciler.state.store import Lease, Store

__all__ = ["FileStore", "Lease", "Store", "open_store"]


def open_store(location: str) -> Store:
    """The store at a path. Raises SettingsError for an address."""
    if re.match(r"https://[^/]+\.blob\.core\.windows\.net(/|$)", location):
        raise SettingsError(
            "a state in Blob storage comes with the Function app. Name a folder.", where="--state"
        )
    if not location or re.match(r"[A-Za-z][\w+.-]*://", location):
        raise SettingsError(f"{location!r} is no place for a state. Name a folder.", where="--state")
    return FileStore(Path(location).expanduser())
