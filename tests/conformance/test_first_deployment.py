"""The first deployment of a factory that is larger than Resource Manager's bucket of writes."""

from __future__ import annotations

from pathlib import Path

from support.sandbox import Sandbox

from benchmarks.first_deployment import BUCKET, deployed, project

COUNT = BUCKET + 40


def test_what_is_more_than_the_bucket_holds_is_paced_and_nothing_fails(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """Each refusal would be a second lost; `make bench` measures the seconds of 1,000 objects."""
    found = deployed(project(tmp_path, sandbox, COUNT), sandbox)
    assert dict(found.outcomes) == {"done": COUNT + 2}, "the group and the factory beside its objects"
    assert found.refused == 0
    assert found.writes == COUNT + 2 + COUNT // 100, "each object is written once, each trigger started once"
