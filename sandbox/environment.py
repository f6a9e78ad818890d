"""The environment variables that point a shell, an SDK or `az` at the sandbox."""

from __future__ import annotations

import shlex
from pathlib import Path

from sandbox.authority import Authority
from sandbox.proxy import ADDRESS
from sandbox.world import identity_header

_DIRECT = f"{ADDRESS},localhost"
UNSET = ("ALL_PROXY", "all_proxy")


def variables(port: int, folder: Path) -> dict[str, str]:
    """All that is set; UNSET names what must not be. Makes authority and header if they are missing."""
    proxy = f"http://{ADDRESS}:{port}"
    bundle = str(Authority(folder).bundle.resolve())
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": _DIRECT,
        "no_proxy": _DIRECT,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "IDENTITY_ENDPOINT": f"{proxy}/msi/token",
        "IDENTITY_HEADER": identity_header(folder),
    }


def exports(port: int, folder: Path) -> str:
    """Shell lines for `eval`."""
    lines = [f"unset {' '.join(UNSET)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables(port, folder).items()]
    return "\n".join(lines)
