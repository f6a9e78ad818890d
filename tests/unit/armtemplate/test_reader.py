"""Reading templates: ARM's liberties with JSON, and the place of every value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.armtemplate import TemplateError, parse

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_reads_what_json_reads(value: object) -> None:
    """Any JSON document comes out as the standard library reads it, types included."""
    text = json.dumps(value)
    assert json.dumps(parse(text).root) == text


def test_takes_comments_and_line_breaks() -> None:
    """Templates in the wild have both kinds of comments, and strings over several lines."""
    text = '// first\n{"a": /* in\nbetween */ "one\ntwo", // last\n"b": [1, // item\n 2]}'
    assert parse(text).root == {"a": "one\ntwo", "b": [1, 2]}


def test_numbers_keep_their_type() -> None:
    """1 and 1.0 are not the same to ARM: an `int` parameter takes only the first."""
    root = parse('{"i": 12345678901234567890, "f": 1.0, "e": 1e3, "b": true}').root
    assert [type(value) for value in root.values()] == [int, float, float, bool]


def test_position_of_a_value() -> None:
    """A place is line and column of the property's name, or of the array's element."""
    source = parse('{\n  "a": {\r\n    "b": [10,\n      {"c": 1}]\n  }\n}', "t.json")
    assert str(source.position(("a", "b"))) == "t.json:3:5"
    assert str(source.position(("a", "b", 1))) == "t.json:4:7"
    assert str(source.position(("a", "b", 1, "c"))) == "t.json:4:8"
    assert str(source.position(("a", "made", "up"))) == "t.json:2:3"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "a": 2}', "t:2:2: the property 'a' is given twice (first in line 1)"),
        ('{"a" 1}', "t:1:6: expected ':' after the property name 'a'"),
        ('{"a": 1 "b": 2}', "t:1:9: expected ',' or '}'"),
        ('{"a": "x}', "t:1:7: the string is not closed"),
        ('{"a": nul}', "t:1:7: expected a JSON value, found 'nul'"),
        ('{"a": "\\q"}', "t:1:8: unknown escape"),
        ("{} x", "t:1:4: there is text after the end"),
        ("", "t:1:1: the JSON document ends too early"),
        ("[" * 1000, "t:1:130: the JSON is nested more than 128 levels deep"),
        ('{"a": 1e999}', "t:1:7: the number is too large"),
    ],
)
def test_faults_name_the_place(text: str, message: str) -> None:
    """A broken document is refused with file, line, column and what was expected there."""
    with pytest.raises(TemplateError) as caught:
        parse(text, "t")
    assert str(caught.value).startswith(message)


def test_all_duplicates_at_once() -> None:
    """Duplicate properties do not hide each other."""
    with pytest.raises(TemplateError) as caught:
        parse('{"a": 1, "a": 2, "b": {"c": 1, "c": 2}}')
    assert len(caught.value.faults) == 2


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in any other way."""
    try:
        parse(text)
    except TemplateError as error:
        assert error.faults
