"""Addresses of one repository in the forms that hosts and people write them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

FOLDING = frozenset({"github.com", "dev.azure.com"})
"""Hosts that do not tell upper from lower case in a path."""


def same_repository(one: str, other: str) -> bool:
    return normal(one) == normal(other)


def normal(address: str) -> str:
    """HOST/PATH of a URL, also of an SSH one; the absolute path of a folder."""
    ssh = re.fullmatch(r"(?:[\w.-]+@)?([\w.-]+\.[A-Za-z]+):(?!//)(.+)", address)
    try:
        parts = urlsplit(f"ssh://{ssh[1]}/{ssh[2]}" if ssh else address)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return address
    if parts.scheme in ("", "file"):
        try:
            return str(Path(unquote(parts.path) if parts.scheme else address).expanduser().resolve())
        except (ValueError, RuntimeError):  # a NUL in it, or the home of nobody
            return address
    host = (parts.hostname or "").removeprefix("ssh.")
    port = f":{parts.port}" if parts.port and parts.scheme != "ssh" else ""
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if steps and host != "dev.azure.com":
        steps[-1] = steps[-1].removesuffix(".git")
    host, steps = _azure(host, steps)
    path = "/".join(steps)
    return f"{host}{port}/{path.lower() if host in FOLDING else path}"


def _azure(host: str, steps: list[str]) -> tuple[str, list[str]]:
    """Azure Repos in one form, dev.azure.com/ORG/PROJECT/_git/REPO; other hosts as they are.

    ORG.visualstudio.com is the older name; `DefaultCollection` may stand after it; the project may be left
    out where the repository bears its name; SSH has a version in front and no `_git`."""
    if host == "vs-ssh.visualstudio.com" or (host == "dev.azure.com" and steps[:1] == ["v3"]):
        if len(steps) == 4:
            return "dev.azure.com", [*steps[1:3], "_git", steps[3]]
        return host, steps
    if host.endswith(".visualstudio.com"):
        host, steps = "dev.azure.com", [host.removesuffix(".visualstudio.com"), *steps]
    if host == "dev.azure.com":
        steps = [step for step in steps if step.lower() != "defaultcollection"]
        if len(steps) == 3 and steps[1] == "_git":
            steps = [steps[0], steps[2], "_git", steps[2]]
    return host, steps
