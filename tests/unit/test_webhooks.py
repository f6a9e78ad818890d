"""Posts of GitHub and Azure DevOps: who may post, what is taken as a hint, and with which status the rest ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.githost import same_repository
from reconciler.webhooks import LIMIT, Answer, Hint, read, signed

SECRETS = ("the one", "the next one")
CORPUS = Path(os.environ.get("RECONCILER_CORPUS", "")) / "webhooks"
corpus = pytest.mark.skipif("RECONCILER_CORPUS" not in os.environ, reason="needs RECONCILER_CORPUS")
PUSH = {"ref": "refs/heads/main", "repository": {"clone_url": "https://github.com/o/r.git"}}


def github(
    body: bytes, event: str = "push", secret: str = SECRETS[0], kind: str = "application/json"
) -> Hint | Answer:
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "d-1",
        "Content-Type": kind,
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return read("github", "POST", headers, body, SECRETS)


def azure(
    body: bytes, password: str = SECRETS[0], kind: str = "application/json; charset=utf-8"
) -> Hint | Answer:
    token = base64.b64encode(f"anybody:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": kind}
    return read("azuredevops", "POST", headers, body, SECRETS)


def status(found: Hint | Answer) -> int:
    return found.status if isinstance(found, Answer) else 0


def body(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def test_the_example_of_githubs_documentation_verifies() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signed(["It's a Secret to Everybody"], b"Hello, World!", header)
    assert not signed(["It's a Secret to Everybody"], b"Hello, World?", header)
    assert not signed(["It's a secret to everybody"], b"Hello, World!", header)
    assert not signed([], b"Hello, World!", header)


@corpus
def test_every_recorded_signature_is_judged_rightly() -> None:
    recorded = json.loads((CORPUS / "github/hmac-vectors.json").read_text("utf-8"))
    assert len(recorded["vectors"]) >= 6
    for one in recorded["vectors"]:
        assert signed([one["secret"]], one["payload"].encode(), one["signature"]) is one["valid"], one["name"]
    for one in recorded["multipleSecrets"]:
        assert signed(one["secrets"], one["payload"].encode(), one["signature"]) is one["valid"]


def test_a_secret_that_is_being_replaced_still_holds() -> None:
    """Rotation: the old and the new one are both set for a while."""
    for secret in SECRETS:
        assert isinstance(github(body(PUSH), secret=secret), Hint)
    assert status(github(body(PUSH), secret="an old one")) == 401


@pytest.mark.parametrize("secrets", [(), ("",)])
def test_without_a_secret_nobody_may_post(secrets: tuple[str, ...]) -> None:
    """An empty setting must not make the empty secret a valid one."""
    signature = "sha256=" + hmac.new(b"", body(PUSH), hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    assert status(read("github", "POST", headers, body(PUSH), secrets)) == 401
    empty = base64.b64encode(b"user:").decode()
    assert status(read("azuredevops", "POST", {"Authorization": f"Basic {empty}"}, b"{}", secrets)) == 401


def test_a_push_is_a_hint_in_both_content_types() -> None:
    """GitHub signs the body as it is sent, also as a form."""
    wanted = Hint("d-1", "push", ("https://github.com/o/r.git",), ("refs/heads/main",))
    assert github(body(PUSH)) == wanted
    form = urlencode({"payload": json.dumps(PUSH)}).encode()
    assert github(form, kind="application/x-www-form-urlencoded") == wanted


@corpus
def test_every_recorded_payload_of_github_is_answered_rightly() -> None:
    """Pushes and merges are hints, a ping is answered, all else is ignored; what is forged or cut is refused."""
    seen = {"hint": 0, "pong": 0, "ignored": 0}
    for path in sorted(CORPUS.glob("github/**/*.json")):
        if path.name == "hmac-vectors.json":
            continue
        content = path.read_bytes()
        payload = json.loads(content)
        event = path.parent.name if "octokit" in path.parts else path.stem.replace("-", "_")
        found = github(content, event)
        if event == "push":
            assert isinstance(found, Hint), path
            assert found.refs == (payload["ref"],)
            assert payload["repository"]["clone_url"] in found.repositories
        elif event == "pull_request" and payload["action"] in ("opened", "synchronize", "reopened"):
            assert isinstance(found, Hint), path
            assert (found.pull, found.refs) == (payload["number"], ())
        elif event == "pull_request" and payload["action"] == "closed" and payload["pull_request"]["merged"]:
            assert isinstance(found, Hint), path
            assert found.refs == (f"refs/heads/{payload['pull_request']['base']['ref']}",)
        else:
            assert isinstance(found, Answer), path
            assert found.status == (200 if event == "ping" else 202), path
            assert found.reason == "pong" or found.reason.startswith("ignored"), path
        kind = "hint" if isinstance(found, Hint) else "pong" if found.status == 200 else "ignored"
        seen[kind] += 1
        assert status(github(content, event, secret="forged")) == 401, path
        if event in ("push", "pull_request"):
            assert status(github(content[: len(content) // 2], event)) == 400, path
    assert seen["hint"] >= 14 and seen["pong"] >= 4 and seen["ignored"] >= 59, seen


def test_a_merged_pull_request_hints_at_its_base() -> None:
    """The corpus holds only closed requests that were not merged."""
    merged = {"action": "closed", "pull_request": {"merged": True, "base": {"ref": "main"}}, **PUSH}
    found = github(body(merged), "pull_request")
    assert isinstance(found, Hint)
    assert found.refs == ("refs/heads/main",)
    for other in ({"action": "labeled"}, {"pull_request": {"merged": False, "base": {"ref": "main"}}}):
        assert status(github(body({**merged, **other}), "pull_request")) == 202


@corpus
@pytest.mark.parametrize(
    ("name", "refs"),
    [
        ("go-playground/git.push", ("refs/heads/main",)),
        ("go-playground/git.pullrequest.merged", ("refs/heads/master",)),
        ("go-playground/git.pullrequest.updated", None),
        ("go-playground/build.complete", None),
        ("docs-git.push-legacy", None),
    ],
)
def test_every_recorded_payload_of_azure_devops_is_answered_rightly(
    name: str, refs: tuple[str, ...] | None
) -> None:
    """The legacy push names no repository: it cannot be told from one of a foreign repository."""
    content = (CORPUS / f"azure-devops/{name}.json").read_bytes()
    found = azure(content)
    if refs is None:
        assert isinstance(found, Answer)
        assert (found.status, found.reason.partition(":")[0]) == (202, "ignored")
    else:
        payload = json.loads(content)
        repository = payload["resource"]["repository"]["remoteUrl"]
        assert found == Hint(payload["id"], payload["eventType"], (repository,), refs)
    assert status(azure(content, password="forged")) == 401
    assert status(azure(content[:-20])) == 400


@corpus
def test_an_azure_devops_pull_request_that_is_created_is_a_hint() -> None:
    content = (CORPUS / "azure-devops/go-playground/git.pullrequest.created.json").read_bytes()
    payload = json.loads(content)
    found = azure(content)
    repository = payload["resource"]["repository"]["remoteUrl"]
    assert found == Hint(payload["id"], "git.pullrequest.created", (repository,), (), 1)
    payload["resource"]["forkSource"] = {"name": "refs/heads/x"}
    assert "fork" in getattr(azure(body(payload)), "reason", "")


OURS = {"full_name": "o/r"}
PULL = {
    "action": "opened", "repository": PUSH["repository"],
    "pull_request": {"number": 7, "head": {"repo": OURS}, "base": {"ref": "main", "repo": OURS}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, 7),
        ({"action": "synchronize"}, 7),
        ({"action": "reopened"}, 7),
        ({"action": "edited", "changes": {"base": {"ref": {"from": "x"}}}}, 7),
        ({"action": "edited", "changes": {"title": {"from": "x"}}}, "edited"),
        ({"action": "labeled"}, "labeled"),
        ({"pull_request": {**PULL["pull_request"], "head": {"repo": {"full_name": "evil/r"}}}}, "fork"),
        ({"pull_request": {**PULL["pull_request"], "head": {"repo": None}}}, "fork"),
        ({"pull_request": {**PULL["pull_request"], "number": "7"}}, "number"),
        ({"pull_request": {**PULL["pull_request"], "number": True}}, "number"),
    ],
)  # fmt: skip
def test_what_may_bring_a_pull_request_other_content_is_a_hint(more: Any, said: Any) -> None:
    """A fork is told by the names of both repositories; one whose fork was deleted has none."""
    found = github(body({**PULL, **more}), "pull_request")
    if isinstance(said, int):
        assert isinstance(found, Hint)
        assert (found.pull, found.refs) == (said, ())
    else:
        assert isinstance(found, Answer)
        assert said in found.reason


def test_a_merge_that_failed_is_ignored() -> None:
    """Azure DevOps sends the event for every attempt."""
    resource = {
        "status": "active", "mergeStatus": "conflicts", "targetRefName": "refs/heads/main",
        "repository": {"remoteUrl": "https://dev.azure.com/o/p/_git/r"},
    }  # fmt: skip
    assert (
        status(azure(body({"id": "1", "eventType": "git.pullrequest.merged", "resource": resource}))) == 202
    )


def test_the_size_is_limited_before_anything_else_is_looked_at() -> None:
    assert status(github(b"x" * (LIMIT + 1))) == 413
    padded = body(PUSH) + b" " * (LIMIT - len(body(PUSH)))
    assert isinstance(github(padded), Hint)


def test_only_posts_of_known_senders_are_taken() -> None:
    assert status(read("gitlab", "POST", {}, b"{}", SECRETS)) == 404
    assert status(read("github", "GET", {}, b"", SECRETS)) == 405
    assert status(github(body(PUSH), kind="text/plain")) == 415


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "Basic", "Basic ???", "Basic dGhlIG9uZQ==", "Basic \u00e9"]
)
def test_what_is_no_basic_password_is_refused(header: str) -> None:
    """`dGhlIG9uZQ==` is the secret without a user and a colon."""
    assert status(read("azuredevops", "POST", {"authorization": header}, b"{}", SECRETS)) == 401


@pytest.mark.parametrize(
    "payload",
    [
        [], "push", None, {}, {"ref": 5, "repository": {}}, {"ref": "refs/heads/main"},
        {"ref": "refs/heads/main", "repository": []},
    ],
)  # fmt: skip
def test_what_is_no_push_is_malformed(payload: Any) -> None:
    assert status(github(body(payload))) == 400


@pytest.mark.parametrize(
    "payload",
    [
        [], {}, {"id": "1"}, {"id": "1", "eventType": "git.push"}, {"id": 1, "eventType": "git.push"},
        {"id": "1", "eventType": "git.push", "resource": {"refUpdates": [1]}},
        {"id": "1", "eventType": "git.push", "resource": {"refUpdates": []}},
        {"id": "x" * 300, "eventType": "git.push", "resource": {
            "refUpdates": [{"name": "refs/heads/m"}], "repository": {"remoteUrl": "https://x/y"}}},
    ],
)  # fmt: skip
def test_what_is_no_event_of_azure_devops_is_malformed(payload: Any) -> None:
    assert status(azure(body(payload))) == 400


@given(st.binary(max_size=200))
def test_no_body_of_a_verified_sender_breaks_it(content: bytes) -> None:
    """Whatever is posted, the answer is a status, never an error of ours."""
    assert status(github(content)) in (400, 0)
    assert status(github(content, kind="application/x-www-form-urlencoded")) in (400, 0)


def test_a_body_nested_too_deep_is_malformed() -> None:
    assert status(github(b"[" * 200_000)) == 400


SAME = [
    ("https://github.com/Owner/Repo.git", "https://github.com/owner/repo"),
    ("https://github.com/o/r/", "git@github.com:o/r.git"),
    ("https://github.com/o/r", "ssh://git@github.com/o/r.git"),
    ("https://github.com/o/r", "git://github.com/o/r.git"),
    (
        "https://dev.azure.com/org/My%20Project/_git/repo",
        "https://org@dev.azure.com/org/My Project/_git/repo",
    ),
    ("https://dev.azure.com/org/p/_git/r", "https://org.visualstudio.com/DefaultCollection/p/_git/r"),
    ("https://dev.azure.com/org/p/_git/r", "git@ssh.dev.azure.com:v3/org/p/r"),
    ("https://dev.azure.com/org/r/_git/r", "https://dev.azure.com/org/_git/r"),
    ("https://dev.azure.com/org/DefaultCollection/_git/r", "https://dev.azure.com/org/r/_git/r"),
    ("https://git.example.org:8443/a/b", "https://git.example.org:8443/a/b.git"),
    ("/srv/git/one.git", "file:///srv/git/one.git"),
]
OTHER = [
    ("https://github.com/o/r", "https://github.com/o/r2"),
    ("https://github.com/o/r", "https://github.com.evil.example/o/r"),
    ("https://github.com/o/r", "https://evil.example/github.com/o/r"),
    ("https://github.com/o/r", "https://github.com@evil.example/o/r"),
    ("https://git.example.org/a/b", "https://git.example.org/A/b"),
    ("https://git.example.org:8443/a/b", "https://git.example.org/a/b"),
    ("https://dev.azure.com/org/p/_git/r", "https://dev.azure.com/org/q/_git/r"),
    ("https://github.com/o/r", "https://github.com:port/o/r"),
    ("/srv/git/one.git", "file:///srv/git/two.git"),
    ("/srv/git/one.git", "https://github.com/srv/git/one.git"),
    ("/srv/git/one.git", "/srv/git/\0one.git"),
    ("/srv/git/one.git", "file:///srv/git/%00one.git"),
    ("/srv/git/one.git", "~nobody-of-that-name/one.git"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_repository_has_many_addresses(one: str, other: str) -> None:
    assert same_repository(one, other)
    assert same_repository(other, one)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_a_foreign_repository_is_told_from_ours(one: str, other: str) -> None:
    assert not same_repository(one, other)
