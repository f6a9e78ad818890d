"""What differs between two reads with no write between: by itself, a rule covers it; by hand, none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from support.noise import plain, read
from support.recordings import CORPUS

from reconciler import paths
from reconciler.equality import scalar
from reconciler.rules import Spot, for_type

pytestmark = pytest.mark.skipif(not CORPUS, reason="RECONCILER_CORPUS names no corpus")

BY_HAND = (
    ("properties.privatelinkserviceconnectionstate", "approved or rejected by a person"),
    ("properties.login", "another administrator was set"),
    ("properties.sid", "another administrator was set"),
    ("properties.networksecuritygroup.id", "attached to the subnet"),
    ("identity", "taken off and set again"),
    ("properties.agentpoolprofiles[].count", "scaled"),
    ("properties.agentpoolprofiles[].nodetaints", "pool updated"),
    ("tags.", "tagged"),
    ("properties.managedresourcegrouptags", "tagged"),
    ("properties.componentspec.display_name", "edited"),
    ("properties.deploymentconfiguration", "deployment replaced"),
    ("properties.environmentid", "deployment completed"),
    ("properties.arcagentryconfigurations[].settings", "settings of the agent updated"),
    ("properties.settings", "repositories taken off"),
    ("value", "a new version of the secret"),
    ("contenttype", "a new version of the secret"),
)


def by_hand(path: str) -> bool:
    return any(path.startswith(start) for start, _ in BY_HAND)


def covering(type: str, path: str, first: Any, second: Any) -> str:
    """The rule under which a field's two values are no change, "" where none is."""
    spot: Spot = for_type(type).root()
    start, _, resource = path.partition("./")
    for part in (*paths.segments(start), *([f"/{resource}"] if resource else [])):
        spot = spot.item(0) if part.startswith("[") else spot.key(part)
        if spot.hidden():
            return spot.hidden()
    held = first if second in (None, "", [], {}) else second
    gone = first in (None, "", [], {}) or second in (None, "", [], {})
    if gone and held in (None, "", [], {}) and not spot.name.startswith("/"):
        return "empty"
    if gone and "omitted" in spot.kinds and spot.kinds["omitted"].value == held:
        return "omitted"
    return scalar(first, second, spot) or ""


def test_each_path_that_moves_by_itself_is_covered_and_none_that_a_hand_moved() -> None:
    counts: Counter[str] = Counter()
    uncovered, hidden = [], []
    for record in read("get_get_drift.jsonl"):
        type = record["resource_type"]
        for change in record["changes"]:
            rule = covering(type, change["path"], change["first"], change["second"])
            if by_hand(plain(change["path"])):
                counts["by hand"] += 1
                hidden += [(type, change["path"], rule)] if rule else []
            else:
                counts[rule or "uncovered"] += 1
                uncovered += [] if rule else [(type, change["path"], change["first"], change["second"])]
    print(f"\n{dict(counts)}")
    assert hidden == []
    assert uncovered == []
