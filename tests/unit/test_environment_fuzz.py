"""Whatever a file holds, reading it ends in an environment or in an InputError with places."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.environments import DEV, snapshot

from reconciler.environment import Environment, json_schema, load, names
from reconciler.errors import InputError
from reconciler.yamlfile import read

WORDS = sorted(
    {
        "name",
        "extends",
        "base.yaml",
        "dev",
        "prod",
        "${azure.platform.x}",
        "${env:A}",
        "${",
        "no",
        "5m",
        "50%",
    }
)
KEYS = sorted({key for part in json_schema()["$defs"].values() for key in part.get("properties", {})})
SECTIONS = sorted(json_schema()["properties"])

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS)
)
keys = st.sampled_from(KEYS + SECTIONS) | st.text(max_size=10)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=25,
)
environments = st.dictionaries(st.sampled_from(SECTIONS), trees, max_size=6)
lenient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(content: bytes) -> Environment | InputError:
    with tempfile.TemporaryDirectory() as folder:
        root = snapshot(Path(folder))
        (root / "environments" / "dev.yaml").write_bytes(content)
        assert "dev" in names(root)
        try:
            return load(root, "dev")
        except InputError as error:
            assert error.faults
            for fault in error.faults:
                assert fault.place.startswith("environments/"), fault
                assert str(fault).encode(), "a message can be printed"
            return error


@given(st.binary(max_size=300))
@lenient
def test_any_bytes(content: bytes) -> None:
    outcome(content)


@given(st.text(alphabet="azur:e-[]{}\"'&*!|>%@`#,?\n\t \\x0$~<", max_size=200))
@lenient
def test_any_text_with_the_signs_of_yaml(content: str) -> None:
    outcome(content.encode())


@given(environments)
@lenient
def test_any_data_under_the_known_sections(content: dict[str, Any]) -> None:
    outcome(yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "replace"))


@given(st.integers(0, len(DEV)), st.text(max_size=8), st.integers(0, 8))
@lenient
def test_any_slip_of_the_keyboard(at: int, typed: str, lost: int) -> None:
    outcome((DEV[:at] + typed + DEV[at + lost :]).encode("utf-8", "replace"))


@given(st.text(max_size=300))
@lenient
def test_places_are_inside_the_file(content: str) -> None:
    raw = content.encode("utf-8", "replace")
    lines = raw.decode("utf-8-sig").replace("\r\n", "\n").count("\n") + 1
    extra = sum(raw.decode("utf-8-sig").count(sign) for sign in "\r\x85\u2028\u2029")  # line ends to YAML
    for place, _ in read(raw, "f.yaml").faults:
        assert 1 <= place.line <= lines + extra + 1 and place.column >= 1


@pytest.mark.prove
@given(environments)
@settings(lenient, max_examples=2_000)
def test_much_more_data_under_the_known_sections(content: dict[str, Any]) -> None:
    outcome(yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "replace"))


@pytest.mark.prove
@given(st.text(alphabet="azur:e-[]{}\"'&*!|>%@`#,?\n\t \\x0$~<", max_size=400))
@settings(lenient, max_examples=2_000)
def test_much_more_text_with_the_signs_of_yaml(content: str) -> None:
    outcome(content.encode())
