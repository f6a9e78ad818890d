"""Which posts of a browser are our own page's: tokens that only it can tell, and what browsers say themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import forms

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = b"k" * 32


def test_a_token_holds_for_its_caller_and_environment_alone() -> None:
    token = forms.token(KEY, "ann", "test", NOW)
    assert forms.holds(token, KEY, "ann", "test", NOW)
    for key, caller, environment in ((b"x" * 32, "ann", "test"), (KEY, "bob", "test"), (KEY, "ann", "prod")):
        assert not forms.holds(token, key, caller, environment, NOW)
    assert not forms.holds("", KEY, "ann", "test", NOW)
    assert not forms.holds("é", KEY, "ann", "test", NOW)


@given(st.integers(0, 86400 * 3))
def test_a_token_is_good_for_six_hours_at_least_and_twelve_at_most(seconds: int) -> None:
    later = NOW + timedelta(seconds=seconds)
    held = forms.holds(forms.token(KEY, "ann", "test", NOW), KEY, "ann", "test", later)
    assert held or seconds > 6 * 3600
    assert not held or seconds < 12 * 3600


def test_names_cannot_be_shifted_into_one_another() -> None:
    assert forms.token(KEY, "ann", "btest", NOW) != forms.token(KEY, "annb", "test", NOW)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example", "Host": "app.example"}, True),
        ({"Origin": "https://app.example", "Host": "app.example"}, False),
        ({"Origin": "https://app.example", "Host": "inner", "X-Forwarded-Host": "app.example"}, False),
        ({"Origin": "https://app.example:8443", "Host": "app.example"}, True),
        ({"Origin": "https://app.example"}, True),
        ({"Origin": "https://[", "Host": "app.example"}, True),
        ({"Origin": "null", "Host": "app.example"}, False),
    ],
)
def test_what_a_browser_says_of_where_a_post_comes_from(headers: dict[str, str], foreign: bool) -> None:
    assert forms.foreign(headers) is foreign


@given(st.binary(max_size=200))
def test_any_body_is_read_as_fields(content: bytes) -> None:
    assert all(isinstance(value, str) for value in forms.fields(content).values())


def test_the_type_of_a_body_is_read_without_its_parameters() -> None:
    assert forms.kind({"content-TYPE": "Application/X-WWW-Form-Urlencoded; charset=utf-8"}) == forms.FORM
    assert forms.kind({}) == ""
