"""A key is the only identity of a resource: as text it must come back, and fold case where Azure does."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.resource import Key, Secret

KINDS = st.sampled_from(
    ["arm.group", "arm.resource", "adf.pipeline", "databricks.notebook", "keyvault.secret"]
)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("aA/% 25F+ü\n")


@given(KINDS, TEXT, TEXT)
def test_a_key_comes_back_from_its_text(kind: str, scope: str, name: str) -> None:
    key = Key(kind, scope, name)
    back = Key.parse(str(key))
    assert (back.kind, back.scope, back.name) == (kind, scope, name)
    assert str(back) == str(key)
    assert str(key).count("/") == 2
    assert " " not in str(key)


@given(KINDS, TEXT, TEXT, TEXT, TEXT)
def test_different_names_have_different_texts(
    kind: str, scope: str, name: str, scope2: str, name2: str
) -> None:
    """Else a state would hold one entry for two resources."""
    assert (str(Key(kind, scope, name)) == str(Key(kind, scope2, name2))) == (
        (scope, name) == (scope2, name2)
    )


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (Key("adf.pipeline", "factory", "score"), "adf.pipeline/factory/score"),
        (
            Key("databricks.notebook", "adb-1.net", "/Shared/a b"),
            "databricks.notebook/adb-1.net/%2FShared%2Fa%20b",
        ),
        (
            Key("arm.resource", "g", "Microsoft.Sql/servers:a/b"),
            "arm.resource/g/Microsoft.Sql%2Fservers:a%2Fb",
        ),
        (Key("k", "100%", "%2F"), "k/100%25/%252F"),
    ],
)
def test_the_text_of_a_key_is_a_promise(key: Key, text: str) -> None:
    assert str(key) == text


@pytest.mark.parametrize("text", ["", "a/b", "a/b/c/d"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        Key.parse(text)


def test_case_folds_where_the_cloud_folds_it() -> None:
    assert Key("arm.resource", "Group", "T:Name") == Key("arm.resource", "group", "t:name")
    assert hash(Key("arm.resource", "Group", "T:Name")) == hash(Key("arm.resource", "group", "t:name"))
    assert Key("databricks.notebook", "HOST", "/A") == Key("databricks.notebook", "host", "/A")
    assert Key("databricks.notebook", "host", "/A") != Key("databricks.notebook", "host", "/a")
    assert Key("arm.group", "a", "b") != "arm.group/a/b"


@given(st.lists(st.builds(Key, KINDS, st.text("aAb"), st.text("aAb"))))
def test_keys_have_one_order_that_agrees_with_equality(keys: list[Key]) -> None:
    ordered = sorted(keys)
    backwards = list(reversed(keys))
    assert ordered == sorted(backwards)
    for one, other in pairwise(ordered):
        assert (one < other) != (one == other)


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("f1ngerprint", "parameters('p')")
    assert "f1ngerprint" not in f"{secret} {secret!r} {[secret]}"
