"""What every fuzzer watches: time, calls to anybody, and the number of its inputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from support.fuzzing import Watch

CALLS = ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
_watched: list[Watch] = []


def _audit(event: str, _: tuple[object, ...]) -> None:
    if _watched and event in CALLS:
        _watched[-1].calls[event] += 1


sys.addaudithook(_audit)


@pytest.fixture
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """Counts inputs and the calls made meanwhile, and keeps their number with the test's report."""
    made = Watch()
    _watched.append(made)
    yield made
    _watched.pop()
    counts = {"inputs": made.inputs, "refused": made.refused}
    request.node.user_properties.append(
        ("proved", {"what": f"fuzz: {request.module.__doc__.partition(':')[0]}", "counts": counts})
    )
