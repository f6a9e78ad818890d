"""No value that was remembered leaves, in whatever form tools show it; and what is no secret is left alone."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import redaction
from reconciler.record import Entry, State, from_json, to_json
from reconciler.redaction import SHOWN, cleaned, redact, remember
from reconciler.resource import Key
from reconciler.secret_forms import SHORTEST

KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmU+/AAAAEbm9uZQ==
QyNTUxOQAAACDtH1aTzVw4xRq0example+line/two9s
-----END OPENSSH PRIVATE KEY-----
"""
ODD = [
    'say "friend" and enter',
    "back\\slash\\and 'quotes'",
    "first line\nsecond line\r\nthird\tline",
    "zwölf Boxkämpfer, 東京 🗝",
    "100%25 of %s and %(all)s",
    "${env:NOT_ME} $${x}",
    "aGVsbG8gd29ybGQ+/w==",
    "<tag attr='a & b'>",
    "k" * 511 + "ey" + "?&=" * 200,
    KEY,
    "\x00\x01control\x7f",
    "[bold]markup[/bold] :key:",
    "ünencodable \udc80 byte",
]


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    redaction.forget()
    yield
    redaction.forget()


def within(value: str, encode: object = base64.b64encode) -> Iterator[str]:
    """Base64 of texts that hold the value, at each alignment."""
    raw = value.encode("utf-8", "surrogatepass")
    for before in (b"", b"u", b"us", b"usr"):
        for after in (b"", b":", b":p", b"\n"):
            yield encode(before + raw + after).decode()  # type: ignore[operator]


def core(value: str, shift: int) -> str:
    """The characters of base64 that stand for the value alone, `shift` bytes into a group of three."""
    raw = value.encode("utf-8", "surrogatepass")
    first, last = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
    return base64.b64encode(b"\0" * shift + raw).decode()[first:last]


@pytest.mark.parametrize("value", ODD)
def test_a_value_is_taken_out_in_every_form_in_which_tools_show_it(value: str) -> None:
    raw = value.encode("utf-8", "surrogatepass")
    forms = [
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(value))[3:-3],
        repr(value)[1:-1],
        repr(raw)[2:-1],
        html.escape(value),
        quote(raw),
        quote(raw, safe=""),
        quote_plus(raw),
        re.sub("%..", lambda found: found[0].lower(), quote(raw, safe="")),
        *(core(value, shift) for shift in range(3)),
    ]
    remember(value)
    for form in forms:
        told = redact(f"before {form} after")
        assert form not in told
        assert told.startswith("before ")
        assert SHOWN in told


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("value", ODD)
def test_a_value_inside_of_what_is_encoded_as_base64_is_taken_out(value: str, encode: object) -> None:
    """Such as `user:password` of basic sign-in: what stands beside it moves the value by a byte or two."""
    remember(value)
    for text in within(value, encode):
        told = redact(text)
        assert told != text
        left = told.replace(SHOWN, "").rstrip("=")
        assert len(left) <= 10, "only what stands beside the value may be left"


def test_each_line_of_a_value_is_taken_out_and_its_armour_is_left() -> None:
    """Tools wrap and indent; and everybody's key begins with the same line."""
    remember(KEY)
    told = redact("\n".join(f"    {line}" for line in KEY.splitlines()))
    assert "b3BlbnNzaC1" not in told
    assert "example+line" not in told
    assert "BEGIN OPENSSH PRIVATE KEY" in told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "AccountName=a;AccountKey=Zm9vYmFyYmF6/+9w==;EndpointSuffix=x",
            "The key 'Zm9vYmFyYmF6/+9w==' is wrong.",
        ),
        ("Server=tcp:x;User ID=them;Password=opensesame9;", "Login failed with opensesame9"),
        ("https://u:pa55word@host/x", "password pa55word"),
        ("https://hook.example/flow/run?v=1&sig=s3cr3tSig-_x", "sig: s3cr3tSig-_x"),
        (
            "https://hook.example/flow/run?v=1&sig=s3cr3tSig-_x",
            '"POST /flow/run?v=1&sig=s3cr3tSig-_x HTTP/1.1"',
        ),
        ("  padded value\n", "got 'padded value'"),
    ],
)
def test_the_telling_part_of_a_value_is_taken_out_where_it_stands_alone(value: str, told: str) -> None:
    """Logs of HTTP clients tell a URL without its host; services quote the key of a connection string."""
    remember(value)
    assert SHOWN in redact(told)
    for part in ("Zm9v", "opensesame9", "pa55word", "s3cr3tSig", "padded value"):
        assert part not in redact(told)


