"""Connections are shared by environments; nothing else of one call is seen by another."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from reconciler.providers import connections


def test_no_cookie_is_kept() -> None:
    """Several identities share the connections: a cookie would follow one into the calls of another."""
    told: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append(self.headers.get("Cookie", ""))
            self.send_response(200)
            self.send_header("Set-Cookie", "who=one; Path=/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    session = connections._transport().session
    assert session is not None
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(2):
            session.get(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert told == ["", ""]
