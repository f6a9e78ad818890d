"""Paths in a workspace: their one form, and what cannot be one."""

from __future__ import annotations

import re
from posixpath import normpath
from typing import Final

ALIAS: Final = "/Workspace"
"""How clusters and libraries see the workspace's root: `/Workspace/Shared/a` and `/Shared/a` are the same
(https://learn.microsoft.com/azure/databricks/files/workspace)."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ELSEWHERE: Final = {
    "Repos": "Git folders belong to Git: their content is changed by a pull in the workspace.",
    "Volumes": "Volumes are no part of the workspace's tree.",
    "dbfs": "DBFS is no part of the workspace's tree.",
}


def plain(path: str) -> str:
    """The path without `/Workspace`, doubled slashes and one at its end."""
    path = normpath(path).replace("//", "/")
    if path == ALIAS or path.startswith(f"{ALIAS}/"):
        path = path[len(ALIAS) :] or "/"
    return path


def mounted(path: str) -> str:
    """The path as libraries and Python files of a job need it: `/Workspace/…`."""
    return f"{ALIAS}{plain(path)}"


def inside(path: str, folder: str) -> bool:
    """Whether a plain path lies below a plain folder, at any depth."""
    return path.startswith(folder.rstrip("/") + "/")


def fault_of(path: str) -> tuple[str, str]:
    """What is wrong with a path and the way out; two empty texts if nothing is."""
    first = plain(path).split("/")[1] if path.startswith("/") else ""
    if not first:
        return f"{path!r} is no folder of a workspace.", "Name one below the root, e.g. `/Shared/bikeshare`."
    if first in _ELSEWHERE:
        return f"Nothing is put below /{first}. {_ELSEWHERE[first]}", "Use e.g. `/Shared/bikeshare`."
    if _CONTROL.search(path) or any("\ud800" <= character <= "\udfff" for character in path):
        return f"{path!r} holds a character that a workspace path cannot have.", "Rename the file."
    if any(part != part.strip() for part in path.split("/")):
        return f"A name in {path!r} begins or ends with a space.", "Rename the file."
    return "", ""
