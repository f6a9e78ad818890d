"""`python -m sandbox.kernel SOCKET FOLDER`: runs the tasks that come over the socket, until it is closed.

SOCKET is the number of an inherited file descriptor, FOLDER a folder of its own for what it must write down.
Standard input is a leash: when it ends, because the sandbox has ended, so does the whole process group.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from sandbox.kernel import leash, libraries, runner, tasks
from sandbox.kernel.channel import Channel, Refused
from sandbox.kernel.errors import LibraryFault, described
from sandbox.kernel.imports import WorkspaceFinder
from sandbox.kernel.output import LIMIT, Output, Redactor
from sandbox.kernel.paths import Paths, patch
from sandbox.kernel.runner import Machine
from sandbox.kernel.spark import Spark

Task = Mapping[str, Any]


def main() -> None:
    leash.hold()
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    folder = Path(sys.argv[2])
    site = folder / "site"
    site.mkdir(parents=True)
    os.chdir(folder)
    # The sandbox's own sources are no libraries of a notebook; Spark's Python workers see the wheels too.
    sys.path[0] = str(site)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    redact = Redactor()
    machine: tuple[Spark, Paths] | None = None
    while task := channel.task():
        redact.add(task["hidden"])
        output = Output(redact, lambda text: channel.send(output=text))
        with redirect_stdout(output), redirect_stderr(output):
            try:
                machine = _prepared(machine, channel, folder, site, task, output)
                channel.send(started=True)
                done = _execute(machine, channel, redact, task)
            except LibraryFault as fault:
                done = {"state": "library", "error": str(fault)}
            except BaseException as fault:
                # Whatever a notebook raises, SystemExit too, is its own end and not the kernel's.
                done = {"state": "failed", "error": described(fault), "trace": runner.trace(fault)}
        output.finish()
        channel.send(done={key: redact(v) if isinstance(v, str) else v for key, v in done.items()})


def _prepared(
    machine: tuple[Spark, Paths] | None,
    channel: Channel,
    folder: Path,
    site: Path,
    task: Task,
    output: Output,
) -> tuple[Spark, Paths]:
    """Libraries installed, and the machine as its first task asks for it."""
    if machine:
        libraries.install(task["libraries"], machine[1], site, output.write)
        return machine
    spark = Spark(channel, folder, task["settings"], task["hiddenSettings"], task["serverless"])
    places = {name: Path(place) for name, place in task["folders"].items()}
    paths = Paths(
        channel, places["dbfs"], places["volumes"], places["datasets"], folder / "files", spark.folder
    )
    jars = libraries.install(task["libraries"], paths, site, output.write)
    spark.prepare(paths.mounts, jars)
    patch(paths)
    sys.meta_path.append(WorkspaceFinder(paths))
    return spark, paths


def _execute(machine: tuple[Spark, Paths], channel: Channel, redact: Redactor, task: Task) -> dict[str, Any]:
    spark, paths = machine
    shared = Machine(channel, spark, paths, redact, task["facts"], task["values"])
    try:
        result = tasks.KINDS[task["kind"]](shared, task)
    except Refused as no:
        return {"state": "failed", "error": str(no), "trace": ""}
    result = redact(result) if result is not None else None
    cut = result is not None and len(result) > LIMIT
    return {
        "state": "succeeded",
        "result": result[:LIMIT] if result else result,
        "truncated": cut,
        "values": shared.made,
    }


if __name__ == "__main__":
    main()
