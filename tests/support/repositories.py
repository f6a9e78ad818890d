"""Git repositories made for a test, and a loopback HTTPS host that serves them as a Git host does."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@dataclass(frozen=True)
class Repository:
    """A checkout that a test writes to."""

    path: Path

    def git(self, *words: str, content: bytes = b"") -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *words],
            cwd=self.path,
            input=content,
            capture_output=True,
            env={**environment, **IDENTITY},
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: dict[str, str | bytes] | None = None, message: str = "change") -> str:
        """Write files, commit all that is there, and tell the commit's id."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def crafted(self, *lines: str) -> str:
        """A commit of a tree that `git add` would not make; a line is `mode type id\tname`."""
        parts = []
        for line in lines:
            about, name = line.split("\t")
            mode, _, identity = about.split()
            parts.append(f"{mode.lstrip('0')} {name}".encode() + b"\0" + bytes.fromhex(identity))
        options = ("hash-object", "-t", "tree", "-w", "--literally", "--stdin")
        tree = self.git(*options, content=b"".join(parts))
        return self.git("commit-tree", tree, "-m", "crafted")

    def blob(self, content: str) -> str:
        return self.git("hash-object", "-w", "--stdin", content=content.encode())


def make(path: Path, files: dict[str, str | bytes] | None = None, *options: str) -> Repository:
    """A new repository with one commit on `main`."""
    path.mkdir(parents=True, exist_ok=True)
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch=main", *options)
    repository.commit({"readme.md": "one\n"} if files is None else files)
    return repository


@dataclass
class Host:
    """What the HTTPS host serves (`folder/NAME` at `/NAME`), asks for, and has seen."""

    folder: Path
    url: str = ""
    authorization: str = ""
    """The header that every request must bear; "" lets everybody in."""
    redirect: str = ""
    """Where `/moved/…` sends to."""
    page: str = "/page"
    """Below this path, everything is an HTML page."""
    seen: list[tuple[str, str]] = field(default_factory=list)
    """Paths, and the Authorization header that came with them."""


@contextmanager
def serve(folder: Path, authority: trustme.CA) -> Iterator[Host]:
    """Git's own HTTP backend behind TLS on 127.0.0.1."""
    host = Host(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def respond(self) -> None:
            body = self.read()
            sent = self.headers.get("Authorization", "")
            path, _, query = self.path.partition("?")
            host.seen.append((path, sent))
            if path.startswith("/moved/"):
                return self.answer(302, Location=host.redirect + self.path.removeprefix("/moved"))
            if host.authorization and sent != host.authorization:
                return self.answer(401, WWW_Authenticate='Basic realm="git"')
            if path.startswith(host.page):
                return self.answer(200, b"<html>hello</html>", Content_Type="text/html")
            if not (host.folder / path.split("/")[1]).is_dir():
                return self.answer(404)
            done = subprocess.run(
                ["git", "http-backend"],
                input=body,
                capture_output=True,
                check=True,
                env={
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(host.folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "GIT_CONFIG_COUNT": "1",
                    "GIT_CONFIG_KEY_0": "safe.directory",
                    "GIT_CONFIG_VALUE_0": "*",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                },
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            return self.answer(int(headers.pop("Status", "200").split()[0]), content, **headers)

        def read(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = respond  # noqa: N815

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    host.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
