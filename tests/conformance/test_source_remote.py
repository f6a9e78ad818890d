"""A repository at a URL, served by Git's own HTTP backend behind TLS on loopback."""

from __future__ import annotations

import base64
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.repositories import Host, Repository, make, serve

from reconciler.errors import SourceError
from reconciler.source import Source, dulwich

TOKEN = "ghp_secret0123456789"
HEADER = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def host(tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "GIT_SSL_CAINFO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with serve(tmp_path / "served", authority) as running:
        yield running


@pytest.fixture
def work(tmp_path: Path, host: Host) -> Repository:
    """A checkout whose pushes arrive at `/repo.git`."""
    repository = make(tmp_path / "work")
    repository.git("clone", "--quiet", "--bare", ".", str(host.folder / "repo.git"))
    repository.git("remote", "add", "origin", str(host.folder / "repo.git"))
    return repository


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(params=["git", "dulwich"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which Git is used where a test names none."""
    monkeypatch.setattr(Source.__init__, "__defaults__", (None, request.param))
    return str(request.param)


def source(host: Host, cache: Path, token: str = "", name: str = "repo.git") -> Source:
    return Source(f"{host.url}/{name}", cache, token)


def refusal(ours: Source) -> SourceError:
    with pytest.raises(SourceError) as caught:
        ours.fetch()
    return caught.value


def test_the_mirror_follows_pushes_new_branches_and_removed_ones(
    host: Host, work: Repository, cache: Path
) -> None:
    ours = source(host, cache)
    ours.fetch()
    first = ours.snapshot()
    assert (first.commit, first.warnings) == (work.git("rev-parse", "HEAD"), ())
    assert (first.root / "readme.md").read_text() == "one\n"
    work.git("branch", "release")
    second = work.commit({"a": "1"})
    work.git("tag", "v1")
    work.git("push", "--quiet", "--tags", "origin", "main", "release")
    assert ours.resolve("main") == first.commit, "only a fetch moves what is seen"
    ours.fetch()
    assert {ours.resolve(name) for name in ("main", "HEAD", "v1", second)} == {second}
    assert ours.changed(first.commit, "main") == ("a",)
    work.git("push", "--quiet", "origin", ":release")
    ours.fetch()
    with pytest.raises(SourceError, match="no branch or tag 'release'"):
        ours.resolve("release")


def test_a_forced_branch_is_followed(host: Host, work: Repository, cache: Path) -> None:
    gone = work.commit({"a": "1"})
    work.git("push", "--quiet", "origin", "main")
    ours = source(host, cache)
    ours.fetch()
    work.git("reset", "--quiet", "--hard", "HEAD~1")
    kept = work.commit({"b": "1"})
    work.git("push", "--quiet", "--force", "origin", "main")
    ours.fetch()
    assert ours.resolve("main") == kept
    assert ours.changed(gone, "main") == ("a", "b"), "the old commit is still in the mirror"
    elsewhere = Source(ours.repository, cache.with_name("elsewhere"))
    elsewhere.fetch()
    assert elsewhere.changed(gone, "main") is None


def test_a_token_signs_in_and_stays_in_memory(
    host: Host, work: Repository, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host.authorization = HEADER
    ours = source(host, cache, TOKEN)
    with caplog.at_level(logging.DEBUG):
        ours.fetch()
        ours.snapshot()
    assert {header for _, header in host.seen} == {HEADER}
    written = b"".join(path.read_bytes() for path in cache.rglob("*") if path.is_file())
    secret = HEADER.removeprefix("Basic ")
    for text in (written.decode("latin-1"), caplog.text, repr(ours), ours.repository):
        assert TOKEN not in text
        assert secret not in text


def test_each_fetch_asks_anew_how_to_sign_in(host: Host, work: Repository, cache: Path, engine: str) -> None:
    """A token of an app lasts an hour."""
    tokens = iter(["first", "second"])
    ours = Source(f"{host.url}/repo.git", cache, lambda: ("me", next(tokens)), engine)
    for password in ("first", "second"):
        host.authorization = "Basic " + base64.b64encode(f"me:{password}".encode()).decode()
        ours.fetch()
        ours.snapshot("main")


@pytest.mark.parametrize("token", ["", "wrong-token"])
def test_a_refused_sign_in_is_told_at_once(host: Host, work: Repository, cache: Path, token: str) -> None:
    """Without a terminal, an askpass program or a credential helper to wait for."""
    host.authorization = HEADER
    error = refusal(source(host, cache, token))
    assert (error.code, error.where) == ("source-sign-in", f"{host.url}/repo.git")
    assert "Give a token that is valid" in str(error)
    assert "wrong-token" not in str(error)


def test_a_token_is_not_carried_to_another_address(
    host: Host, work: Repository, cache: Path, tmp_path: Path, authority: trustme.CA
) -> None:
    """git would send the header to wherever it is redirected."""
    with serve(tmp_path / "served", authority) as other:
        host.redirect = other.url
        error = refusal(source(host, cache, TOKEN, "moved/repo.git"))
        assert error.code == "source-moved"
        assert other.seen == []
        without = source(host, cache, "", "moved/repo.git")
        without.fetch()
        assert without.resolve("main") == work.git("rev-parse", "HEAD")


def test_each_way_of_not_being_there_has_its_cause(
    host: Host, work: Repository, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(source(host, cache, name="nothing.git")).code == "source-not-found"
    assert refusal(source(host, cache, name="page")).code == "source-not-git"
    assert refusal(Source("https://127.0.0.1:1/repo.git", cache)).code == "source-unreachable"
    assert refusal(Source("https://name.invalid/repo.git", cache)).code == "source-unreachable"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert refusal(source(host, cache)).code == "source-unreachable", "the environment's proxy is used"
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert refusal(source(host, cache)).code == "source-certificate"
    assert not [path for path in (cache / "mirrors").iterdir() if path.is_dir()], "no half-made mirror stays"
    with pytest.raises(SourceError, match="not fetched yet"):
        source(host, cache).resolve("main")


def test_what_is_known_outlives_a_host_that_is_down(host: Host, work: Repository, cache: Path) -> None:
    ours = source(host, cache)
    ours.fetch()
    host.authorization = "another"
    host.seen.clear()
    assert refusal(ours).code == "source-sign-in"
    assert len(host.seen) == 1, "asked once: a mirror is not made anew for a refusal"
    assert ours.snapshot("main").commit == work.git("rev-parse", "HEAD")


def test_an_empty_repository_and_one_without_its_default_branch(
    host: Host, work: Repository, cache: Path
) -> None:
    work.git("init", "--quiet", "--bare", "--initial-branch=main", str(host.folder / "empty.git"))
    ours = source(host, cache, name="empty.git")
    assert "it has no commit" in str(refusal(ours))
    work.git("push", "--quiet", str(host.folder / "empty.git"), "main:side")
    ours.fetch()
    assert ours.resolve("side") == work.git("rev-parse", "HEAD")
    with pytest.raises(SourceError, match=r"HEAD is a branch without a commit\. Name another: side"):
        ours.resolve("HEAD")


def test_a_page_in_place_of_the_repository_empties_no_mirror(
    host: Host, work: Repository, cache: Path
) -> None:
    """A proxy's page for "sorry, down" comes with status 200, too."""
    ours = source(host, cache)
    ours.fetch()
    host.page = "/repo.git"
    assert refusal(ours).code == "source-not-git"
    assert ours.resolve("main") == work.git("rev-parse", "HEAD")


def cut_pack(mirror: Path) -> None:
    for pack in mirror.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:20])


def empty_refs(mirror: Path) -> None:
    for ref in [path for path in (mirror / "refs").rglob("*") if path.is_file()]:
        ref.write_text("")
    (mirror / "packed-refs").unlink(missing_ok=True)


DAMAGE = {
    "its configuration is gone": lambda mirror: (mirror / "config").write_text("[core"),
    "its HEAD is empty": lambda mirror: (mirror / "HEAD").write_text(""),
    "its objects are gone": lambda mirror: shutil.rmtree(mirror / "objects"),
    "its pack is cut short": cut_pack,
    "its refs are empty": empty_refs,
    "a killed fetch left its locks": lambda mirror: [
        [(mirror / name).parent.mkdir(exist_ok=True), (mirror / name).touch()]
        for name in ("HEAD.lock", "packed-refs.lock", "refs/heads/main.lock")
    ],
    "it is an empty folder": lambda mirror: [shutil.rmtree(mirror), mirror.mkdir()],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("pushed", [True, False])
def test_a_damaged_mirror_is_made_anew(
    host: Host, work: Repository, cache: Path, damage: str, pushed: bool
) -> None:
    ours = source(host, cache)
    ours.fetch()
    (mirror,) = cache.glob("mirrors/*.git")
    DAMAGE[damage](mirror)
    if pushed:
        work.commit({"a": "1"})
        work.git("push", "--quiet", "origin", "main")
    ours.fetch()
    snapshot = ours.snapshot("main")
    assert snapshot.commit == work.git("rev-parse", "HEAD")
    assert (snapshot.root / "readme.md").read_text() == "one\n"
    assert sorted(path.suffix for path in mirror.parent.iterdir()) == [".git", ".lock"]


def test_what_a_killed_fetch_left_is_removed(host: Host, work: Repository, cache: Path) -> None:
    ours = source(host, cache)
    ours.fetch()
    (mirror,) = cache.glob("mirrors/*.git")
    left = mirror.with_name(f"{mirror.stem}.killed.tmp")
    (left / "objects").mkdir(parents=True)
    ours.fetch()
    assert not left.exists()


def test_the_user_s_hooks_templates_and_helpers_are_not_used(
    host: Host, work: Repository, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    hook = tmp_path / "hooks/reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    template = tmp_path / "template/hooks"
    shutil.copytree(hook.parent, template)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[core]\n\thooksPath = {hook.parent}\n[init]\n\ttemplateDir = {template.parent}\n"
        f'[url "{work.path.as_uri()}"]\n\tinsteadOf = {host.url}/evil\n'
        f"[credential]\n\thelper = {hook}\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    source(host, cache).fetch()
    told = {"git": "'file' not allowed", "dulwich": "there is no such repository"}
    assert told[engine] in str(refusal(source(host, cache, name="evil"))), "no other way in by a setting"
    host.authorization = HEADER
    assert refusal(source(host, cache, "wrong")).code == "source-sign-in"
    assert not (tmp_path / "ran").exists(), "who gives a token is not signed in by a helper"


def test_one_mirror_serves_both(host: Host, work: Repository, cache: Path, engine: str) -> None:
    """A host may gain or lose its git with an update, and keeps its cache."""
    url = f"{host.url}/repo.git"
    one, other = (Source(url, cache, None, name) for name in (engine, {"git": "dulwich"}.get(engine, "git")))
    for ours in (one, other, one):
        work.git("branch", "--force", "side")
        commit = work.commit({"a": ours.resolve("main") if list(cache.glob("mirrors/*.git")) else "first"})
        work.git("push", "--quiet", "--force", "origin", "main", "side")
        ours.fetch()
        assert {each.resolve("main") for each in (one, other)} == {commit}
        assert {each.resolve("HEAD~1") for each in (one, other)} == {one.resolve("side")}
    (mirror,) = cache.glob("mirrors/*.git")
    assert len(list(mirror.glob("objects/pack/*.pack"))) >= 1


@pytest.mark.parametrize("engine", ["dulwich"], indirect=True)
def test_a_mirror_of_many_packs_is_made_anew(
    host: Host, work: Repository, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git packs them together by itself; dulwich does not."""
    monkeypatch.setattr(dulwich, "PACKS", 3)
    ours = source(host, cache)
    counts = []
    for number in range(8):
        commit = work.commit({"a": str(number)})
        work.git("push", "--quiet", "origin", "main")
        ours.fetch()
        assert ours.resolve("main") == commit
        (mirror,) = cache.glob("mirrors/*.git")
        counts.append(len(list(mirror.glob("objects/pack/*.pack"))))
    assert counts == [1, 2, 3, 4, 1, 2, 3, 4]


def test_the_cache_is_for_its_owner_alone(host: Host, work: Repository, cache: Path) -> None:
    ours = source(host, cache)
    ours.fetch()
    ours.snapshot()
    assert {oct(path.stat().st_mode & 0o777) for path in (cache / "mirrors", cache / "snapshots")} == {
        "0o700"
    }
