"""Large templates take time in proportion to what they make."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
from support.templates import CONTEXT, plain, template

from reconciler.armtemplate import evaluate, parse

RULE = {
    "name": "[variables('rules')[copyIndex('securityRules')].name]",
    "properties": {
        "protocol": "Tcp",
        "access": "Allow",
        "priority": "[add(100, copyIndex('securityRules'))]",
        "destinationPortRange": "[string(variables('rules')[copyIndex('securityRules')].port)]",
        "destinationAddressPrefix": "[if(equals(mod(copyIndex(), 2), 0), '*', '10.0.0.0/8')]",
        "sourceAddressPrefix": "*",
    },
}
GROUP = {
    "type": "Microsoft.Network/networkSecurityGroups",
    "apiVersion": "2023-04-01",
    "name": "[format('{0}-nsg-{1}', variables('base'), copyIndex())]",
    "location": "[resourceGroup().location]",
    "tags": "[union(parameters('tags'), createObject('index', string(copyIndex())))]",
    "copy": {"name": "groups", "count": "[parameters('count')]"},
    "properties": {
        "copy": [{"name": "securityRules", "count": "[length(variables('rules'))]", "input": RULE}],
        "subnet": {
            "id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', string(copyIndex()))]"
        },
    },
}


def best(call: Callable[[], Any], times: int = 5) -> float:
    """The shortest of some runs, in seconds: others use the machine too."""
    shortest = float("inf")
    for _ in range(times):
        gc.collect()
        start = perf_counter()
        call()
        shortest = min(shortest, perf_counter() - start)
    return shortest


def measure(count: int) -> tuple[float, float]:
    """Seconds to evaluate so many resources, and for `json.loads` of the result."""
    source = template(
        GROUP,
        parameters={
            "count": {"type": "int", "defaultValue": count},
            "tags": {"type": "object", "defaultValue": {"env": "dev", "owner": "team"}},
        },
        variables={
            "base": "[concat('app', uniqueString(resourceGroup().id))]",
            "rules": [{"name": "http", "port": 80}, {"name": "https", "port": 443}],
        },
    )
    parsed = parse(json.dumps(source))
    made = evaluate(parsed, {}, CONTEXT)
    assert len(made.resources) == count
    text = json.dumps(plain(made))
    return best(lambda: evaluate(parsed, {}, CONTEXT)), best(lambda: json.loads(text))


@pytest.mark.prove
def test_time_grows_with_the_result() -> None:
    """800 resources by a loop take at most 30 times what reading their JSON takes, and about 8 times 100."""
    small, _ = measure(100)
    large, reading = measure(800)
    assert large <= 30 * reading
    assert large <= 12 * small


def test_a_large_loop_is_quick() -> None:
    """A loop of 800 is far from what a user would wait for, also on a busy machine."""
    assert measure(800)[0] < 5
