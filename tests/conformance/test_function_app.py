"""The Function app in Microsoft's worker library: what it promises to the host, and each function invoked."""

from __future__ import annotations

import base64
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient
from support.azurite import Azurite
from support.functions import Ended, Worker
from support.hosted import SECRET, Hosted, hosted, one, signed
from support.sandbox import Sandbox

from reconciler import serve, settings
from reconciler.dispatch import MemoryQueue
from reconciler.webhooks import LIMIT

PRINCIPAL = {"auth_typ": "aad", "name_typ": "name", "role_typ": "roles"}


@pytest.fixture
def host(tmp_path: Path) -> Hosted:
    return hosted(tmp_path, {**one("a"), **one("b", policy="policy: {sync: manual}\n")})


@pytest.fixture
def queue(azurite: Azurite) -> QueueClient:
    client = QueueClient.from_connection_string(azurite.connection, "reconcile")
    if "reconcile" in [each.name for each in _service(azurite).list_queues()]:
        client.clear_messages()
    return client


def _service(azurite: Azurite) -> Any:
    from azure.storage.queue import QueueServiceClient

    return QueueServiceClient.from_connection_string(azurite.connection)


@pytest.fixture
def app(
    host: Hosted, queue: QueueClient, azurite: Azurite, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Worker]:
    said = {
        "RECONCILER_REPO": str(host.bare),
        "RECONCILER_STATE": str(host.state),
        "RECONCILER_WEBHOOK_SECRETS": f"an older one,{SECRET}",
        "AzureWebJobsStorage": azurite.connection,
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    settings.credential.cache_clear()
    worker = Worker()
    yield worker
    worker.close()


def queued(queue: QueueClient) -> list[dict[str, Any]]:
    """What is on the queue, also what is not seen yet, as the host decodes it."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        # A delayed message is seen by nobody: how many there are is all that the service tells.
        hidden = queue.get_queue_properties().approximate_message_count
    except ResourceNotFoundError:
        return []
    found = [json.loads(base64.b64decode(message.content)) for message in queue.receive_messages()]
    return found + [{}] * ((hidden or 0) - len(found))


def test_every_function_is_listed_with_the_bindings_that_are_promised(app: Worker) -> None:
    """Scripts, docs and the host rely on these names."""
    http: dict[str, Any] = {"direction": "OUT", "type": "http", "name": "$return"}
    asks: dict[str, Any] = {"direction": "IN", "type": "httpTrigger", "name": "req"}
    storage = {
        "direction": "IN",
        "type": "queueTrigger",
        "name": "message",
        "connection": "AzureWebJobsStorage",
    }
    assert app.bindings == {
        "reconcile_timer": [
            {
                "direction": "IN", "type": "timerTrigger", "name": "timer",
                "schedule": "%RECONCILE_SCHEDULE%", "runOnStartup": False, "useMonitor": True,
            }
        ],
        "webhook": [
            {**asks, "methods": ["POST"], "authLevel": "ANONYMOUS", "route": "webhook/{source}"}, http
        ],
        "reconcile": [{**storage, "queueName": "reconcile"}],
        "reconcile_poison": [{**storage, "queueName": "reconcile-poison"}],
        "environments": [
            {**asks, "methods": ["GET"], "authLevel": "FUNCTION", "route": "environments/{env?}/{view?}"}, http
        ],
        "dashboard": [{**asks, "methods": ["GET"], "authLevel": "FUNCTION", "route": "dashboard/{env?}"}, http],
        "command": [
            {**asks, "methods": ["POST"], "authLevel": "FUNCTION", "route": "environments/{env}/{verb}"}, http
        ],
    }  # fmt: skip


def test_the_apps_own_file_imports_nothing_heavy() -> None:
    """A cold start is waited for: engines and SDKs come when they are first needed."""
    import subprocess
    import sys

    code = (
        "import sys, function_app; "
        "print([m for m in ('azure.identity', 'azure.storage', 'databricks', 'pydantic', 'git', 'ruamel') "
        "if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_timer_queues_what_is_due_once(app: Worker, queue: QueueClient) -> None:
    """With a delay of its own for each, so that they do not all begin at once."""
    assert app.timer(past_due=True).error == ""
    assert len(queued(queue)) == 2
    assert app.timer().error == ""
    assert len(queued(queue)) == 2


def test_a_push_of_github_is_queued_and_its_repetition_is_not(
    app: Worker, host: Hosted, queue: QueueClient
) -> None:
    body = host.payload()
    came = app.http("POST", "webhook/github", body, signed(body))
    assert (came.status, came.json["queued"], came.json["waits"]) == (202, ["a", "b"], [])
    [first, second] = queued(queue)
    assert (first["environment"], second["environment"], first["reason"]) == ("a", "b", "push")
    again = app.http("POST", "webhook/github", body, signed(body))
    assert (again.status, again.json["queued"], again.json["reason"]) == (
        202,
        [],
        "ignored: this delivery is known",
    )
    assert len(queued(queue)) == 2


def test_a_push_of_azure_devops_is_queued(app: Worker, host: Hosted, queue: QueueClient) -> None:
    body = json.dumps(
        {
            "id": "e-1", "eventType": "git.push",
            "resource": {
                "refUpdates": [{"name": "refs/heads/main"}], "repository": {"remoteUrl": host.bare.as_uri()}
            },
        }
    ).encode()  # fmt: skip
    basic = base64.b64encode(f"hook:{SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json; charset=utf-8"}
    came = app.http("POST", "webhook/azuredevops", body, headers)
    assert (came.status, came.json["queued"]) == (202, ["a", "b"])
    assert len(queued(queue)) == 2


def test_what_is_forged_cut_foreign_or_too_large_queues_nothing(
    app: Worker, host: Hosted, queue: QueueClient
) -> None:
    body = host.payload()
    foreign = body.replace(b"file://", b"https://elsewhere.example")
    cut = body[:-5]
    large = body + b" " * LIMIT
    other = host.payload("feature")
    ping = b'{"zen": "x"}'
    answers: list[tuple[Ended, int]] = [
        (app.http("POST", "webhook/github", body), 401),
        (app.http("POST", "webhook/github", body, signed(body, secret="guessed")), 401),
        (app.http("POST", "webhook/github", body + b" ", signed(body)), 401),
        (app.http("POST", "webhook/azuredevops", body, signed(body)), 401),
        (app.http("POST", "webhook/gitlab", body, signed(body)), 404),
        (app.http("POST", "webhook/github", cut, signed(cut)), 400),
        (app.http("POST", "webhook/github", large, signed(large)), 413),
        (app.http("POST", "webhook/github", foreign, signed(foreign)), 202),
        (app.http("POST", "webhook/github", other, signed(other)), 202),
        (app.http("POST", "webhook/github", ping, signed(ping, event="ping")), 200),
    ]
    assert [answer.status for answer, _ in answers] == [status for _, status in answers]
    assert queued(queue) == []


def test_environments_are_told_and_planned(app: Worker, sandbox: Sandbox) -> None:
    listed = app.http("GET", "environments")
    assert (listed.status, [one["environment"] for one in listed.json["environments"]]) == (200, ["a", "b"])
    told = app.http("GET", "environments/a")
    assert (told.status, told.json["environment"], told.json["health"]) == (200, "a", "unknown")
    planned = app.http("GET", "environments/a/plan")
    assert (planned.status, planned.json["summary"]["create"], len(planned.json["digest"])) == (200, 2, 64)
    assert sandbox.writes() == []
    assert planned.headers["content-type"] == "application/json"


def kind(ended: Ended) -> list[str]:
    """The types that an answer says it has: two would be one too many."""
    return [value for name, value in ended.headers.items() if name.lower() == "content-type"]


def test_the_dashboard_is_a_page_of_all_environments_and_of_one(app: Worker, sandbox: Sandbox) -> None:
    """Browsers show HTML only where the answer's type says so."""
    assert app.message("reconcile", '{"environment": "a", "reason": "by hand"}').error == ""
    writes = len(sandbox.writes())
    every, one = app.http("GET", "dashboard"), app.http("GET", "dashboard/a")
    for page in (every, one):
        assert (page.status, kind(page)) == (200, ["text/html; charset=utf-8"])
        assert page.body.startswith(b"<!doctype html>")
    assert b'href="/api/dashboard/a"' in every.body
    assert b'href="/api/dashboard/b"' in every.body
    assert b'<span class="state s-healthy">' in one.body
    assert len(sandbox.writes()) == writes
    absent = app.http("GET", "dashboard/nope")
    assert (absent.status, kind(absent)) == (404, ["text/html; charset=utf-8"])
    assert b"<h1>404 Not Found</h1>" in absent.body


def test_on_a_laptop_the_dashboard_asks_for_the_key_and_its_links_bear_it_on(
    host: Hosted, sandbox: Sandbox
) -> None:
    """A click that led to a refusal would make it useless; the page is asked for over HTTP, as by a browser."""
    serving = serve.Serving(host.engine(), MemoryQueue(), port=0, workers=0, every=3600)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with serve.running(serving) as url:
        with opener.open(f"{url}/api/dashboard?code={serving.key}", timeout=30) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
        assert (kind, answer.headers["Referrer-Policy"]) == ("text/html; charset=utf-8", "no-referrer")
        [first, *_] = re.findall(r'href="(/api/dashboard/[^"]+)"', text)
        with opener.open(f"{url}{first}", timeout=30) as answer:
            assert "<h1>a</h1>" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError) as refused:
            opener.open(f"{url}/api/dashboard/a", timeout=30)
    assert (refused.value.code, "<h1>401 Unauthorized</h1>" in refused.value.read().decode()) == (401, True)


