"""What was created in a sandbox, as Azure's own activity log tells it."""

from __future__ import annotations

from support.project import SUBSCRIPTION, Azure
from support.sandbox import Sandbox


def created(sandbox: Sandbox) -> list[str]:
    """The id of each resource, as often as it was created."""
    sandbox.advance("PT30M")
    since = "2020-01-01T00:00:00Z"
    path = f"/subscriptions/{SUBSCRIPTION}/providers/microsoft.insights/eventtypes/management/values"
    events = Azure().call_query("GET", path, "2015-04-01", f"eventTimestamp ge '{since}'")
    return [
        event["resourceId"].lower()
        for event in events
        if event["operationName"]["value"].lower().endswith("/write")
        and event["subStatus"]["value"] == "Created"
        and "/deployments/" not in event["resourceId"].lower()
    ]
