"""What a task prints and answers never holds a secret that it fetched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.kernel.output import REDACTED, Output, Redactor


def redactor(*values: str) -> Redactor:
    made = Redactor()
    made.add(values)
    return made


def printed(redact: Redactor, *pieces: str, limit: int = 1000) -> str:
    found: list[str] = []
    output = Output(redact, found.append, limit)
    for piece in pieces:
        output.write(piece)
    output.finish()
    return "".join(found)


def test_a_value_is_blotted_out_wherever_it_stands() -> None:
    assert redactor("k3y")("a k3y, k3yk3y") == f"a {REDACTED}, {REDACTED}{REDACTED}"


def test_a_longer_secret_goes_before_one_that_it_contains() -> None:
    """Otherwise its rest would be told."""
    assert redactor("abc", "abcdef")("abcdef") == REDACTED


def test_an_empty_secret_blots_out_nothing() -> None:
    assert redactor("", " ")("a b") == "a b"


def test_a_secret_printed_in_pieces_is_blotted_out_too() -> None:
    assert printed(redactor("hunter2"), "<hun", "ter2>\nnext") == f"<{REDACTED}>\nnext"


def test_output_is_bounded() -> None:
    assert printed(redactor(), "abc\n" * 10, limit=6) == "abc\nab"


@given(st.lists(st.text(min_size=1).filter(str.strip), max_size=3), st.lists(st.text(), max_size=5))
def test_nothing_is_lost_but_secrets(values: list[str], pieces: list[str]) -> None:
    """However it is cut, a line without a secret arrives as it was written."""
    text = "".join(pieces)
    assert printed(redactor(*values), *pieces) == redactor(*values)(text) or "\n" in "".join(values)
