"""The loopback proxy: ends TLS in the name of the hosts it plays and refuses every other host.

`CONNECT host:443` is answered, TLS is started on the same connection and the requests inside go to
the application; so do plain requests, in absolute form or to the proxy's own address.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from sandbox.authority import Authority

ADDRESS = "127.0.0.1"
_HEAD_LIMIT = 64 * 1024
_log = logging.getLogger("sandbox")

Refuse = Callable[[str], None]


QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Known to Linux alone; elsewhere writes take a little longer."""


class Proxy:
    """What all connections share."""

    def __init__(self, app: Any, authority: Authority, plays: Callable[[str], bool], refuse: Refuse) -> None:
        self.authority = authority
        self.plays = plays
        self.refuse = refuse
        self._state = ServerState()
        self._config = Config(
            app, http="httptools", ws="none", lifespan="off", interface="asgi3", log_config=None,
            access_log=False, server_header=False, date_header=False, timeout_keep_alive=75,
        )  # fmt: skip
        self._config.load()

    async def listen(self, port: int) -> asyncio.Server:
        """Serve on 127.0.0.1; port 0 takes a free one. Raises OSError when the port is taken."""
        return await asyncio.get_running_loop().create_server(
            lambda: _Front(self), ADDRESS, port, backlog=512
        )

    def http(self) -> HttpToolsProtocol:
        """A parser for one connection."""
        return _Http(self._config, self._state, {})


class _Http(HttpToolsProtocol):
    def data_received(self, data: bytes) -> None:
        # A client that sends head and body apart waits with the body until the head is acknowledged
        # (Nagle's algorithm); the kernel would leave it waiting for 40 ms.
        if QUICK_ACK is not None:
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # Lets a fault cut the connection without an answer.
        extensions: dict[str, Any] = {"sandbox.abort": self.transport.abort}
        self.scope["extensions"] = extensions


class _Front(asyncio.Protocol):
    """Reads the first request's head and hands the connection to whom it belongs."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._head = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if not self._head.startswith(b"CONNECT "[: len(self._head)]):
            _hand_over(self._transport, self._proxy.http(), self._head)
        elif b"\r\n\r\n" in self._head:
            self._connect(self._head.split(b" ", 2)[1].decode("latin-1"))
        elif len(self._head) > _HEAD_LIMIT:
            self._transport.abort()

    def _connect(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        if port != "443" or not self._proxy.plays(host.lower()):
            self._proxy.refuse(target if port != "443" else host)
            body = f"The sandbox does not play {target}, and nothing leaves this machine.\n".encode()
            self._transport.write(
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            self._transport.close()
            return
        self._transport.pause_reading()
        self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._task = asyncio.get_running_loop().create_task(self._start_tls(host.lower()))

    async def _start_tls(self, host: str) -> None:
        early = _Early()
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport, early, self._proxy.authority.context(host), server_side=True
            )
        except (OSError, asyncio.CancelledError) as fault:
            _log.info("TLS for %s did not come about: %s", host, fault)
            self._transport.abort()
            return
        if transport is None or transport.is_closing():
            return
        _hand_over(transport, self._proxy.http(), early.data)


class _Early(asyncio.Protocol):
    """Keeps what a client sent together with the end of its TLS handshake."""

    def __init__(self) -> None:
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data


def _hand_over(transport: asyncio.Transport, protocol: HttpToolsProtocol, data: bytes) -> None:
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if data:
        protocol.data_received(data)