@pytest.mark.parametrize(
    "path",
    [
        "environments/nope", "environments/nope/plan", "environments/a/nope", "environments/..",
        "dashboard/nope", "dashboard/..",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(app: Worker, path: str) -> None:
    assert app.http("GET", path).status == 404


def test_a_message_is_worked_off_and_the_next_is_planned(app: Worker, sandbox: Sandbox) -> None:
    assert app.message("reconcile", '{"environment": "a", "reason": "by hand"}').error == ""
    assert [entry["method"] for entry in sandbox.writes() if "deployments" in entry["path"]] == ["PUT"]
    told = app.http("GET", "environments/a").json
    assert (told["health"], told["resources"], told["last"]["result"]) == ("healthy", 2, "done")


def test_what_is_no_message_fails_for_the_platform_to_count(app: Worker) -> None:
    """It takes it to the poisoned ones after five times."""
    assert "Error" in app.message("reconcile", "nonsense", 5).error


def test_a_poisoned_message_is_told(app: Worker, host: Hosted) -> None:
    assert app.message("reconcile_poison", '{"environment": "a", "reason": "push"}').error == ""
    [line] = host.engine().store.history("a")
    assert (line["result"], "given up" in line["reason"]) == ("failed", True)
    assert app.message("reconcile_poison", "nonsense").error == ""


def test_operators_command_and_their_commands_are_recorded(
    app: Worker, host: Hosted, queue: QueueClient
) -> None:
    asked = app.http("POST", "environments/a/reconcile")
    assert (asked.status, asked.json["queued"]) == (202, True)
    [message] = queued(queue)
    assert (message["environment"], message["reason"], message["by"]) == ("a", "reconcile", "function key")
    assert app.http("POST", "environments/a/suspend").status == 400, "a reason is asked for"
    assert app.http("POST", "environments/a/suspend", b'{"why": "incident"}').status == 202
    assert app.http("GET", "environments/a").json["suspended"] == "incident"
    assert app.http("POST", "environments/a/resume").status == 202
    assert app.http("GET", "environments/a").json["suspended"] == ""
    assert app.http("POST", "environments/a/destroy").status == 404
    assert app.http("POST", "environments/nope/reconcile").status == 404
    assert app.http("POST", "environments/b/approve", b"[]").status == 400
    assert app.http("POST", "environments/a/approve", b'{"digest": "x"}').status == 422, "it is not manual"
    lines = host.engine().store.history("a")
    assert [(line["result"], line["reason"], line["by"]) for line in lines] == [
        ("resume", "", "function key"),
        ("suspend", "incident", "function key"),
        ("reconcile", "", "function key"),
    ]


def test_manual_sync_waits_for_an_approval_of_exactly_that_plan(
    app: Worker, host: Hosted, sandbox: Sandbox
) -> None:
    digest = app.http("GET", "environments/b/plan").json["digest"]
    assert app.message("reconcile", '{"environment": "b"}').error == ""
    assert app.http("POST", "environments/b/approve", json.dumps({"digest": "0" * 64}).encode()).status == 202
    assert app.message("reconcile", '{"environment": "b"}').error == ""
    assert digest in app.http("GET", "environments/b").json["last"]["reason"]
    assert sandbox.writes() == []
    assert app.http("POST", "environments/b/approve", json.dumps({"digest": digest}).encode()).status == 202
    host.push({"README.md": "Git moves on: it is another plan now"})
    assert app.message("reconcile", '{"environment": "b"}').error == ""
    assert sandbox.writes() == []
    digest = app.http("GET", "environments/b/plan").json["digest"]
    assert app.http("POST", "environments/b/approve", json.dumps({"digest": digest}).encode()).status == 202
    assert app.message("reconcile", '{"environment": "b"}').error == ""
    assert app.http("GET", "environments/b").json["health"] == "healthy"
    assert any("/deployments/" in entry["path"] for entry in sandbox.writes())
    writes = len(sandbox.writes())
    host.push({"arm/b.json": "{}"})
    assert app.message("reconcile", '{"environment": "b"}').error == ""
    assert len(sandbox.writes()) == writes, "the approval is used up"


def principal(*roles: str, name: str = "ann") -> dict[str, str]:
    claims = [{"typ": "name", "val": name}, *({"typ": "roles", "val": role} for role in roles)]
    text = json.dumps({**PRINCIPAL, "claims": claims})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text.encode()).decode()}


