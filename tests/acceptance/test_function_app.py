"""The hosted app end to end: a push becomes live, workers side by side, a worker that dies, a long deployment."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from support.azurite import Azurite
from support.hosted import SECRET, Hosted, Kept, hosted, one, signed, until
from support.project import Azure, group, identity, sample, template
from support.sandbox import ROOT, Sandbox
from support.stores import Container, Held, container

from reconciler import serve, settings
from reconciler.dispatch import MemoryQueue, ask, open_queue, work, worker
from reconciler.engine import Reconciler
from reconciler.settings import Storage
from reconciler.state.blob import BlobStore

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
DEPLOYMENTS = {"method": "PUT", "path": "*/deployments/*"}


@pytest.fixture(autouse=True)
def fresh(sandbox: Sandbox) -> Sandbox:
    """Nobody is signed in yet."""
    settings.credential.cache_clear()
    return sandbox


@pytest.fixture
def queue(azurite: Azurite) -> Any:
    client = QueueClient.from_connection_string(azurite.connection, "reconcile")
    try:
        client.clear_messages()
    except ResourceNotFoundError:
        client.create_queue()
    return open_queue(Storage(azurite.connection))


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return answer.status, json.load(answer)


def test_a_merged_pull_request_becomes_live(
    tmp_path: Path, sandbox: Sandbox, queue: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release: test.yaml changes on main, GitHub posts the push, and a moment later test is as it says."""
    project = sample(tmp_path, sandbox)
    bare = tmp_path / "bare.git"
    project.repository.git("clone", "--quiet", "--bare", ".", str(bare))
    host = Hosted(project.repository, bare, tmp_path / "state")
    engine = host.engine()
    serving = serve.Serving(engine, queue, (SECRET,), port=0, workers=2, every=3600)
    with serve.running(serving) as url:
        # The first look: dev comes into being, then what comes after it; prod is planned, and waits.
        first = host.payload()
        assert post(f"{url}/api/webhook/github", first, signed(first, "first"))[1]["waits"] == [
            "prod",
            "test",
        ]
        until(lambda: (state := engine.status("prod")) and state.notes.get("last"), 120)
        host.work.git("checkout", "--quiet", "-b", "larger")
        file = host.work.path / "environments/test.yaml"
        text = file.read_text("utf-8").replace(
            "deployDatabricks: true", "deployDatabricks: true\n        storageSku: Standard_ZRS"
        )
        host.work.commit({"environments/test.yaml": text})
        host.work.git("checkout", "--quiet", "main")
        host.work.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #1", "larger")
        host.work.git("push", "--quiet", str(bare), "main")
        head = host.work.git("rev-parse", "HEAD")
        at, began = len(sandbox.journal()), time.monotonic()
        body = host.payload()
        status, told = post(f"{url}/api/webhook/github", body, signed(body, "second"))
        assert (status, told["queued"], told["unchanged"]) == (202, ["test"], ["dev", "prod"])
        until(lambda: (state := engine.status("test")) and state.notes.get("healthy") == head)
        seconds = time.monotonic() - began
        calls = Counter("write" if entry["write"] else "read" for entry in sandbox.journal()[at:])
    account = Azure().get(
        group("bikeshare-test", "Microsoft.Storage/storageAccounts/bikesharetest"), "2024-01-01"
    )
    assert account["sku"]["name"] == "Standard_ZRS"
    assert calls["write"] == 1, "one resource changed: one deployment"
    with capsys.disabled():
        print(f"\nfrom POST to converged: {seconds:.1f} s, {calls['read']} reads, {calls['write']} write")


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Counter[str], list[str]]]:
    """Counts the ticks of each environment, and notes where two were at one at the same time."""
    held, ticks, overlaps = set[str](), Counter[str](), list[str]()
    one_at_a_time, lock = threading.Lock(), BlobStore.lock

    @contextmanager
    def watching(store: BlobStore, environment: str, holder: str) -> Iterator[Any]:
        with lock(store, environment, holder) as lease:
            with one_at_a_time:
                overlaps.extend({environment} & held)
                held.add(environment)
                ticks[environment] += holder == "tick"
            try:
                yield lease
            finally:
                with one_at_a_time:
                    held.discard(environment)

    monkeypatch.setattr(BlobStore, "lock", watching)
    yield ticks, overlaps


def with_state(host: Hosted, place: Container) -> Reconciler:
    """An engine as another instance of the app has one, with its state in Blob storage."""
    return replace(host.engine(), store=place.open())