def test_of_values_that_overlap_nothing_is_left() -> None:
    remember("abcdefgh")
    remember("efghijkl")
    remember("ghijkl-and-more")
    assert redact("<abcdefghijkl-and-more>") == f"<{SHOWN}>"
    assert redact("abcdefghabcdefgh") == SHOWN * 2


def test_a_value_that_is_a_part_of_another_does_not_keep_the_rest_of_it() -> None:
    remember("secret-key")
    remember("secret-key-of-production")
    assert redact("secret-key-of-production!") == f"{SHOWN}!"


def test_what_is_too_short_to_be_told_from_words_is_left() -> None:
    remember("dev")
    remember("a\nb\nc")
    remember("")
    assert redact("dev: a, b, c") == "dev: a, b, c"
    assert redact("a\nb") == "a\nb"


def test_what_was_redacted_is_not_redacted_again() -> None:
    """State is cleaned at every save: a text that grew each time would never come to rest."""
    remember("secret")
    remember("(secret)")
    assert redact(redact("my (secret) text")) == "my (secret) text"


@given(
    st.lists(st.text(min_size=SHORTEST, max_size=40), min_size=1, max_size=5),
    st.lists(st.text(max_size=20), min_size=6, max_size=6),
)
def test_whatever_the_values_none_is_left_in_a_text_that_holds_them_all(
    values: list[str], between: list[str]
) -> None:
    redaction.forget()
    for value in values:
        remember(value)
    rest = redact("\x00".join(between)).replace(SHOWN, "\x00")
    told = redact("\x00".join(a + b for a, b in zip(between, values, strict=False)))
    for value in values:
        if value not in SHOWN and value not in rest:
            assert value not in told.replace(SHOWN, "\x00\x01\x00")


@given(st.text(min_size=SHORTEST, max_size=60), st.binary(max_size=5), st.binary(max_size=5))
def test_whatever_the_value_its_base64_is_not_left(value: str, before: bytes, after: bytes) -> None:
    redaction.forget()
    remember(value)
    told = redact(base64.b64encode(before + value.encode() + after).decode())
    assert core(value, len(before) % 3) not in told


def test_a_thousand_values_and_a_megabyte_of_text_take_no_time() -> None:
    """A plan of a large environment is cleaned at every save: the work may not grow with values times text."""
    values = [f"value-{number:05}-{hash(str(number)) % 10**12:012}" for number in range(1000)]
    begun = time.process_time()
    for value in values:
        remember(value)
    text = "".join(f"{values[number % 1000]} and nothing else to see here. " * 5 for number in range(5000))
    told = redact(text)
    assert len(text) > 1_000_000
    assert told.count(SHOWN) == 25_000
    assert "value-" not in told
    assert time.process_time() - begun < 5


# JSON, and the state


def test_json_is_cleaned_in_its_texts_and_numbers_and_stays_json() -> None:
    """A value that stands where quotes and commas do would break a document that is cleaned as text."""
    remember('"quoted"')
    remember("123456789")
    document = {"quoted": ["quoted", 'a "quoted" b', 123456789, 123456780, True, None]}
    assert json.loads(redaction.document(document)) == {
        "quoted": ["quoted", f"a {SHOWN} b", SHOWN, 123456780, True, None]
    }


