"""Checks that ask an address: TLS is verified, other hosts are not followed to, nothing secret is shown."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from support.checks import Ticks
from support.sandbox import Sandbox


class Site(BaseHTTPRequestHandler):
    """`/STATUS` answers so; `/to?URL` redirects; `/third` is right from its third call on."""

    seen: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("Authorization", "")))
        path, _, query = self.path.partition("?")
        third = sum(path == "/third" for path, _ in self.seen) >= 3
        status = 302 if path == "/to" else int(path[1:]) if path[1:].isdigit() else 200 if third else 503
        self.send_response(status)
        if status == 302:
            self.send_header("Location", query)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def site(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web site over TLS on loopback whose certificate is trusted in this test: `https://localhost:N`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "site.pem").write_bytes(private + certificate)
    roots = Path(sandbox.variables["REQUESTS_CA_BUNDLE"]).read_bytes()
    (tmp_path / "roots.pem").write_bytes(roots + certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "roots.pem"))
    (tmp_path / "netrc").write_text("machine localhost login me password not-for-you\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    Site.seen.clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "site.pem")
    with HTTPServer(("127.0.0.1", 0), Site) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def asked(sandbox: Sandbox, root: Path, url: str, more: str = "") -> Ticks:
    return Ticks(sandbox, root, f'  - {{name: endpoint, http: "{url}", timeout: 10s{more}}}')


def test_the_right_status_passes(sandbox: Sandbox, tmp_path: Path, site: str) -> None:
    """At once, without credentials from a `.netrc`, and the address is shown without its query."""
    record = asked(sandbox, tmp_path, f"{site}/200?code=not-for-you").run()["endpoint"]
    assert (record["result"], record["kind"], record["url"]) == ("passed", "http", f"{site}/200")
    assert Site.seen == [("/200?code=not-for-you", "")]
    assert "not-for-you" not in str(record)


def test_the_status_is_what_was_expected(sandbox: Sandbox, tmp_path: Path, site: str) -> None:
    """A redirect may be what is expected, too."""
    for path, expect in (("204", 204), ("404", 404), ("to?https://example.org/", 302)):
        ticks = asked(sandbox, tmp_path, f"{site}/{path}", f", expect: {expect}")
        assert ticks.run()["endpoint"]["result"] == "passed"


def test_it_is_asked_again_until_its_time_is_over(sandbox: Sandbox, tmp_path: Path, site: str) -> None:
    """A site that is still starting passes; one that stays wrong fails with what it said, and is not asked
    again for the same content."""
    assert asked(sandbox, tmp_path, f"{site}/third").run()["endpoint"]["result"] == "passed"
    ticks = asked(sandbox, tmp_path, f"{site}/500?code=not-for-you")
    record = ticks.run()["endpoint"]
    told = f"It did not end within 10s. {site}/500 answered 500; 200 is expected."
    assert (record["result"], record["error"]) == ("failed", told)
    before = len(Site.seen)
    assert ticks.run()["endpoint"] == record
    assert len(Site.seen) == before


def test_redirects_stay_on_the_host(sandbox: Sandbox, tmp_path: Path, site: str) -> None:
    """On the same host they are followed; to another one, or to http, never."""
    assert asked(sandbox, tmp_path, f"{site}/to?/200").run()["endpoint"]["result"] == "passed"
    for target in ("https://example.org/200", site.replace("https", "http") + "/200"):
        record = asked(sandbox, tmp_path, f"{site}/to?{target}").run()["endpoint"]
        assert record["result"] == "failed"
        assert f"answered 302, to {target}" in record["error"]
    assert not [entry for entry in sandbox.journal() if "example.org" in entry["host"]]
    record = asked(sandbox, tmp_path, f"{site}/to?/to?/200").run()["endpoint"]
    assert record["result"] == "passed"


def test_a_circle_of_redirects_ends(sandbox: Sandbox, tmp_path: Path, site: str) -> None:
    record = asked(sandbox, tmp_path, f"{site}/to?to").run()["endpoint"]
    assert record["result"] == "failed"


def test_a_certificate_that_nobody_trusts_fails(
    sandbox: Sandbox, tmp_path: Path, site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS is verified."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", sandbox.variables["REQUESTS_CA_BUNDLE"])
    record = asked(sandbox, tmp_path, f"{site}/200").run()["endpoint"]
    assert (record["result"], "was not reached: SSLError" in record["error"]) == ("failed", True)
    assert Site.seen == []


def test_a_host_that_is_not_reached_fails(sandbox: Sandbox, tmp_path: Path) -> None:
    """With no word of the proxy's or the query's."""
    record = asked(sandbox, tmp_path, "https://nobody.example/health?code=not-for-you").run()["endpoint"]
    assert record["result"] == "failed"
    assert record["error"] == (
        "It did not end within 10s. https://nobody.example/health was not reached: ProxyError."
    )
