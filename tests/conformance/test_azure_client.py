"""The one client of Azure Resource Manager against real HTTP: retries, pacing, errors, clock, pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential
from support.sandbox import Sandbox

from reconciler.errors import (
    Busy,
    CloudError,
    Conflict,
    Denied,
    Forbidden,
    NotFound,
    SignInError,
    Throttled,
    Unreachable,
)
from reconciler.providers.azure import Arm

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
VERSION = "2024-11-01"
BODY = {"location": "westeurope"}


@pytest.fixture
def arm(sandbox: Sandbox) -> Arm:
    """A client that has signed in and connected, so that the journal and times are those of the test's calls."""
    arm = Arm(DefaultAzureCredential(), SUBSCRIPTION)
    arm.call("GET", f"/subscriptions/{SUBSCRIPTION}", VERSION)
    arm.calls.clear()
    return arm


def counted(sandbox: Sandbox, method: str) -> int:
    """How many calls with this method reached Resource Manager's groups, answered or not."""
    return sum(
        entry["method"] == method and "/resourcegroups/" in entry["path"].lower()
        for entry in sandbox.journal()
    )


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "status", "status": 503},
        {"do": "status", "status": 408},
        {"do": "status", "status": 429, "retryAfter": 1},
        {"do": "drop-before"},
        {"do": "drop-after"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_is_not_answered_is_asked_again(
    arm: Arm, sandbox: Sandbox, fault: dict[str, Any], method: str
) -> None:
    arm.call("PUT", f"{GROUPS}/there", VERSION, BODY)
    arm.calls.clear()
    sandbox.fault(**fault, match={"method": method, "path": "*/resourceGroups/there"})
    answer = arm.call(method, f"{GROUPS}/there", VERSION, BODY if method == "PUT" else None)
    assert answer.body["name"] == "there"
    assert sum(arm.calls.values()) == 2


def test_azure_is_waited_for_as_long_as_it_asks(arm: Arm, sandbox: Sandbox) -> None:
    sandbox.fault("status", status=429, retryAfter=2, match={"method": "PUT"})
    started = time.monotonic()
    arm.call("PUT", f"{GROUPS}/new", VERSION, BODY)
    assert 2.0 <= time.monotonic() - started < 5.0


def test_a_wait_longer_than_our_patience_ends_the_call_and_is_told(arm: Arm, sandbox: Sandbox) -> None:
    sandbox.fault("status", status=429, retryAfter=3600, times=0, match={"method": "PUT"})
    started = time.monotonic()
    with pytest.raises(Throttled) as caught:
        arm.call("PUT", f"{GROUPS}/new", VERSION, BODY, where="arm.group/s/new")
    assert time.monotonic() - started < 2.0
    assert (caught.value.wait, caught.value.where, caught.value.status) == (3600, "arm.group/s/new", 429)
    assert arm.calls["write"] == 1


def test_a_call_that_is_never_answered_ends_after_five_attempts(arm: Arm, sandbox: Sandbox) -> None:
    sandbox.fault("status", status=503, retryAfter=1, times=0, match={"method": "GET"})
    with pytest.raises(Unreachable):
        arm.call("GET", f"{GROUPS}/any", VERSION)
    assert arm.calls["read"] == 5


def test_a_post_is_never_made_twice(arm: Arm, sandbox: Sandbox) -> None:
    """It may do something each time, e.g. make a new key."""
    sandbox.fault("drop-after", times=0, match={"method": "POST"})
    with pytest.raises(Unreachable):
        arm.call("POST", f"{GROUPS}/any/exportTemplate", VERSION, {})
    assert arm.calls["write"] == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AuthorizationFailed", Forbidden),
        (403, "RequestDisallowedByPolicy", Denied),
        (409, "ScopeLocked", Denied),
        (409, "DeploymentActive", Busy),
        (409, "ResourceGroupBeingDeleted", Busy),
        (409, "Taken", Conflict),
        (404, "ResourceNotFound", NotFound),
        (400, "InvalidParameter", CloudError),
        (404, "InvalidResourceType", CloudError),
    ],
)
def test_a_refusal_keeps_azures_code_and_is_of_the_kind_that_it_means(
    arm: Arm, sandbox: Sandbox, status: int, code: str, kind: type[CloudError]
) -> None:
    sandbox.fault("status", status=status, code=code, message="because", match={"method": "PUT"})
    with pytest.raises(CloudError) as caught:
        arm.call("PUT", f"{GROUPS}/new", VERSION, BODY)
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.status) == (code, status)
    assert f"{code}: because" in caught.value.message
    assert arm.calls["write"] == 1


