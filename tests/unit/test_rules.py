"""The rules' own form: validated when loaded, found for any type, the narrower winning."""

from pathlib import Path

import pytest

from reconciler import paths, rules
from reconciler.rules import KINDS, RulesError, for_type, load

FILES = sorted(Path(rules.__file__).parent.glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_loads_and_each_rule_gives_a_reason(file: Path) -> None:
    sets = load(file)
    assert sets
    for each in sets:
        assert each.rules
        for rule in each.rules:
            assert rule.kind in KINDS
            assert len(rule.why) >= 8


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_holds_only_types_of_its_namespace_and_no_resource_of_anyones(file: Path) -> None:
    for each in load(file):
        assert file.stem == "general" or each.type.lower().startswith(file.stem.lower())
        for rule in each.rules:
            assert "/subscriptions/" not in rule.path
            assert not {"000001", "cli_test", "asotest"} & set(rule.path.split("."))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("T/t: {read_only: [{path: a}]}", "why"),
        ("T/t: {read_only: [{path: a, why: long enough, wen: x}]}", "wen"),
        ("T/t: {readonly: [{path: a, why: long enough}]}", "unknown kinds readonly"),
        ("T/t: {keyed: [{path: a, why: long enough}]}", "by"),
        ("T/t: {omitted: [{path: a, why: long enough}]}", "value"),
        ("T/t: {ignore: [{path: 'a[', why: long enough}]}", "no path"),
    ],
)
def test_a_wrong_file_is_refused_with_its_fault(tmp_path: Path, text: str, fault: str) -> None:
    file = tmp_path / "T.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=fault):
        load(file)


def test_any_text_is_a_type_and_gets_the_general_rules() -> None:
    for type in ("", "Foo", "../general", "Contoso.Any/things", "dataplane:x/y", "a*b[c]"):
        assert for_type(type).root().key("properties").key("provisioningState").hidden() == "read_only"


def test_types_are_found_in_any_case_and_by_glob() -> None:
    one, other = for_type("MICROSOFT.KEYVAULT/vaults"), for_type("microsoft.keyvault/Vaults")
    assert one is other
    policies = one.root().key("Properties").key("ACCESSPOLICIES")
    assert policies.kinds["keyed"].by == ("tenantId", "objectId", "applicationId")
    assert "separate" in policies.kinds


def test_nothing_matches_inside_the_users_own_tags() -> None:
    tags = for_type("Contoso.Any/things").root().key("tags")
    assert not tags.key("createdBy").hidden()
    assert "secret" not in tags.key("password").kinds
    assert "exact" in tags.key("anything").kinds


def test_paths_are_written_and_read() -> None:
    path = paths.child(paths.item(paths.child(paths.child("", "a"), "b.c"), "d e"), 'f"g')
    assert path == 'a["b.c"][d e]["f\\"g"]'
    assert paths.segments(path) == ("a", "b.c", "[d e]", 'f"g')
    document = {"A": {"b.c": [{"name": "D e", 'f"g': 7}]}}
    assert paths.find(document, path) == 7
    with pytest.raises(KeyError):
        paths.find(document, "a.x")
    with pytest.raises(ValueError, match="character 3"):
        paths.segments("a.[")
