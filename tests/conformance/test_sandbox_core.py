"""The sandbox as a machine: proxy, journal, faults, limits, clock, durability."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from support.sandbox import ROOT, Sandbox

KEYS = "https://login.microsoftonline.com/common/discovery/keys"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUPS = f"https://management.azure.com/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2021-04-01"


def arm_headers(sandbox: Sandbox) -> dict[str, str]:
    """What an ARM request of the reconciler carries."""
    token = sandbox.control("POST", "token", {"audience": "https://management.azure.com/"})["access_token"]
    return {"Authorization": f"Bearer {token}"}


def get_keys(sandbox: Sandbox) -> requests.Response:
    """A read through a sandbox that the process's environment does not point at."""
    trusted = sandbox.variables["SSL_CERT_FILE"]
    return requests.get(KEYS, proxies={"https": sandbox.url}, verify=trusted, timeout=10)


def test_env_is_all_that_a_shell_needs(sandbox: Sandbox) -> None:
    """`eval "$(python -m sandbox env)"` sets just the promised variables and unsets ALL_PROXY."""
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "env",
        "--port",
        str(sandbox.port),
        "--state",
        str(sandbox.state),
    ]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shown = subprocess.run(
        ["bash", "-c", 'eval "$1"; env', "-", lines],
        env={"PATH": os.environ["PATH"], "ALL_PROXY": "x", "all_proxy": "x"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    set_now = dict(line.split("=", 1) for line in shown.splitlines())

    assert not {"ALL_PROXY", "all_proxy"} & set_now.keys()
    assert set_now.items() >= sandbox.variables.items()
    assert sandbox.variables.keys() == {
        "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE",
        "IDENTITY_ENDPOINT", "IDENTITY_HEADER",
    }  # fmt: skip


def test_a_host_it_does_not_play_is_refused_and_journalled(sandbox: Sandbox) -> None:
    """Nothing ever leaves the machine, and one can see what wanted to."""
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        requests.get("https://example.com/", timeout=10)
    plain = requests.get("http://example.com/x", proxies={"http": sandbox.url}, timeout=10)

    assert plain.status_code == 502
    seen = [(entry["method"], entry["host"], entry["status"]) for entry in sandbox.journal()]
    assert seen == [("CONNECT", "example.com", 502), ("GET", "example.com", 502)]


def test_an_unknown_route_is_501_in_the_services_shape(sandbox: Sandbox) -> None:
    """A gap in the sandbox must be loud, never an empty success."""
    answer = requests.get("https://login.microsoftonline.com/common/unknown/thing", timeout=10)

    assert answer.status_code == 501
    assert answer.json()["error"] == "NotImplemented"
    assert sandbox.journal()[-1]["status"] == 501


def test_the_journal_counts_on_and_survives_a_kill(tmp_path: Path) -> None:
    """What the sandbox answered is durable before the answer is sent."""
    running = Sandbox.start(tmp_path)
    try:
        made = running.control("POST", "identities", {"name": "kept", "secret": "s"})
        running.advance("PT2H")
        answer = get_keys(running)
        assert answer.status_code == 200
        running.kill()
        running.restart()

        assert [entry["path"] for entry in running.journal()] == ["/common/discovery/keys"]
        assert made in running.control("GET", "identities")
        assert get_keys(running).json() == answer.json(), "the signing key is kept"
        ahead = running.control("GET", "clock")["now"]
        assert ahead > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7100))
        first = running.journal()[0]["n"]
        running.control("DELETE", "journal")
        get_keys(running)
        assert [entry["n"] > first for entry in running.journal(first)] == [True]
    finally:
        running.stop()