def test_an_absent_group_is_not_found_and_an_absent_subscription_is_something_else(arm: Arm) -> None:
    """Nothing may be taken as deleted because the subscription is misspelt."""
    with pytest.raises(NotFound):
        arm.call("GET", f"{GROUPS}/none", VERSION)
    with pytest.raises(CloudError) as caught:
        arm.call("GET", "/subscriptions/99999999-0000-0000-0000-000000000000/resourceGroups/g", VERSION)
    assert not isinstance(caught.value, NotFound)
    assert "azure.subscription" in caught.value.message


class Fixed:
    """A credential with one answer."""

    def __init__(self, token: Callable[[], str]) -> None:
        self.token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self.token(), int(time.time()) + 3600)


def _no_token() -> str:
    raise ClientAuthenticationError("expired")


@pytest.mark.parametrize("token", [lambda: "no.such.token", _no_token])
def test_no_sign_in_is_told_as_such_and_never_shows_the_token(
    sandbox: Sandbox, token: Callable[[], str]
) -> None:
    with pytest.raises(SignInError) as caught:
        Arm(Fixed(token), SUBSCRIPTION).call("GET", f"{GROUPS}/g", VERSION)
    assert "no.such.token" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/x",
        "https://management.azure.com.elsewhere.example/x",
        "@elsewhere.example/x",
        "http://management.azure.com/x",
        "https://management.azure.com:444/x",
    ],
)
def test_our_token_goes_to_nobody_but_resource_manager(arm: Arm, sandbox: Sandbox, address: str) -> None:
    """Long operations and next pages name addresses that an answer chooses."""
    before = len(sandbox.journal())
    with pytest.raises(CloudError, match="not called"):
        arm.call("GET", address)
    assert len(sandbox.journal()) == before


def test_a_link_that_names_the_usual_port_is_followed(arm: Arm) -> None:
    arm.call("PUT", f"{GROUPS}/there", VERSION, BODY)
    url = f"https://management.azure.com:443{GROUPS}/there?api-version={VERSION}"
    assert arm.call("GET", url).body["name"] == "there"


def test_now_is_azures_clock(arm: Arm, sandbox: Sandbox) -> None:
    sandbox.advance("PT2H")
    arm.call("GET", f"/subscriptions/{SUBSCRIPTION}", VERSION)
    ahead = arm.now() - datetime.now(UTC)
    assert timedelta(minutes=119) < ahead < timedelta(minutes=121)


def test_lists_are_read_to_their_last_page(arm: Arm) -> None:
    for number in range(3):
        arm.call("PUT", f"{GROUPS}/g{number}", VERSION, BODY)
    arm.calls.clear()
    names = [item["name"] for item in arm.pages(GROUPS, VERSION, query="$top=1")]
    assert names == ["g0", "g1", "g2"]
    assert arm.calls["read"] == 3


def test_a_bucket_that_runs_empty_refuses_nothing(arm: Arm, sandbox: Sandbox) -> None:
    """Azure's bucket holds 250 reads: those beyond it are made as tokens come back, not refused and made again."""
    sandbox.control("POST", "limits", {"enabled": True})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: arm.call("GET", GROUPS, VERSION), range(280)))
    assert {answer.status for answer in answers} == {200}
    assert {entry["status"] for entry in sandbox.journal() if entry["path"] == GROUPS} == {200}
