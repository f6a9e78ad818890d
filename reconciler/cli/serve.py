"""The verb `serve`: the Function app's triggers on a laptop."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from dataclasses import replace
from typing import Annotated

import typer

from reconciler.cli.verb import Repo, StateAt, verb


@verb
def serve(
    port: Annotated[int, typer.Option("--port", help="The port on 127.0.0.1; 0 takes a free one.")] = 7072,
    workers: Annotated[int, typer.Option("--workers", help="How many ticks run side by side.", min=1)] = 2,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks at what is due.")] = 60,
    repo: Repo = "",
    state: StateAt = "",
) -> int:
    """Run the timer, the queue's workers and the HTTP routes here, for those without Functions' tools.

    The queue is that of AzureWebJobsStorage, else one in this process."""
    from reconciler import dispatch, settings
    from reconciler import serve as serve_

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("reconciler").setLevel(logging.INFO)
    said = settings.read()
    said = replace(said, repository=repo or said.repository, state=state or said.state)
    queue = dispatch.open_queue(said.storage) if said.storage else dispatch.MemoryQueue()
    serving = serve_.Serving(
        settings.engine(said), queue, said.webhook_secrets, port=port, workers=workers, every=every
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what a worker is at is brought to its end
    with serve_.running(serving) as url:
        print(f"{url}/api/environments?code={serving.key}", flush=True)
        print("Webhooks are taken at /api/webhook/github and /api/webhook/azuredevops.", flush=True)
        threading.Event().wait()
    return 0
