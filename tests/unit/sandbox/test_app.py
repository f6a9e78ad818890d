"""One request as one transaction: what is kept, undone and told, without a network."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.app import App
from sandbox.service import CloudError, Request, Response, Route, Service, arm_error
from sandbox.world import World


def _write(world: World, request: Request) -> Response:
    world.store.put("c", "k", {"by": request.params["how"]})
    match request.params["how"]:
        case "refused":
            raise CloudError(
                409, "Conflict", "no", {"x-reason": "taken"}, [{"code": "Inner"}], {"target": "t"}
            )
        case "broken":
            raise RuntimeError("a secret detail")
        case "failed":
            return Response(400, {"kept": True})
    return Response(201, request.json())


TOY = Service(
    name="toy",
    hosts=("toy.example", "*.known.example"),
    routes=(
        Route("PUT", "/write/{how}", _write),
        Route("POST", "/list", lambda world, request: Response(200, []), write=False),
    ),
    audiences=(),
    error=arm_error,
    knows=lambda world, host: host == "toy.example" or world.store.get("hosts", host) is not None,
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, [TOY])


def ask(
    world: World,
    method: str,
    path: str,
    body: bytes = b"{}",
    *,
    host: str = "toy.example",
    whole: bool = True,
) -> tuple[int, dict[str, str], Any] | None:
    """Status, headers and JSON of the answer; None when nothing was answered."""
    sent: list[Any] = []
    received = [{"type": "http.request", "body": body, "more_body": not whole}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return received.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    raw_path, _, query = path.partition("?")
    scope = {
        "method": method,
        "scheme": "https",
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
    }
    asyncio.run(App(world)(scope, receive, send))
    if not sent:
        return None
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    text = sent[1]["body"]
    return sent[0]["status"], headers, json.loads(text) if text.startswith((b"{", b"[")) else text


@pytest.mark.parametrize(
    ("how", "status", "kept"),
    [("fine", 201, True), ("failed", 400, True), ("refused", 409, False), ("broken", 500, False)],
)
def test_what_raises_is_undone_and_what_answers_is_kept(
    world: World, how: str, status: int, kept: bool
) -> None:
    """Half a refused write would be a state that Azure never shows."""
    answer = ask(world, "PUT", f"/write/{how}")

    assert answer is not None
    assert answer[0] == status
    assert world.store.get("c", "k") == ({"by": how} if kept else None)
    assert [(entry["status"], entry["write"]) for entry in world.journal.since()] == [(status, True)]


def test_errors_carry_headers_details_and_no_internals(world: World) -> None:
    refused, broken = ask(world, "PUT", "/write/refused"), ask(world, "PUT", "/write/broken")

    assert refused is not None
    assert broken is not None
    assert refused[1]["x-reason"] == "taken"
    assert refused[2]["error"] == {
        "code": "Conflict",
        "message": "no",
        "target": "t",
        "details": [{"code": "Inner"}],
    }
    assert "secret detail" not in json.dumps(broken[2])


def test_a_body_that_is_no_json_is_refused(world: World) -> None:
    answer = ask(world, "PUT", "/write/fine", b"{")

    assert answer is not None
    assert (answer[0], answer[2]["error"]["code"]) == (400, "InvalidRequestContent")
    assert world.store.get("c", "k") is None


def test_half_a_request_has_no_effect(world: World) -> None:
    """A client that dies while it sends has not asked for anything."""
    assert ask(world, "PUT", "/write/fine", b"{}", whole=False) is None
    assert world.store.get("c", "k") is None


def test_a_reading_post_is_no_write_in_the_journal(world: World) -> None:
    """`zero writes` is judged by the journal; shared access signatures are masked in it."""
    ask(world, "POST", "/list?sig=abc&x=1")

    entry = world.journal.since()[0]
    assert (entry["write"], entry["query"]) == (False, {"sig": "***", "x": "1"})


def test_a_host_is_played_only_while_it_exists(world: World) -> None:
    """The name of a deleted vault does not resolve."""
    app = App(world)
    assert not app.plays("a.known.example")
    gone = ask(world, "POST", "/list", host="a.known.example")
    world.store.put("hosts", "a.known.example", {})

    assert gone is not None
    assert gone[0] == 502
    assert app.plays("a.known.example")
    assert not app.plays("127.0.0.1")
