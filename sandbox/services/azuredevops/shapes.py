"""Bodies as dev.azure.com answers them."""

from __future__ import annotations

from typing import Any

from sandbox.service import CloudError, Response


def error(fault: CloudError) -> Response:
    body = {
        "$id": "1",
        "innerException": None,
        "message": fault.message,
        "typeKey": fault.code,
        "errorCode": 0,
    }
    return Response(fault.status, body, fault.headers)


def pull(found: dict[str, Any], repository: str, head: str, target: str) -> dict[str, Any]:
    """A pull request, without addresses and people. head, target: commits."""
    return {
        "repository": {"name": repository},
        "pullRequestId": found["number"],
        "status": found["status"],
        "title": found["title"],
        "sourceRefName": f"refs/heads/{found['head']}",
        "targetRefName": f"refs/heads/{found['base']}",
        "mergeStatus": "succeeded",
        "lastMergeSourceCommit": {"commitId": head},
        "lastMergeTargetCommit": {"commitId": target},
        **({"forkSource": {"repository": {"name": found["fork"]}}} if found["fork"] else {}),
    }


def listed(values: list[Any]) -> dict[str, Any]:
    return {"value": values, "count": len(values)}