def test_four_workers_share_twenty_messages_of_five_environments(
    tmp_path: Path, azurite: Azurite, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never two ticks at one environment, all converge, no message is lost; most are merged."""
    names = ["a", "b", "c", "d", "e"]
    host = hosted(tmp_path, {path: text for name in names for path, text in one(name).items()})
    place = replace(container(azurite), key=Held(b"k" * 32))
    monkeypatch.setattr(worker, "LOCKED_SECONDS", 1)
    engines = [with_state(host, place) for _ in range(4)]
    for name in names * 4:
        queue.put(ask(name, "push"))
    results: Counter[str] = Counter()
    failures: list[BaseException] = []
    waiting = QueueClient.from_connection_string(azurite.connection, "reconcile")

    def run(engine: Reconciler) -> None:
        while not failures and waiting.get_queue_properties().approximate_message_count:
            if (taken := queue.take(120)) is None:
                time.sleep(0.1)
                continue
            try:
                results[work(engine, queue, taken.text)] += 1
            except BaseException as error:
                failures.append(error)
            taken.done()

    with watched(monkeypatch) as (ticks, overlaps):
        threads = [threading.Thread(target=run, args=(engine,)) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (failures, overlaps) == ([], [])
    assert set(results) <= {"done", "merged", "waits"}
    assert results["done"] + results["merged"] == 20, "each message met its end once"
    assert set(ticks) == set(names)
    assert max(ticks.values()) <= 3, ticks
    for name in names:
        assert Azure().there(group(name, f"{IDENTITY}/{name}"), "2023-01-31")
        state = place.open().load(name)
        assert state is not None
        assert state.notes["last"]["result"] == "done"


KILLED = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
from dataclasses import replace
from reconciler import settings
from support.stores import at
said = replace(settings.read(), repository=sys.argv[2], state=sys.argv[3])
engine = replace(settings.engine(said), store=at(sys.argv[4]))
print("ready", flush=True)
sys.stdin.readline()
engine.tick("a")
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_when_the_holder_of_the_lease_dies_another_takes_over(
    tmp_path: Path, azurite: Azurite, sandbox: Sandbox, when: str
) -> None:
    """An instance is killed at its first write; the lease lies until it runs out, then the work goes on."""
    host = hosted(tmp_path, one("a"))
    place = container(azurite)
    holder = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(ROOT), str(host.bare), str(tmp_path / "other"), place.argument],
        env=sandbox.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    sandbox.fault("kill", match=DEPLOYMENTS, times=1, pid=holder.pid, when=when)
    holder.communicate("go\n")
    assert holder.returncode == -signal.SIGKILL
    engine, queue = with_state(host, place), Kept()
    assert work(engine, queue, ask("a", "push").text) == "waits"
    [(put, delay)] = queue.put_with
    assert delay == 20
    place.free("a")  # as when a minute has gone by without a renewal
    assert work(engine, queue, json.dumps(put)) == "done"
    assert Azure().there(group("a", f"{IDENTITY}/a"), "2023-01-31")
    writes = Counter(entry["path"] for entry in sandbox.writes() if "/deployments/" in entry["path"])
    assert set(writes.values()) == {1 if when == "after" else 2}, "what had arrived is not sent again"


def test_a_long_deployment_converges_over_three_ticks_without_a_write_made_twice(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    """20 minutes of Azure's time, 8 of them in a tick: each tick but the last puts the message back."""
    host = hosted(tmp_path, {**one("a"), "arm/a.json": json.dumps(template(identity("a"), identity("b")))})
    engine, queue = replace(host.engine(), seconds=2.0), Kept()
    sandbox.fault("slow-operation", match=DEPLOYMENTS, times=1, seconds=20 * 60)
    results, text = [], ask("a", "push").text
    for _ in range(3):
        results.append(work(engine, queue, text))
        sandbox.advance("PT10M")
        text = json.dumps(queue.put_with[-1][0])
    assert results == ["pending", "pending", "done"]
    assert len(queue.put_with) == 2
    paths = Counter((entry["method"], entry["path"]) for entry in sandbox.writes())
    assert set(paths.values()) == {1}, paths
    for name in ("a", "b"):
        assert Azure().there(group("a", f"{IDENTITY}/{name}"), "2023-01-31")


def test_serve_asks_for_its_key_and_ends_in_good_order(tmp_path: Path) -> None:
    """Any page in a browser can post to loopback; it does not know the key."""
    host = hosted(tmp_path, one("a"))
    serving = serve.Serving(host.engine(), MemoryQueue(), (SECRET,), port=0, workers=1, every=3600)
    known, path = {"x-functions-key": serving.key}, "/api/environments"
    statuses = [
        serve.answer(serving, method, target, headers, b"").status
        for method, target, headers in (
            ("GET", path, {}),
            ("GET", f"{path}?code=guessed", {}),
            ("GET", f"{path}?code={serving.key}", {}),
            ("GET", f"{path}/a", known),
            ("GET", f"{path}/a/plan/more", known),
            ("POST", f"{path}/a/reconcile", {}),
            ("POST", f"{path}/a/reconcile", known),
            ("POST", "/api/webhook/github", known),
            ("DELETE", f"{path}/a", known),
        )
    ]
    assert statuses == [401, 401, 200, 200, 404, 401, 202, 401, 404]
    with serve.running(serving):
        until(lambda: (state := serving.engine.status("a")) and state.notes.get("healthy"))
    assert not [
        thread.name for thread in threading.enumerate() if thread.name in ("http", "timer", "worker-0")
    ]


def test_the_verb_serve_answers_until_it_is_told_to_end(tmp_path: Path, sandbox: Sandbox) -> None:
    """What a laptop runs: it prints where it is asked, with its key, and a signal ends it in good order."""
    host = hosted(tmp_path, one("a"))
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "serve", "--port", "0",
         "--repo", str(host.bare), "--state", str(host.state)],
        cwd=ROOT, env=sandbox.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        told = json.load(answer)
    assert [each["environment"] for each in told["environments"]] == ["a"]
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "timer ended queued=a" in said
    assert url.partition("code=")[2] not in said
