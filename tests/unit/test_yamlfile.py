"""Reading YAML: places, what is refused, and that nothing explodes."""

from __future__ import annotations

import time

import pytest

from reconciler.yamlfile import MAX_BYTES, Document, at, merged, parse_path, read


def messages(document: Document) -> list[str]:
    return [str(fault) for _, fault in document.faults]


def one_fault(text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    (message,) = messages(read(content, "f.yaml"))
    return message


def test_every_value_knows_its_place() -> None:
    document = read(b"a:\n  b: [x, {c: 1}]\n", "f.yaml")
    found = {path: (str(node.place), str(node.key)) for path, node in document.root.walk()}
    assert found[("a", "b")] == ("f.yaml:2:6", "f.yaml:2:3")
    assert found[("a", "b", 0)] == ("f.yaml:2:7", "None")
    assert found[("a", "b", 1, "c")] == ("f.yaml:2:14", "f.yaml:2:11")


def test_places_count_characters_not_bytes() -> None:
    assert str(at(read("ä: {ö: x}".encode(), "f").root, ("ä", "ö")).place) == "f:1:8"


def test_scalars_are_those_of_the_core_of_yaml_1_2() -> None:
    text = "{a: 1, b: -2, c: 1.5, d: true, e: False, f: null, g: ~, h: , "
    text += "i: 2026-12-31, j: 1.2.3, k: '1', l: '', m: 5m}"
    assert read(text.encode(), "f").root.plain() == {
        "a": 1, "b": -2, "c": 1.5, "d": True, "e": False, "f": None, "g": None, "h": None,
        "i": "2026-12-31", "j": "1.2.3", "k": "1", "l": "", "m": "5m",
    }  # fmt: skip


def test_keys_are_text_whatever_yaml_1_1_makes_of_them() -> None:
    """`on` is a key of alerts; a YAML 1.1 reader would turn it into True."""
    assert read(b"{on: 1, no: 2, 404: 3}", "f").root.plain() == {"on": 1, "no": 2, "404": 3}


@pytest.mark.parametrize("value", ["no", "Yes", "ON", "off"])
def test_words_that_are_booleans_to_some_readers_are_refused(value: str) -> None:
    message = one_fault(f"name: {value}")
    assert message.startswith(f"f.yaml:1:7: `{value}` means different things")
    assert f'"{value}" for the text' in message
    assert read(f"name: '{value}'".encode(), "f").root.plain() == {"name": value}


@pytest.mark.parametrize(
    "value",
    ["010", "0o17", "0x1F", "1_000", "1:30", "12:30:45", "1e3", "5.", ".inf", "-.INF", ".nan", "9" * 19],
)
def test_numbers_that_readers_take_differently_are_refused_and_not_quoted(value: str) -> None:
    """They could be the digits of a password."""
    message = one_fault(f"pin: {value}")
    assert "different YAML readers" in message
    assert value not in message


def test_a_key_said_twice_is_a_fault_at_the_second_that_names_the_first() -> None:
    assert (
        one_fault("a: 1\nb: 2\na: 3\n") == "f.yaml:3:1: `a` is said twice, first on line 1. Keep one of them."
    )


def test_small_anchors_are_read() -> None:
    document = read(b"a: &x {k: [1, 2]}\nb: *x\n", "f.yaml")
    assert document.root.plain() == {"a": {"k": [1, 2]}, "b": {"k": [1, 2]}}
    assert str(at(document.root, ("b",)).place) == "f.yaml:2:4"


def test_aliases_that_explode_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.perf_counter()
    message = one_fault("\n".join(lines))
    assert "expands to more than" in message
    assert time.perf_counter() - started < 5


def test_aliases_explode_no_more_when_sections_are_read_one_by_one() -> None:
    """After a syntax error each section is read alone; the limit holds for all of them together."""
    section = "s{n}: [&a{n} [" + "x, " * 100 + "x], " + "*a{n}, " * 100 + "]\n"
    text = "broken: ]\n" + "".join(section.replace("{n}", str(n)) for n in range(150))
    document = read(text.encode(), "f.yaml")
    assert any("expands to more than" in message for message in messages(document))
    assert sum(1 for _ in document.root.walk()) <= 20_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: &x [*x]", "alias *x has no anchor before it"),
        (b"a: *nowhere", "alias *nowhere has no anchor before it"),
        (b"a: !!python/object/apply:os.system [x]", "Tags are not read"),
        (b"a: !secret x", "Tags are not read"),
        (b"<<: {a: 1}", "Merge keys are not read"),
        (b"? [a]\n: 1", "A key must be text"),
        (b"? \n: 1", "A key must be text"),
        (b"a: 1\n---\nb: 2", "A second document"),
        (b"- a\n- b", "must be a map of sections, not a list"),
        (b"a: \xff", "not UTF-8"),
        (b"a: \x07", "U+0007 may not stand in YAML"),
        (b'a: "\\ud800"', "half a character"),
        (b'a: "\\UFFFFFFFF"', "cannot be read"),
        (b'? "\\udfff"\n: 1', "half a character"),
        (b"[" * 10_000, "Nested deeper than"),
        (b"#" * (MAX_BYTES + 1), "1,000,001 bytes"),
    ],
)
def test_what_is_not_plain_data_is_one_fault(content: bytes, says: str) -> None:
    message = one_fault(content)
    assert message.startswith("f.yaml:")
    assert says in message


def test_the_place_of_a_byte_that_is_not_utf_8() -> None:
    assert one_fault(b"a: x\nb: \xe4") == "f.yaml:2:4: The file is not UTF-8 text. Save it as UTF-8."


def test_after_a_syntax_error_the_other_sections_are_read_and_their_faults_told() -> None:
    document = read(b"a: [1, 2\nb: 3\nc:\n\t- x\nd: {x: 1, x: 2}\ne: 'open\n", "f.yaml")
    places = [str(place) for place, _ in document.faults]
    assert places == ["f.yaml:2:2", "f.yaml:4:1", "f.yaml:5:11", "f.yaml:7:1"]
    assert messages(document)[0].endswith("Is what opens on line 1 closed?")
    assert "a tab cannot indent. Use spaces." in messages(document)[1]
    assert document.root.plain() == {"b": 3, "d": {"x": 1}}
    assert document.broken == {"a", "c", "e"}


def test_an_empty_file_is_an_empty_map() -> None:
    for content in (b"", b"# nothing\n", b"\xef\xbb\xbf", b"---\n"):
        document = read(content, "f.yaml")
        assert (document.root.plain(), document.faults) == ({}, ())


def test_merging_keeps_the_place_of_who_said_it() -> None:
    base = read(b"a: {x: 1, y: 2}\nl: [1, 2]\n", "base").root
    over = read(b"a: {y: 3}\nl: [4]\n", "over").root
    both = merged(base, over)
    assert both.plain() == {"a": {"x": 1, "y": 3}, "l": [4]}
    assert [str(at(both, ("a", key)).place) for key in "xy"] == ["base:1:8", "over:1:8"]


def test_paths_as_people_write_them() -> None:
    assert parse_path('a.b[0]["c.d"].e') == ("a", "b", 0, "c.d", "e")
    with pytest.raises(ValueError, match="not a path"):
        parse_path("a[")
