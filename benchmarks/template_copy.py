"""A template that makes up to 800 resources in a loop, which is as many as Azure takes.

Time is from the template's text to the evaluated resources as JSON values, and is set beside what
`json.loads` needs to read the text of just these."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.figure import Figure, best, quotient
from reconciler.armtemplate import Context, evaluate, parse, to_json

COUNTS = (100, 200, 400, 800)
RATIO = 30.0
"""At most so many times as long as `json.loads` of the result."""
GROWTH = 1.3
"""At most so many times as long for one of 800 resources as for one of 100: 1 is a straight line."""
CONTEXT = Context(
    subscription_id="00000000-0000-0000-0000-000000000001", resource_group="bench", location="westeurope"
)

LOOP = {"name": "loop", "count": "[parameters('count')]"}
SMALL: Mapping[str, Any] = {
    "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
    "apiVersion": "2023-01-31",
    "name": "[concat('id-', copyIndex())]",
    "location": "[resourceGroup().location]",
    "copy": LOOP,
}
ACCOUNT: Mapping[str, Any] = {
    "type": "Microsoft.Storage/storageAccounts",
    "apiVersion": "2023-05-01",
    "name": "[format('{0}{1}', variables('prefix'), padLeft(string(copyIndex(1)), 4, '0'))]",
    "location": "[parameters('location')]",
    "tags": "[union(parameters('tags'), createObject('index', string(copyIndex())))]",
    "kind": "StorageV2",
    "sku": {"name": "[if(equals(mod(copyIndex(), 2), 0), 'Standard_LRS', 'Standard_ZRS')]"},
    "copy": LOOP,
    "properties": {
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
        "isHnsEnabled": "[parameters('hierarchical')]",
        "networkAcls": {
            "bypass": "AzureServices",
            "defaultAction": "Deny",
            "virtualNetworkRules": [
                {
                    "id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'network', 'data')]",
                    "action": "Allow",
                }
            ],
        },
    },
}
GROUP: Mapping[str, Any] = {
    "type": "Microsoft.Network/networkSecurityGroups",
    "apiVersion": "2023-09-01",
    "name": "[format('{0}-nsg-{1}', variables('prefix'), copyIndex())]",
    "location": "[parameters('location')]",
    "tags": "[parameters('tags')]",
    "copy": LOOP,
    "properties": {
        "copy": [
            {
                "name": "securityRules",
                "count": "[length(variables('ports'))]",
                "input": {
                    "name": "[concat('port-', variables('ports')[copyIndex('securityRules')])]",
                    "properties": {
                        "access": "Allow",
                        "direction": "Inbound",
                        "protocol": "Tcp",
                        "priority": "[add(100, copyIndex('securityRules'))]",
                        "sourcePortRange": "*",
                        "sourceAddressPrefix": "*",
                        "destinationAddressPrefix": "*",
                        "destinationPortRange": "[variables('ports')[copyIndex('securityRules')]]",
                    },
                },
            }
        ]
    },
}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "identities, the smallest": SMALL,
    "storage accounts": ACCOUNT,
    "security groups of four rules": GROUP,
}


def template(resource: Mapping[str, Any], count: int) -> str:
    """The text of a template that makes so many of a resource."""
    return json.dumps(
        {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": {
                "count": {"type": "int", "defaultValue": count},
                "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
                "hierarchical": {"type": "bool", "defaultValue": True},
                "tags": {"type": "object", "defaultValue": {"team": "data", "stage": "bench"}},
            },
            "variables": {
                "prefix": "[concat('b', uniqueString(resourceGroup().id))]",
                "ports": ["80", "443", "8080", "8443"],
            },
            "resources": [resource],
        },
        indent=2,
    )


def result(text: str) -> list[dict[str, Any]]:
    """The evaluated resources as JSON values, in the form in which `reconciler template` prints them."""
    return [
        {
            "id": made.id,
            "type": made.type,
            "apiVersion": made.api_version,
            "name": made.name,
            "scope": made.scope,
            **to_json(made.body),
        }
        for made in evaluate(parse(text), {}, CONTEXT).resources
    ]


def run() -> Iterator[Figure]:
    """For each shape the time by count, the ratio to reading the result, and how straight the line is."""
    least, most = COUNTS[0], COUNTS[-1]
    for shape, resource in SHAPES.items():
        evaluations = {count: partial(result, template(resource, count)) for count in COUNTS}
        for count, evaluation in evaluations.items():
            yield Figure(f"{shape}: {count}", best(evaluation) * 1000, "ms")
        made = evaluations[most]()
        assert len(made) == most
        reading = partial(json.loads, json.dumps(made))
        yield Figure(f"{shape}: json.loads of {most}", best(reading) * 1000, "ms")
        ratio = quotient(evaluations[most], reading)
        yield Figure(f"{shape}: evaluation to json.loads", ratio, "times", RATIO)
        each = quotient(evaluations[most], evaluations[least]) * least / most
        yield Figure(f"{shape}: one of {most} to one of {least}", each, "times", GROWTH)
