"""The sandbox's own certificate authority, kept in the state folder."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import certifi
import trustme


class Authority:
    """Issues server certificates by host name. `bundle` is what clients trust: public roots and ours."""

    def __init__(self, folder: Path) -> None:
        pem = keep(folder / "authority.pem", _new_authority)
        marker = b"-----BEGIN CERTIFICATE-----"
        key, certificate = pem[: pem.index(marker)], pem[pem.index(marker) :]
        self._authority = trustme.CA.from_pem(certificate, key)
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.bundle = folder / "bundle.pem"
        _replace(self.bundle, Path(certifi.where()).read_bytes() + b"\n" + certificate)

    def context(self, host: str) -> ssl.SSLContext:
        """The server side of TLS in the name of `host`."""
        if host not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_alpn_protocols(["http/1.1"])
            self._authority.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return self._contexts[host]


def keep(file: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content, made once: of two processes that start together one wins."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = _write(file, make())
        try:
            os.link(fresh, file)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return file.read_bytes()


def _new_authority() -> bytes:
    authority = trustme.CA(organization_name="Sandbox of Azure", organization_unit_name="loopback only")
    return authority.private_key_pem.bytes() + authority.cert_pem.bytes()


def _replace(file: Path, content: bytes) -> None:
    if not file.exists() or file.read_bytes() != content:
        _write(file, content).replace(file)


def _write(file: Path, content: bytes) -> Path:
    fresh = file.with_name(f".{file.name}.{uuid4().hex}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    return fresh
