"""Runs the sandbox until it is told to stop."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
from pathlib import Path

from sandbox.app import App
from sandbox.authority import Authority
from sandbox.proxy import ADDRESS, Proxy
from sandbox.services import ALL
from sandbox.world import World


def run(port: int, folder: Path, lag: bool, until_stdin_closes: bool) -> None:
    """Serve; prints one JSON line `{"port", "url", "state"}` on stdout when ready.

    Raises OSError when the port is taken and BlockingIOError when another sandbox has the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    asyncio.run(_serve(port, folder, lag, until_stdin_closes))


async def _serve(port: int, folder: Path, lag: bool, until_stdin_closes: bool) -> None:
    world = World(folder, ALL, lag)
    app = App(world)
    proxy = Proxy(app, Authority(folder), app.plays, app.refuse)
    server = await proxy.listen(port)
    bound = server.sockets[0].getsockname()[1]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        loop.add_reader(0, lambda: None if os.read(0, 1024) else stop.set())
    ready = {"port": bound, "url": f"http://{ADDRESS}:{bound}", "state": str(folder.resolve())}
    print(json.dumps(ready), flush=True)
    try:
        await stop.wait()
    finally:
        server.close()
        world.close()