def test_with_easy_auth_roles_decide(
    app: Worker, host: Hosted, queue: QueueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_AUTH", "easyauth")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    app = Worker()
    levels = {name: found[0].get("authLevel") for name, found in app.bindings.items()}
    asked = ("environments", "dashboard", "command")
    assert [levels[name] for name in asked] == ["ANONYMOUS"] * 3
    reader, operator, nobody = principal("reader"), principal("operator"), principal()
    for path in ("environments", "dashboard", "dashboard/a"):
        got = [app.http("GET", path, b"", headers).status for headers in (reader, operator, nobody, {})]
        assert got == [200, 200, 403, 401]
    path, json_ = "environments/a/reconcile", {"Content-Type": "application/json"}
    callers = (reader, operator, nobody, {})
    got = [app.http("POST", path, b"", {**headers, **json_}).status for headers in callers]
    assert got == [403, 202, 403, 401]
    assert [message["by"] for message in queued(queue)] == ["ann"]
    assert host.engine().store.history("a")[0]["by"] == "ann"
    for broken in ("x", base64.b64encode(b"{}").decode(), base64.b64encode(b'{"claims": [1]}').decode()):
        assert app.http("GET", "environments", b"", {"X-MS-CLIENT-PRINCIPAL": broken}).status == 401
    app.close()


def test_with_easy_auth_no_other_site_can_have_a_browser_command(
    app: Worker, queue: QueueClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The browser adds its sign-in to whatever a site has it send: only what that site cannot make counts."""
    monkeypatch.setenv("RECONCILER_AUTH", "easyauth")
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    app = Worker()
    path, form = "environments/a/reconcile", {"Content-Type": "application/x-www-form-urlencoded"}
    said, own = {**principal("operator"), **form}, {"Sec-Fetch-Site": "same-origin", "Origin": "null"}

    def token(path: str, *roles: str, name: str = "ann") -> bytes:
        found = re.search(
            rb'name="token" value="(\w+)"', app.http("GET", path, b"", principal(*roles, name=name)).body
        )
        return b"token=" + found[1] if found else b""

    good = token("dashboard/a", "operator")
    assert good
    assert token("dashboard/a", "reader") == b"", "who may give no commands is shown none"
    posts = [
        (b"", said),
        (b"token=guessed", said),
        (token("dashboard/b", "operator"), said),
        (token("dashboard/a", "operator", name="mallory"), said),
        (good, {**said, "Sec-Fetch-Site": "cross-site"}),
        (good, {**said, "Origin": "https://elsewhere.example", "Host": "app.azurewebsites.net"}),
        (b"{}", {**principal("operator"), "Content-Type": "text/plain"}),
        (b"{}", {**principal("operator"), "Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}),
        (good, {**principal("reader"), **form, **own}),
    ]
    assert [app.http("POST", path, body, headers).status for body, headers in posts] == [403] * 6 + [
        415,
        403,
        403,
    ]
    assert queued(queue) == []
    refused = app.http("POST", path, b"token=old", said)
    assert b"Load the page again" in refused.body
    assert kind(refused) == ["text/html; charset=utf-8"]
    taken = app.http("POST", path, good, {**said, **own})
    assert (taken.status, taken.headers["Location"]) == (303, "/api/dashboard/a?done=reconcile")
    assert [message["by"] for message in queued(queue)] == ["ann"]
    app.close()


def test_without_easy_auth_its_header_is_anybodys_to_write_and_counts_for_nothing(
    app: Worker, queue: QueueClient
) -> None:
    assert app.http("POST", "environments/a/reconcile", b"", principal(name="forged")).status == 202
    assert [message["by"] for message in queued(queue)] == ["function key"]


def test_invocations_side_by_side_share_one_engine(app: Worker, queue: QueueClient) -> None:
    """The worker runs functions in threads of one process."""
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: app.http("GET", "environments").status, range(16)))
    assert statuses == [200] * 16


def test_without_a_place_for_the_state_the_app_says_so(app: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default beside the checkout would be lost with the instance."""
    monkeypatch.delenv("RECONCILER_STATE")
    fresh = Worker()
    assert "RECONCILER_STATE" in fresh.message("reconcile", '{"environment": "a"}').error
    fresh.close()
