"""The evaluator against recorded deployments: ids, dependencies and outputs as Azure reported them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from support.templates import NO_CORPUS, corpus_files, read_text

from reconciler.armtemplate import Context, Evaluation, Unknown, evaluate, parse, to_json
from reconciler.armtemplate.parameters import plain_parameters

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
NIL = "00000000-0000-0000-0000-000000000000"
OTHER_IDS = {
    "test_acrcssc_workflow": "role assignments are named by a guid of ids that the recorder replaced",
    "test_get_provider": "a role assignment is named by a guid of an identity that was not recorded",
}
OTHER_DEPENDENCIES = {
    "test_acrcssc_workflow": OTHER_IDS["test_acrcssc_workflow"],
    "test_get_provider": OTHER_IDS["test_get_provider"],
    "test_workspace_hub": "lists resources too that their conditions left out; no other recording does",
}
OTHER_OUTPUTS = {
    # The deployment read the resource with an older API version than the recorded GET.
    "usePolicyBasedTrafficSelectors",
    "ipsecPolicies",
    "enableHttp3",
    "defaultPredefinedSslPolicy",
}


def rows() -> list[dict[str, Any]]:
    found = corpus_files("recordings/deployments.jsonl")
    lines = [json.loads(line) for line in read_text(found[0]).splitlines()] if found else []
    return [row for row in lines if row["kind"] == "deployment" and template_of(row) is not None]


def template_of(row: Mapping[str, Any]) -> Any:
    return row["request"].get("properties", {}).get("template")


def name_of(row: Mapping[str, Any]) -> str:
    return str(row["source"]).rpartition("/")[2].removesuffix(".yaml")


ROWS = rows()
pytestmark = pytest.mark.skipif(not ROWS, reason=NO_CORPUS)


def context_of(row: Mapping[str, Any]) -> Context:
    parts = row["scope"].strip("/").split("/")
    gets = row.get("resource_gets") or []
    bodies = [item.get("body", item) for item in (gets if isinstance(gets, list) else gets.values())]
    values: dict[str, Any] = {
        "deployment_name": row["name"],
        "deployment_location": row["request"].get("location"),
        "location": "westus",
        "references": {body["id"]: body for body in bodies if isinstance(body, dict) and "id" in body},
    }
    if parts[0].lower() == "subscriptions":
        values["subscription_id"] = parts[1]
        values["scope"] = "resourceGroup" if len(parts) > 3 else "subscription"
        values["resource_group"] = parts[3] if len(parts) > 3 else ""
    elif "managementgroups" in row["scope"].lower():
        values |= {"scope": "managementGroup", "management_group": parts[-1]}
    else:
        values["scope"] = "tenant"
    return Context(**values)


def evaluated(row: Mapping[str, Any]) -> Evaluation:
    source = template_of(row)
    text = source if isinstance(source, str) else json.dumps(source)
    parameters = plain_parameters(row["request"]["properties"].get("parameters") or {})
    return evaluate(parse(text, "template.json"), parameters, context_of(row))


def final_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What Azure said of this deployment in the end; empty where it was not recorded or did not succeed.

    Some cassettes hold several deployments of one name: the correlation id tells them apart.
    """
    final = (row.get("final") or {}).get("properties", {})
    first = (row.get("put_response") or {}).get("properties", {}).get("correlationId")
    known = not first or first == NIL or final.get("correlationId") == first
    return final if known and final.get("provisioningState") == "Succeeded" else {}


def id_of(text: str) -> str:
    """An id to compare: recorders replaced the ids of subscriptions, though not everywhere."""
    return re.sub(r"(?<=^/subscriptions/)[^/]+", NIL, text.lower())


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_resource_ids(row: dict[str, Any]) -> None:
    """The resources are those that Azure deployed."""
    made = evaluated(row)
    final = final_of(row)
    if not final or name_of(row) in OTHER_IDS:
        return
    assert {id_of(item.id) for item in made.resources} == {
        id_of(item["id"]) for item in final["outputResources"]
    }


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_dependencies(row: dict[str, Any]) -> None:
    """What waits for what is what Azure worked out, explicit, implicit and reads of other resources."""
    final = final_of(row)
    if not final or name_of(row) in OTHER_DEPENDENCIES:
        return
    wanted = {
        id_of(item["id"]): {id_of(other["id"]) for other in item["dependsOn"]}
        for item in final["dependencies"]
    }
    made = evaluated(row).dependencies
    assert {id_of(key): set(map(id_of, ids)) for key, ids in made.items()} == wanted


@pytest.mark.parametrize("row", [row for row in ROWS if final_of(row).get("outputs")], ids=name_of)
def test_outputs(row: dict[str, Any]) -> None:
    """Outputs that the recorded resources can answer are those that Azure gave."""
    made = {name.lower(): output for name, output in evaluated(row).outputs.items()}
    for name, wanted in final_of(row)["outputs"].items():
        output = made[name.lower()]
        assert output.type.lower() == wanted["type"].lower()
        if "value" in wanted and not isinstance(output.value, Unknown):
            found = list(differences(to_json(output.value), wanted["value"]))
            assert [path for path in found if path.rpartition(".")[2] not in OTHER_OUTPUTS] == []


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            if key in left and key in right:
                yield from differences(left[key], right[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from differences(one, other, f"{path}[{place}]")
    elif left != right:
        yield path


def test_enough_is_recorded() -> None:
    """The comparisons above are not empty."""
    with_final = [row for row in ROWS if final_of(row)]
    assert len(with_final) > 100
    assert sum(len(final_of(row).get("dependencies", [])) for row in with_final) > 100
