"""What is posted to the app: webhooks, commands and addresses of anybody end in a status, and queue nothing unasked."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from support import damage
from support.fuzzing import CANARY, Watch, fuzz
from support.hosted import Kept, hosted, one, signed

from reconciler import api
from reconciler.serve import Serving, answer

STATUSES = {200, 202, 400, 401, 403, 404, 405, 413, 415, 422, 502}
"""Every status that a request without fault on our side can come to."""
PUSH = {
    "ref": "refs/heads/elsewhere", "before": "0" * 40, "after": "1" * 40, "forced": False,
    "repository": {"id": 1, "clone_url": "https://github.com/o/r.git", "ssh_url": "git@github.com:o/r.git"},
    "commits": [{"id": "1" * 40, "added": ["a"], "modified": [], "removed": []}], "pusher": {"name": "a"},
}  # fmt: skip
PULL = {
    "action": "closed", "number": 7, "repository": PUSH["repository"],
    "pull_request": {"merged": True, "number": 7, "base": {"ref": "main", "sha": "1" * 40}, "head": {"ref": "x", "sha": "2" * 40}},
}  # fmt: skip
AZURE = {
    "id": "d-1", "eventType": "git.push",
    "resource": {"refUpdates": [{"name": "refs/heads/main", "oldObjectId": "0" * 40, "newObjectId": "1" * 40}],
                 "repository": {"id": "r", "remoteUrl": "https://dev.azure.com/o/p/_git/r"}},
}  # fmt: skip
MERGED = {
    "id": "d-2", "eventType": "git.pullrequest.merged",
    "resource": {"pullRequestId": 3, "status": "completed", "mergeStatus": "succeeded", "targetRefName": "refs/heads/main",
                 "repository": {"remoteUrl": "https://dev.azure.com/o/p/_git/r"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The app's routes, of a repository with two environments, one of which has a fault."""
    files = {**one("a"), **one("b"), "environments/c.yaml": "name: c\nnone: 1\n"}
    host = hosted(tmp_path_factory.mktemp("requests"), files)
    host.engine().checkout.fetch()
    yield Serving(host.engine(), Kept(), (CANARY,), key="the key")


def judged(
    serving: Serving, watch: Watch, method: str, target: str, headers: dict[str, str], body: bytes
) -> api.Answer:
    """The answer, which has a status of ours and a body that can be sent, with no secret in either."""
    with watch.one():
        found = answer(serving, method, target, headers, body)
        sent = found.text.encode("utf-8")
    watch.refused += found.status >= 400
    assert found.status in STATUSES, (found.status, found.text)
    assert CANARY.encode() not in sent and b"Traceback" not in sent and b"the key" not in sent
    return found


def odd_header(random: Random) -> str:
    """As a server hands a header on: Latin-1, one line."""
    return str(damage.odd(random)).encode("utf-8", "surrogatepass").decode("latin-1").replace("\n", "")[:5000]


@fuzz(few=150, many=8000)
def test_posts_of_git_hosts(serving: Serving, watch: Watch, random: Random) -> None:
    """Damaged bodies with a true signature, true bodies with a damaged one, damaged headers."""
    github = random.random() < 0.5
    sample = random.choice((PUSH, PULL) if github else (AZURE, MERGED))
    body = damage.document(sample, random) if random.random() < 0.8 else json.dumps(sample).encode()
    if github:
        event = "push" if sample is PUSH else "pull_request"
        headers = signed(body, delivery=f"d-{random.random()}", event=event, secret=CANARY)
    else:
        password = base64.b64encode(b"anybody:" + CANARY.encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {password}"}
    forged = random.random() < 0.3
    if forged:
        headers["X-Hub-Signature-256" if github else "Authorization"] = odd_header(random)
    for name in random.sample(sorted(headers), random.choice((0, 0, 1, 2))):
        headers[name] = odd_header(random)
        forged = forged or name in ("X-Hub-Signature-256", "Authorization")
    if random.random() < 0.1:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = b"payload=" + quote(body).encode()
        forged = forged or github
    before = len(serving.queue.put_with)  # type: ignore[attr-defined]
    found = judged(
        serving, watch, "POST", f"/api/webhook/{'github' if github else 'azuredevops'}", headers, body
    )
    if forged:
        assert found.status in (401, 413), found
    assert len(serving.queue.put_with) == before, "another repository's push queues nothing"  # type: ignore[attr-defined]


VERBS = ("reconcile", "suspend", "resume", "approve", "destroy", "", "..")


@fuzz(few=150, many=8000)
def test_addresses_and_commands(serving: Serving, watch: Watch, random: Random) -> None:
    """Without the key nothing is told and nothing done, whatever the address is."""
    text = [str(damage.odd(random)) for _ in range(2)]
    name = random.choice(("a", "c", "d", *text))[:300]
    parts = ["api", random.choice(("environments", "dashboard", "webhook", text[0]))]
    parts += [name, random.choice((*VERBS, "plans", text[1]))][: random.randrange(3)]
    target = "/" + "/".join(quote(part, safe=random.choice(("", "/%")), errors="replace") for part in parts)
    keyed = random.random() < 0.7
    query = random.choice(
        ("", "?code=wrong", "?code=", "?" + quote(text[0], errors="replace"), "?a=b&a=c&;=%ff&code=%00")
    )
    headers = {"x-functions-key": "the key"} if keyed else {"X-Functions-Key": odd_header(random)}
    body = damage.document({"why": "because", "digest": "0" * 64}, random)
    method = random.choice(("GET", "POST", "PUT", "", "get"))
    if "reconcile" in target or "approve" in target or "resume" in target:
        name = "a" if name == "c" else name
    before = len(serving.queue.put_with)  # type: ignore[attr-defined]
    found = judged(serving, watch, method, target + query, headers, body)
    if not keyed:
        assert found.status in (401, 404, 405), found
        assert len(serving.queue.put_with) == before  # type: ignore[attr-defined]


@fuzz(few=150, many=5000)
def test_who_calls_by_easy_auth(watch: Watch, random: Random) -> None:
    """The header is what App Service writes; whatever it holds, it names a caller or nobody."""
    claims = [{"typ": "name", "val": "a@example.org"}, {"typ": "roles", "val": "operator"}]
    principal = {"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims}
    text = base64.b64encode(damage.document(principal, random))
    said = damage.raw(text, random) if random.random() < 0.3 else text
    with watch.one():
        found = api.caller({"X-MS-CLIENT-PRINCIPAL": said.decode("latin-1")}, easy_auth=True)
    watch.refused += found is None
    assert found is None or (isinstance(found.name, str) and found.name)


def test_a_sound_post_is_taken(serving: Serving) -> None:
    """Else the fuzzers would see nothing but refusals."""
    body = json.dumps(PUSH).encode()
    headers = signed(body, secret=CANARY)
    assert answer(serving, "POST", "/api/webhook/github", headers, body).status == 202
    asked: Any = answer(serving, "GET", "/api/environments", {"x-functions-key": "the key"}, b"")
    assert asked.status == 200
