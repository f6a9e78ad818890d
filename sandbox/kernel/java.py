"""`python -m sandbox.kernel.java SOCKET FOLDER`: a Java machine for Spark, lent to one kernel after another.

The second kernel needs about half the time of the first: classes are loaded and compiled. What a kernel did
is taken back when it has ended: its Spark is stopped, its file systems are closed, its settings go.

It says `{"java": {"port", "secret"}}` once it runs, and `{"clean": true}` each time it was told to clean up.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.kernel import leash
from sandbox.kernel.channel import Channel
from sandbox.kernel.spark import DEFAULTS, configure


def main() -> None:
    leash.hold()
    connection = socket.socket(fileno=int(sys.argv[1]))
    channel = Channel(connection)
    configure(Path(sys.argv[2]), {name: DEFAULTS[name] for name in DEFAULTS if ".driver." in name})
    from pyspark.java_gateway import launch_gateway

    gateway = launch_gateway()  # type: ignore[no-untyped-call]
    system = gateway.jvm.java.lang.System
    first = _settings(system)
    address = gateway.java_parameters
    channel.send(java={"port": address.port, "secret": address.auth_token})
    for line in connection.makefile("rb"):
        if json.loads(line).get("clean"):
            _clean(gateway.jvm, first)
            channel.send(clean=True)


def _clean(jvm: Any, first: Mapping[str, str]) -> None:
    contexts = getattr(getattr(jvm.org.apache.spark, "SparkContext$"), "MODULE$")  # Scala's companion object
    context = contexts.getActive()
    if context.isDefined():
        context.get().stop()
    jvm.org.apache.spark.sql.SparkSession.clearActiveSession()
    jvm.org.apache.spark.sql.SparkSession.clearDefaultSession()
    jvm.org.apache.hadoop.fs.FileSystem.closeAll()  # they keep the mounts that they were made with
    system = jvm.java.lang.System
    for name in _settings(system).keys() - first.keys():
        system.clearProperty(name)
    for name, value in first.items():
        system.setProperty(name, value)


def _settings(system: Any) -> dict[str, str]:
    """Spark's settings as properties of the machine, where every new session reads them."""
    properties = system.getProperties()
    names = [str(name) for name in properties.stringPropertyNames()]
    return {name: str(properties.getProperty(name)) for name in names if name.startswith("spark.")}


if __name__ == "__main__":
    main()