def test_a_name_that_is_a_secret_by_chance_stays_in_the_state() -> None:
    """Somebody keeps the user name `bikeshare` as a secret: no address of a resource may change for that, nor
    what Git says in clear, or the resource would be lost, or written again by every tick."""
    remember("bikeshare")
    key = Key("databricks.job", "adb-1.azuredatabricks.net", "bikeshare-score")
    entry = Entry(
        key,
        "databricks/jobs",
        {"host": "adb-1.azuredatabricks.net", "path": "/bikeshare"},
        applied={"name": "bikeshare-score", "tags": [{"team": "bikeshare"}]},
        baseline={"name": "bikeshare-score", "tags": [{"team": "bikeshare"}], "by": "bikeshare"},
        id="bikeshare-1",
        stamp={"name": "bikeshare"},
    )
    state = State("bikeshare", "a", 3, notes={"checks": {"bikeshare": {"error": "no bikeshare"}}}).put(entry)
    kept = from_json(json.loads(json.dumps(to_json(state))))
    found = kept.entries[key]
    assert (found.id, found.at, found.stamp, found.applied) == (
        entry.id,
        entry.at,
        entry.stamp,
        entry.applied,
    )
    assert entry.baseline is not None
    assert found.baseline == {**entry.baseline, "by": SHOWN}
    assert kept.notes == {"checks": {"bikeshare": {"error": f"no {SHOWN}"}}}


def test_what_a_service_says_goes_into_no_state() -> None:
    remember("correct horse")
    key = Key("arm.resource", "g", "T/t:n")
    entry = Entry(
        key, "T/t", {}, applied={"a": "x"}, baseline={"a": "x correct horse", "b": ["correct horse"]}
    )
    text = json.dumps(to_json(State("one", "a").put(entry)))
    assert "horse" not in text
    assert cleaned({"a": "correct horse"}) == {"a": SHOWN}


# The ways out of a process


def logged(say: object) -> str:
    """What a handler prints of a record that SAY makes."""
    before = logging.getLogRecordFactory()
    logger, text = logging.getLogger("some.sdk"), io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        redaction.logs()
        say(logger)  # type: ignore[operator]
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(before)
    return text.getvalue()


def failing(logger: logging.Logger) -> None:
    try:
        raise ValueError("it was correct horse")
    except ValueError:
        logger.exception("failed", stack_info=True)


@pytest.mark.parametrize(
    "say",
    [
        lambda log: log.debug("it is %s", "correct horse"),
        lambda log: log.debug("it is %r", {"a": "correct horse"}),
        lambda log: log.debug("correct horse"),
        lambda log: log.warning("%d does not fit", "correct horse"),
        failing,
    ],
)
def test_no_logger_tells_a_value_in_its_text_arguments_or_traceback(
    say: object, capsys: pytest.CaptureFixture[str]
) -> None:
    remember("correct horse")
    told = logged(say)
    assert told.startswith("some.sdk ")
    assert SHOWN in told
    assert "horse" not in told + capsys.readouterr().err


def test_a_traceback_of_a_fault_is_still_told_to_the_log() -> None:
    assert "ValueError: it was correct horse" in logged(failing)


def test_output_is_redacted_and_has_no_way_around(capsys: pytest.CaptureFixture[str]) -> None:
    remember("correct horse")
    with redaction.output():
        print("the correct horse", file=sys.stderr)
        sys.stdout.writelines(["a correct horse\n"])
        assert not hasattr(sys.stdout, "buffer"), "bytes that are written to it would not be redacted"
        assert sys.stdout.encoding
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == (f"a {SHOWN}\n", f"the {SHOWN}\n")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_a_process_or_a_thread_is_told_without_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(place, name, getattr(place, name))
    remember(KEY)
    redaction.faults()
    try:
        raise ValueError(f"the key is {KEY}") from KeyError(KEY)
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
        thread = threading.Thread(target=lambda: dict[str, str]()[KEY])
        thread.start()
        thread.join()
    told = capsys.readouterr().err
    assert told.count("KeyError: '(secret)'") == 2
    assert "ValueError: the key is (secret)" in told
    assert "example+line" not in told