def test_one_folder_belongs_to_one_sandbox(tmp_path: Path) -> None:
    """Two processes on one folder would overwrite each other's documents."""
    running = Sandbox.start(tmp_path)
    try:
        command = [sys.executable, "-m", "sandbox", "serve", "--port", "0", "--state", str(tmp_path)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    finally:
        running.stop()

    assert second.returncode == 1
    assert f"another sandbox runs on the folder {tmp_path}" in second.stderr


def test_a_status_fault_lets_some_calls_through_and_hits_the_next(sandbox: Sandbox) -> None:
    """`after` and `times` count the matching calls only."""
    sandbox.fault("status", match={"path": "*/discovery/keys"}, after=1, times=2, status=429, retryAfter=7)

    answers = [requests.get(KEYS, timeout=10) for _ in range(4)]
    other = requests.get(
        "https://login.microsoftonline.com/common/.well-known/openid-configuration", timeout=10
    )

    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert other.status_code == 200
    sandbox.control("DELETE", "faults")
    assert sandbox.control("GET", "faults") == []


def test_a_world_that_was_kept_is_put_back(sandbox: Sandbox) -> None:
    """Documents, clock and faults; the journal goes on. What was never kept is refused."""
    url = GROUPS.replace("/resourcegroups?", "/resourcegroups/{}?")
    headers = arm_headers(sandbox)

    def put(name: str) -> None:
        answer = requests.put(url.format(name), json={"location": "westeurope"}, headers=headers, timeout=10)
        assert answer.status_code == 201, "it was not there"

    put("before")
    sandbox.control("POST", "keep", {"name": "one"})
    kept = sandbox.control("GET", "state")
    put("after")
    sandbox.advance("PT1H")
    sandbox.fault("status", times=0)
    sandbox.control("POST", "restore", {"name": "one"})
    assert sandbox.control("GET", "state") == kept
    assert sandbox.control("GET", "faults") == []
    put("after")
    assert sum(entry["method"] == "PUT" for entry in sandbox.journal()) == 3
    with pytest.raises(AssertionError, match="nothing was kept as 'two'"):
        sandbox.control("POST", "restore", {"name": "two"})


def test_a_stale_answer_shows_what_was_there_before(sandbox: Sandbox) -> None:
    """Of one call; the next shows what is there."""
    url = GROUPS.replace("/resourcegroups?", "/resourcegroups/fresh?")
    headers = arm_headers(sandbox)
    sandbox.fault("stale", match={"method": "GET"}, times=1, seconds=60)
    requests.put(url, json={"location": "westeurope"}, headers=headers, timeout=10)
    assert [requests.get(url, headers=headers, timeout=10).status_code for _ in range(2)] == [404, 200]


@pytest.mark.parametrize(("do", "kept"), [("drop-before", False), ("drop-after", True)])
def test_a_dropped_connection_has_or_has_not_had_its_effect(sandbox: Sandbox, do: str, kept: bool) -> None:
    """The client sees the same broken connection; only the world knows."""
    sandbox.fault(do, match={"method": "PUT"}, times=1)
    url = GROUPS.replace("/resourcegroups?", "/resourcegroups/dropped?")
    headers = arm_headers(sandbox)

    with pytest.raises(requests.exceptions.ConnectionError):
        requests.put(url, json={"location": "westeurope"}, headers=headers, timeout=10)

    assert sandbox.journal()[-1]["status"] is None
    assert requests.get(url, headers=headers, timeout=10).status_code == (200 if kept else 404)


@pytest.mark.parametrize(("when", "kept"), [("before", False), ("after", True)])
def test_a_kill_fault_ends_the_client_at_the_call(sandbox: Sandbox, when: str, kept: bool) -> None:
    """Whatever a process was doing, it dies at exactly this call."""
    url = GROUPS.replace("/resourcegroups?", "/resourcegroups/killed?")
    headers = arm_headers(sandbox)
    script = f"""
import sys, requests
sys.stdin.readline()
requests.put({url!r}, json={{"location": "westeurope"}}, headers={headers!r}, timeout=10)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], env=sandbox.env, stdin=subprocess.PIPE, text=True
    ) as child:
        sandbox.fault("kill", match={"method": "PUT"}, pid=child.pid, when=when)
        child.communicate("go\n", timeout=20)

    assert child.returncode == -signal.SIGKILL
    assert requests.get(url, headers=headers, timeout=10).status_code == (200 if kept else 404)


def test_latency_delays_the_answer_alone(sandbox: Sandbox) -> None:
    """A slow answer must not hold up other calls."""
    sandbox.fault("latency", match={"path": "*/discovery/keys"}, seconds=30)

    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(KEYS, timeout=0.1)

    assert requests.get(KEYS, timeout=10).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "explode"},
        {"do": "kill"},
        {"do": "status", "status": "500"},
        {"do": "status", "match": {"port": "1"}},
        {"do": "status", "delay": 1},
        {"do": "drop-before", "when": "never"},
    ],
)
def test_a_misspelt_fault_is_refused(sandbox: Sandbox, fault: dict[str, object]) -> None:
    """A fault that silently never strikes would make a test worthless."""
    assert requests.post(f"{sandbox.url}/_sandbox/faults", json=fault, timeout=10).status_code == 400


def test_web_pages_cannot_reach_the_control_routes(sandbox: Sandbox) -> None:
    """A page in a browser on the same machine could otherwise ask for a kill fault."""
    fault = {"do": "status"}
    answer = requests.post(
        f"{sandbox.url}/_sandbox/faults", json=fault, headers={"Origin": "https://example.com"}, timeout=10
    )
    outside = requests.get(f"{sandbox.url}/_sandbox/state", headers={"Host": "rebound.example"}, timeout=10)

    assert (answer.status_code, outside.status_code) == (403, 502)
    assert sandbox.control("GET", "faults") == []


def test_limits_refuse_and_refill_by_the_worlds_clock(sandbox: Sandbox) -> None:
    """ARM's buckets: 250 reads, 25 more a second; shown in a header; 429 with Retry-After."""
    headers = arm_headers(sandbox)
    remaining = "x-ms-ratelimit-remaining-subscription-reads"
    with requests.Session() as session:
        session.headers.update(headers)
        assert session.get(GROUPS, timeout=10).headers[remaining] == "249"
        sandbox.control("POST", "limits", {"enabled": True})
        answers = [session.get(GROUPS, timeout=10) for _ in range(400)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        sandbox.advance("PT10S")
        again = session.get(GROUPS, timeout=10)

    passed = answers.index(refused)
    elapsed = sum(answer.elapsed.total_seconds() for answer in answers[: passed + 1])
    assert 250 <= passed <= 250 + 25 * (elapsed * 3 + 1)
    assert refused.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert refused.headers["Retry-After"] == "1"
    assert again.status_code == 200
    assert again.headers[remaining] == "249"


def test_the_date_header_tells_the_worlds_time(sandbox: Sandbox) -> None:
    """The product takes Azure's now from it."""
    sandbox.advance("P2D")

    told = requests.get(KEYS, timeout=10).headers["Date"]

    assert (
        time.mktime(time.strptime(told, "%a, %d %b %Y %H:%M:%S GMT")) - time.mktime(time.gmtime()) > 172_700
    )


def test_reset_empties_and_puts_the_clock_back(sandbox: Sandbox) -> None:
    """Tests share a process and must not see each other."""
    sandbox.control("POST", "identities", {"name": "gone"})
    sandbox.control("POST", "limits", {"enabled": True})
    sandbox.fault("status")
    sandbox.advance("P1D")
    sandbox.reset()

    assert [identity["name"] for identity in sandbox.control("GET", "identities")] == ["reconciler"]
    assert sandbox.control("GET", "limits") == {"enabled": False}
    assert sandbox.control("GET", "faults") == []
    assert sandbox.journal() == []
    assert sandbox.control("GET", "clock")["now"] < time.strftime(
        "%Y-%m-%dT%H:%M", time.gmtime(time.time() + 120)
    )
