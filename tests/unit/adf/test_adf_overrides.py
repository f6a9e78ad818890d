"""`dataFactory.set`: what it reaches, and that it is never silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.factories import folder, pipeline, ref, run

from reconciler.adf import Definitions, load
from reconciler.armtemplate import Unknown
from reconciler.errors import InputError
from reconciler.resource import Secret

COPY = {"name": "Copy", "policy": {"timeout": "1"}, "type": "Copy"}
FILES: dict[str, Any] = {
    "linkedService/vault": {"typeProperties": {"baseUrl": "dev", "a.b": 1}},
    "linkedService/store": {
        "typeProperties": {"baseUrl": "dev"},
        "connectVia": ref("integrationRuntime", "near"),
    },
    "integrationRuntime/near": {},
    "integrationRuntime/far": {},
    "pipeline/score": pipeline(
        COPY, {"name": "Each", "typeProperties": {"activities": [COPY]}}, run("other")
    ),
    "pipeline/other": pipeline(),
    "trigger/t": {"pipelines": [{"pipelineReference": ref("pipeline", "score"), "parameters": {"n": 1}}]},
    "factory/f": {"globalParameters": {"stage": {"type": "string", "value": "dev"}}},
}


def configured(root: Path, overrides: dict[str, dict[str, Any]]) -> Definitions:
    def where(path: tuple[str | int, ...]) -> str:
        return "environments/test.yaml#" + ">".join(map(str, path))

    return load(folder(root, FILES), root, overrides=overrides, where=where)


def get(definitions: Definitions, kind: str, name: str, *path: str | int) -> Any:
    value: Any = definitions.objects[kind, name].body["properties"]
    for key in path:
        value = value[key]
    return value


ACTIVITY = ("pipeline", "score", "activities")
SET = {
    "a property": ("linkedService/vault", "properties.typeProperties.baseUrl", ("linkedService", "vault", "typeProperties", "baseUrl")),
    "in any case of letters": ("LINKEDservice/VAULT", "Properties.typeproperties.BASEURL", ("linkedService", "vault", "typeProperties", "baseUrl")),
    "a key with a dot": ("linkedService/vault", 'properties.typeProperties["a.b"]', ("linkedService", "vault", "typeProperties", "a.b")),
    "an activity by name": ("pipeline/score", "properties.activities[Copy].policy.timeout", (*ACTIVITY, 0, "policy", "timeout")),
    "an activity by index": ("pipeline/score", "properties.activities[0].policy.timeout", (*ACTIVITY, 0, "policy", "timeout")),
    "an inner activity": (
        "pipeline/score",
        "properties.activities[Each].typeProperties.activities[Copy].policy.timeout",
        (*ACTIVITY, 1, "typeProperties", "activities", 0, "policy", "timeout"),
    ),
    "a pipeline of a trigger": ("trigger/t", "properties.pipelines[score].parameters.n", ("trigger", "t", "pipelines", 0, "parameters", "n")),
    "a whole map": ("linkedService/vault", "properties.typeProperties", ("linkedService", "vault", "typeProperties")),
}  # fmt: skip


@pytest.mark.parametrize(("key", "path", "place"), SET.values(), ids=SET)
def test_a_path_reaches_one_value_and_leaves_the_rest(
    tmp_path: Path, key: str, path: str, place: Any
) -> None:
    before, after = configured(tmp_path, {}), configured(tmp_path, {key: {path: "NEW"}})
    assert get(after, *place) == "NEW"
    changed = [each for each in before.objects if before.objects[each].body != after.objects[each].body]
    assert changed == [place[:2]]


def test_wildcards_reach_all_that_fit(tmp_path: Path) -> None:
    """Both linked services, every depth of activities; an object without the path is left as it is."""
    overrides = {"linkedService/*": {"properties.typeProperties.baseUrl": "t"}, "*/*": {"**.timeout": "9"}}
    found = configured(tmp_path, overrides)
    assert [
        get(found, "linkedService", name, "typeProperties", "baseUrl") for name in ("vault", "store")
    ] == ["t", "t"]
    assert get(found, *ACTIVITY, 0, "policy", "timeout") == "9"
    assert get(found, *ACTIVITY, 1, "typeProperties", "activities", 0, "policy", "timeout") == "9"


def test_a_later_setting_wins(tmp_path: Path) -> None:
    """So a wildcard can be followed by its exceptions."""
    path = "properties.typeProperties.baseUrl"
    found = configured(tmp_path, {"linkedService/*": {path: "all"}, "linkedService/vault": {path: "one"}})
    assert [
        get(found, "linkedService", name, "typeProperties", "baseUrl") for name in ("vault", "store")
    ] == ["one", "all"]


def test_global_parameters_differ_per_environment(tmp_path: Path) -> None:
    found = configured(tmp_path, {"factory/f": {"properties.globalParameters.stage.value": "test"}})
    assert found.factory is not None
    assert found.factory.body["properties"]["globalParameters"]["stage"] == {
        "type": "string",
        "value": "test",
    }


def test_references_follow_what_is_set(tmp_path: Path) -> None:
    """Another runtime in another environment is another edge."""
    found = configured(tmp_path, {"linkedService/store": {"properties.connectVia.referenceName": "far"}})
    needs = found.needs(found.objects["linkedService", "store"])
    assert [str(need) for need in needs] == ["integrationRuntime/far"]


def test_a_name_stays_whatever_a_wildcard_hits(tmp_path: Path) -> None:
    """Else the object would be another one than its key says."""
    assert (
        configured(tmp_path, {"pipeline/score": {"**.name": "x"}}).objects["pipeline", "score"].body["name"]
        == "score"
    )


FAULTS = {
    "no such object": ("linkedService/vualt", {"properties.x": 1}, "hits no object", "linkedService/vault"),
    "no such property": ("linkedService/vault", {"properties.typeProperties.url": 1}, "hits nothing", ""),
    "no such activity": ("pipeline/score", {"properties.activities[Copi].policy.timeout": 1}, "hits nothing", ""),
    "beyond a text": ("linkedService/vault", {"properties.typeProperties.baseUrl.x": 1}, "hits nothing", ""),
    "no path": ("linkedService/vault", {"properties.[": 1}, "no path", ""),
    "empty": ("linkedService/vault", {"": 1}, "cannot be set", ""),
    "its name": ("linkedService/vault", {"name": "x"}, "cannot be set", ""),
    "what it sets is not there": ("linkedService/store", {"properties.connectVia.referenceName": "no"}, "not there", ""),
}  # fmt: skip


@pytest.mark.parametrize(("key", "settings", "message", "hint"), FAULTS.values(), ids=FAULTS)
def test_what_hits_nothing_is_a_fault_with_its_place(
    tmp_path: Path, key: str, settings: Any, message: str, hint: str
) -> None:
    """A slip in a path would else deploy dev's values to production without a word."""
    with pytest.raises(InputError) as raised:
        configured(tmp_path, {key: settings})
    (fault,) = raised.value.faults
    assert message in fault.message and hint in fault.hint
    assert fault.place.startswith(
        (f"environments/test.yaml#dataFactory>set>{key}", "linkedService/store.json:")
    )


def test_a_file_that_cannot_be_read_is_no_fault_of_the_settings(tmp_path: Path) -> None:
    """One slip, one fault: the path may well be in the file that is broken."""
    files = {"pipeline/cut.json": "{", "pipeline/whole": pipeline()}
    for key in ("pipeline/cut", "pipeline/*"):
        with pytest.raises(InputError) as raised:
            load(folder(tmp_path, files), tmp_path, overrides={key: {"properties.x": 1}})
        assert [fault.place for fault in raised.value.faults] == ["pipeline/cut.json:1:2"]


def test_what_is_known_later_and_secrets_can_be_set(tmp_path: Path) -> None:
    """They stay what they are, and neither sizes nor messages show them."""
    later = Unknown("reference('x').vaultUri", references=("x",))
    overrides = {
        "linkedService/vault": {
            "properties.typeProperties.baseUrl": later,
            'properties.typeProperties["a.b"]': Secret("hash"),
        }
    }
    found = configured(tmp_path, overrides)
    assert get(found, "linkedService", "vault", "typeProperties") == {"baseUrl": later, "a.b": Secret("hash")}
