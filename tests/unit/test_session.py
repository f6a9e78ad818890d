"""The session that the SDKs are given sends what requests would send, and nothing of one call is seen by another."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from urllib3.util.ssl_ import create_urllib3_context

from reconciler.providers.session import Session

Told = list[tuple[str, str, dict[str, str], bytes]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def server(told: Told) -> Iterator[str]:
    """Keeps what it is told; /away leads to /there, and each answer sets a cookie."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            told.append((self.command, self.path, dict(self.headers.items()), self.rfile.read(size)))
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("Location", "/there")
            self.send_header("Set-Cookie", "who=one; Path=/")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(
    "call",
    [
        {"method": "GET", "path": "/a b/%2Fc", "params": {"q": "x y&z", "all": ["1", "2"], "none": None}},
        {"method": "GET", "path": "/a?kept=1"},
        {
            "method": "PUT",
            "path": "/p",
            "data": '{"name": "Zürich"}',
            "headers": {"Content-Type": "application/json"},
        },
        {"method": "POST", "path": "/p", "data": b"", "headers": {"X-Mine": "1"}},
        {"method": "POST", "path": "/p"},
        {"method": "POST", "path": "/p", "data": {"path": "/x"}},
        {"method": "GET", "path": "/away"},
        {"method": "GET", "path": "/away", "allow_redirects": False},
    ],
    ids=str,
)
def test_a_call_is_what_requests_would_make_of_it(server: str, told: Told, call: dict[str, Any]) -> None:
    """The SDKs are tried with requests; what ours leaves out must not be seen by the service."""
    method, url = call.pop("method"), server + call.pop("path")
    seen = []
    for session in (requests.Session(), Session()):
        session.cookies.clear()
        answer = session.request(method, url, timeout=10, **call)
        seen.append((answer.status_code, answer.content, answer.url, *[_plain(each) for each in told]))
        told.clear()
    assert seen[0] == seen[1]


def _plain(call: tuple[str, str, dict[str, str], bytes]) -> Any:
    method, path, headers, body = call
    return method, path, {name: value for name, value in headers.items() if name != "Cookie"}, body


def test_a_form_with_a_file_is_sent(server: str, told: Told) -> None:
    """The workspace import API takes large notebooks as a form."""
    Session().request(
        "POST", f"{server}/import", data={"path": "/x"}, files={"content": b"# code"}, timeout=10
    )
    ((_, _, headers, body),) = told
    assert headers["Content-Type"].startswith("multipart/form-data")
    assert b"# code" in body and b'name="path"' in body


def test_no_cookie_is_kept(server: str, told: Told) -> None:
    """Several identities share the connections: a cookie would follow one into the calls of another."""
    session = Session()
    for _ in range(2):
        session.get(f"{server}/a", timeout=10)
    session.post(f"{server}/a", files={"content": b""}, timeout=10)
    assert [headers.get("Cookie") for _, _, headers, _ in told] == [None, None, None]


def test_who_calls_is_asked_for_each_call(server: str, told: Told) -> None:
    """The token of a workspace is renewed by the function that the SDK puts into the session."""
    tokens = iter(("one", "two"))

    def sign(asked: requests.PreparedRequest) -> requests.PreparedRequest:
        asked.headers["Authorization"] = f"Bearer {next(tokens)}"
        return asked

    session = Session()
    session.auth = sign
    for _ in range(2):
        session.get(f"{server}/a", timeout=10)
    assert [headers["Authorization"] for _, _, headers, _ in told] == ["Bearer one", "Bearer two"]


def test_variables_that_change_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read once for as long as they stay, not for ever; the host of NO_PROXY goes without."""
    session = Session()
    monkeypatch.setenv("NO_PROXY", "")
    for proxy in ("http://127.0.0.1:1", "http://127.0.0.1:2"):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        found = session.merge_environment_settings("https://management.azure.com/x", None, False)
        assert found["proxies"]["https"] == proxy
    monkeypatch.setenv("NO_PROXY", "management.azure.com")
    assert (
        "https"
        not in session.merge_environment_settings("https://management.azure.com/x", None, False)["proxies"]
    )


def test_connections_share_what_they_trust_and_each_is_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authorities that each connection reads for itself were most of a new connection's time and memory."""
    ours, other = trustme.CA(), trustme.CA()
    (tmp_path / "ours.pem").write_bytes(ours.cert_pem.bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ours.pem"))
    monkeypatch.setenv("NO_PROXY", "*")
    made = []
    monkeypatch.setattr(
        "reconciler.providers.session.create_urllib3_context",
        lambda: made.append(1) or create_urllib3_context(),
    )
    session = Session()
    with _https(ours, "127.0.0.1") as one, _https(ours, "127.0.0.1") as two:
        assert [session.get(f"{url}/a", timeout=10).status_code for url in (one, two)] == [200, 200]
    assert len(made) == 1
    for authority, host in ((other, "127.0.0.1"), (ours, "127.0.0.2")):
        with _https(authority, host) as url, pytest.raises(requests.exceptions.SSLError):
            session.get(f"{url}/a", timeout=10)


@contextmanager
def _https(authority: trustme.CA, name: str) -> Iterator[str]:
    """A server on 127.0.0.1 whose certificate, of this authority, says this name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.handle_error = lambda *_: None  # type: ignore[method-assign]
        running.socket = context.wrap_socket(running.socket, server_side=True)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{running.server_port}"
        running.shutdown()
