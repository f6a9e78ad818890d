"""The Function app's triggers on a laptop: a timer, workers on the queue, and the HTTP routes on loopback.

Built on the standard library's server: a handful of requests by one person need no framework, and the app's
own requirements stay what they are."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from urllib.parse import parse_qsl, unquote, urlsplit

from reconciler import api, dashboard, dispatch, webhooks
from reconciler.dispatch import Takeable
from reconciler.engine import Reconciler
from reconciler.errors import ReconcilerError

ATTEMPTS = 5
"""So often a message is taken before it is given up, as in host.json."""
IDLE_SECONDS = 0.5
GRACE_SECONDS = 120
"""Beyond a tick's own time a message stays hidden: then another worker may take it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Serving:
    """What serves: an engine, its queue, and how.

    secrets: of the webhooks. key: what the other routes ask for. every: seconds between two looks at what is
    due."""

    engine: Reconciler
    queue: Takeable
    secrets: tuple[str, ...] = ()
    port: int = 7072
    workers: int = 2
    every: float = 60.0
    key: str = field(default_factory=lambda: token_urlsafe(24), repr=False)


@contextmanager
def running(serving: Serving) -> Iterator[str]:
    """Serve in threads while the block runs; gives the address. What a worker is at is brought to its end."""
    ended = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", serving.port), _handler(serving))
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.1,), name="http"),
        threading.Thread(target=_timer, args=(serving, ended), name="timer"),
        *(
            threading.Thread(target=_worker, args=(serving, ended), name=f"worker-{number}")
            for number in range(serving.workers)
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()


def _timer(serving: Serving, ended: threading.Event) -> None:
    while True:
        try:
            queued = dispatch.queue_due(serving.engine, serving.queue, datetime.now(UTC))
            log.info("timer ended queued=%s", ",".join(queued))
        except ReconcilerError as error:
            log.error("timer failed code=%s message=%s", error.code, error)
        if ended.wait(serving.every):
            return


def _worker(serving: Serving, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            if not _work_one(serving):
                ended.wait(IDLE_SECONDS)
        except Exception:  # as the Functions host: the message comes back, the worker goes on
            log.exception("worker failed")
            ended.wait(IDLE_SECONDS)


def _work_one(serving: Serving) -> bool:
    """Take one message and work it off; False where there is none."""
    taken = serving.queue.take(serving.engine.seconds + GRACE_SECONDS)
    if taken is None:
        return False
    if taken.count > ATTEMPTS:
        dispatch.poisoned(serving.engine, taken.text)
    else:
        dispatch.work(serving.engine, serving.queue, taken.text)
    taken.done()
    return True


def _handler(serving: Serving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "reconciler"
        timeout = 30

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self._body()
            if body is None:
                found = api.Answer(413)
            else:
                found = answer(serving, self.command, self.path, dict(self.headers.items()), body)
            content = found.text.encode()
            self.send_response(found.status)
            for name, value in {"Content-Type": "application/json", **found.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes | None:
            """The body; None where it is too long or does not say how long it is."""
            length = self.headers.get("Content-Length", "0")
            chunked = "Transfer-Encoding" in self.headers
            if chunked or not length.isdecimal() or int(length) > webhooks.LIMIT:
                self.close_connection = True
                return None
            return self.rfile.read(int(length))

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: an address may hold a key."""

    return Handler


def answer(serving: Serving, method: str, target: str, headers: Mapping[str, str], body: bytes) -> api.Answer:
    """One request, by the routes of the app."""
    address = urlsplit(target)
    steps = [unquote(step) for step in address.path.strip("/").split("/")]
    query = dict(parse_qsl(address.query))
    by = api.KEY if _has_key(serving.key, headers, query.get("code", "")) else None
    match (method, *steps):
        case ("POST", "api", "webhook", source):
            return api.webhook(
                lambda: serving.engine, lambda: serving.queue, serving.secrets, source, method, headers, body
            )
        case ("GET", "api", "environments", *rest) if len(rest) <= 2:
            name, view = (*rest, "", "")[:2]
            return api.environments(serving.engine, by, name, view, headers)
        case ("GET", "api", "dashboard", *rest) if len(rest) <= 1:
            return dashboard.answer(serving.engine, by, "".join(rest), query, headers)
        case ("POST", "api", "environments", name, verb):
            return dashboard.command(serving.engine, serving.queue, by, name, verb, body, headers, query)
    return api.Answer(404)


def _has_key(key: str, headers: Mapping[str, str], code: str) -> bool:
    """Whether a request bears the key, as one to Functions does. Else any page in a browser could post."""
    named = {name.lower(): value for name, value in headers.items()}
    said = named.get("x-functions-key") or code
    return hmac.compare_digest(said.encode(), key.encode())
