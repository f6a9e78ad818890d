"""The recorded traffic of the played services, sent again: status and shape must be as Azure answered.

Every difference needs a reason in `replay/differences.yaml`. Set RECONCILER_CORPUS to the folder that holds
`recordings/`; `pytest -s` prints the counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML
from support import recordings
from support.recordings import Difference, Exchange
from support.replay import Player, Result
from support.sandbox import Sandbox

RULES: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).parent / "replay" / "differences.yaml")
SERVICES = (
    "storage",
    "storage-dataplane",
    "keyvault",
    "keyvault-dataplane",
    "datafactory",
    "databricks",
    "managedidentity",
    "network",
)
# What cannot be sent or compared at all, by the reason.
LEFT_OUT = {
    "a host that the sandbox does not play": lambda one: not _played(one),
    "the recorder left the answer out": lambda one: "__omitted_chars__" in (one.answer or ()),
}

pytestmark = pytest.mark.skipif(
    not recordings.CORPUS, reason="RECONCILER_CORPUS does not name the recordings"
)


@pytest.mark.parametrize("service", SERVICES)
def test_recorded_answers_have_the_same_status_and_shape(
    service: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clients and the diff were made for these bodies; a sandbox that answers otherwise proves nothing."""
    player, left, used = Player(sandbox), Counter[str](), set[int]()
    for _, cassette in recordings.cassettes(service):
        left.update(reason for one in cassette if (reason := _left_out(one)))
        player.play([one for one in cassette if not _left_out(one)])
    unexplained = [line for result in player.results for line in _unexplained(result, used)]
    equal = sum(not result.found for result in player.results)
    listed = sum(bool(result.found) for result in player.results)
    with capsys.disabled():
        print(
            f"\n{service}: {len(player.results)} replayed, {equal} equal, {listed} listed with a reason,",
            end=" ",
        )
        print(f"{left.total()} left out {dict(left) or ''}")
    assert not unexplained, "\n".join(unexplained)
    assert equal >= FLOOR[service], "fewer recorded answers are met than before"
    # A rule that explains nothing hides the next real difference.
    meant = {at for at, rule in enumerate(RULES) if any(_about(rule, one.exchange) for one in player.results)}
    assert not [RULES[at]["reason"] for at in meant - used]


# How many answers of each service are known to be equal: this may only grow.
FLOOR = {
    "storage": 145,
    "storage-dataplane": 48,
    "keyvault": 82,
    "keyvault-dataplane": 50,  # lists of versions come in the order of random ids
    "datafactory": 172,
    "databricks": 72,
    "managedidentity": 7,
    "network": 315,
}


def _unexplained(result: Result, used: set[int]) -> list[str]:
    lines = []
    for found in result.found:
        at = next((i for i, rule in enumerate(RULES) if _explains(rule, result.exchange, found)), None)
        if at is None:
            lines.append(f"{result.exchange.name}: {found}")
        else:
            used.add(at)
    return lines


def _about(rule: Mapping[str, Any], exchange: Exchange) -> bool:
    kinds = re.fullmatch(rule["kinds"], exchange.kind)
    return kinds is not None and re.search(rule.get("source", ""), exchange.source) is not None


def _explains(rule: Mapping[str, Any], exchange: Exchange, found: Difference) -> bool:
    return (
        _about(rule, exchange)
        and found.what in rule.get("what", (found.what,))
        and any(re.fullmatch(path, found.path) for path in rule.get("paths", (".*",)))
    )


def _left_out(exchange: Exchange) -> str | None:
    return next((reason for reason, applies in LEFT_OUT.items() if applies(exchange)), None)


def _played(exchange: Exchange) -> bool:
    host = urlsplit(exchange.url).netloc
    return host.endswith(("management.azure.com", ".vault.azure.net", ".blob.core.windows.net"))
