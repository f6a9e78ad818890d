"""A path is in a folder only where all its links lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import Fault, InputError, ReconcilerError, shown
from reconciler.within import within


@pytest.mark.parametrize(
    ("target", "inside"),
    [("deep/file", True), ("deep/../deep", True), ("../outside", False), ("/etc/hosts", False), ("absent", True),
     ("link", True)],
)  # fmt: skip
def test_a_link_counts_for_what_it_leads_to(tmp_path: Path, target: str, inside: bool) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "link").symlink_to(target)
    assert within(folder / "link", folder) is inside


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_what_no_file_system_can_name_is_refused_or_absent(tmp_path: Path, name: str) -> None:
    """Names come out of files that anybody wrote; none ends in an error of the file system's."""
    assert not (within(tmp_path / name, tmp_path) and (tmp_path / name[:100]).exists())


def test_a_message_never_holds_what_a_terminal_obeys_or_no_encoding_knows() -> None:
    """Names of files are bytes, and texts of YAML anything: both are told in messages."""
    fault = Fault("a\udcff.yaml:1:1", "the name '\x1b[31m\u202e' is none\n", "Say\tit.")
    assert str(fault) == "a\\udcff.yaml:1:1: the name '\\x1b[31m\\u202e' is none\n Say\tit."
    error = ReconcilerError("no \ud800", where="x\r")
    assert str(error).encode() == b"x\\r: no \\ud800"
    assert InputError([fault]).where == "a\\udcff.yaml:1:1"
    assert shown("plain é 𝕏\n") == "plain é 𝕏\n"
