"""A local repository: what is read is what is committed, whatever the settings are; nothing is written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.repositories import Repository, make

from reconciler.errors import SourceError
from reconciler.source import Source, files


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make(tmp_path / "work")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(params=["git", "dulwich"], autouse=True)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which Git is used, here and in `source`, where no other is named."""
    monkeypatch.setattr(Source.__init__, "__defaults__", (None, request.param))
    return str(request.param)


def source(repository: Repository, cache: Path) -> Source:
    return Source(str(repository.path), cache)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(call: object, *args: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        call(*args)  # type: ignore[operator]
    return caught.value


def test_the_bytes_are_those_of_the_commit_whatever_attributes_and_settings_say(
    repository: Repository, cache: Path
) -> None:
    """`git archive` would leave out the first, rewrite the second; a checkout would rewrite the others."""
    files: dict[str, str | bytes] = {
        ".gitattributes": "left export-ignore\nstamp export-subst\n*.txt eol=crlf ident\n*.big filter=loud\n",
        "left": "here\n",
        "stamp": "$Format:%H$\n",
        "a.txt": b"one\ntwo $Id$\n",
        "b.big": "quiet\n",
        "dos": b"one\r\ntwo\r\n",
        "zero": b"",
        "binary": bytes(range(256)) * 500,
    }
    commit = repository.commit(files)
    repository.git("config", "filter.loud.smudge", "tr a-z A-Z")
    repository.git("config", "core.autocrlf", "true")
    snapshot = source(repository, cache).snapshot(commit)
    assert contents(snapshot.root) == {
        "readme.md": b"one\n",
        **{name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()},
    }


def test_a_snapshot_is_read_only_and_keeps_the_executable_bit(repository: Repository, cache: Path) -> None:
    repository.write({"bin/run": "#!/bin/sh\n"})
    (repository.path / "bin/run").chmod(0o755)
    root = source(repository, cache).snapshot(repository.commit()).root
    modes = {str(p.relative_to(root)): stat.S_IMODE(p.stat().st_mode) for p in [root, *root.rglob("*")]}
    assert modes == {".": 0o555, "bin": 0o555, "bin/run": 0o555, "readme.md": 0o444}


def test_a_snapshot_needs_no_checkout_to_be_clean_and_names_what_is_not_committed(
    repository: Repository, cache: Path
) -> None:
    commit = repository.commit({f"f{n}": "old" for n in range(7)})
    repository.write({f"f{n}": "new" for n in range(6)})
    repository.write({"new/x": "", "new/y": ""})
    repository.git("mv", "f6", "a-moved")
    snapshot = source(repository, cache).snapshot()
    assert snapshot.commit == commit
    assert contents(snapshot.root)["f0"] == b"old"
    assert snapshot.warnings == (
        "Uncommitted changes are not part of this: a-moved, f0, f1, f2, f3 and 4 more.",
    )
    assert source(repository, cache).snapshot("main").warnings == (), "who names a commit knows what they get"


def test_any_folder_of_a_checkout_a_worktree_and_a_bare_repository_will_do(
    repository: Repository, cache: Path, tmp_path: Path
) -> None:
    commit = repository.commit({"deep/er/file": "x"})
    repository.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "linked"))
    other = Repository(tmp_path / "linked").commit({"only": "here"})
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    places = {
        repository.path / "deep/er": commit,
        tmp_path / "linked" / "deep": other,
        tmp_path / "bare.git": commit,
    }
    for place, expected in places.items():
        for address in (str(place), place.as_uri()):
            snapshot = Source(address, cache).snapshot()
            assert (snapshot.commit, snapshot.warnings) == (expected, ())
            assert "readme.md" in contents(snapshot.root)
    (tmp_path / "linked" / "only").write_text("changed")
    assert "only" in Source(str(tmp_path / "linked"), cache).snapshot().warnings[0]


def test_a_hook_s_environment_does_not_lead_to_another_repository(
    repository: Repository, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git sets these for a hook, and a reconciler run by a hook would read the wrong repository."""
    other = make(tmp_path / "other", {"wrong": ""})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git/index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / ".git/objects"))
    monkeypatch.setenv("GIT_COMMON_DIR", str(other.path / ".git"))
    snapshot = source(repository, cache).snapshot()
    assert (list(contents(snapshot.root)), snapshot.warnings) == (["readme.md"], ())


def test_no_program_that_the_settings_name_is_run(
    repository: Repository, cache: Path, tmp_path: Path
) -> None:
    witness = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {witness}\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "diff.external"):
        repository.git("config", name, str(program))
    hooks = repository.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        (hooks / hook).write_bytes(program.read_bytes())
        (hooks / hook).chmod(0o755)
    (repository.path / "readme.md").write_text("changed")
    ours = source(repository, cache)
    ours.fetch()
    assert ours.snapshot().warnings
    assert ours.changed(ours.resolve("HEAD"), "main") == ()
    assert not witness.exists()


def test_nothing_is_written_to_a_local_repository(repository: Repository, cache: Path) -> None:
    repository.commit({"x": "1"})
    (repository.path / "x").touch()  # a stale index is what `git status` likes to write anew

    def stamps() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in repository.path.rglob("*")}

    before = stamps()
    ours = source(repository, cache)
    ours.fetch()
    ours.snapshot()
    ours.changed(ours.resolve("HEAD~1"), "HEAD")
    assert stamps() == before


def test_what_names_a_commit(repository: Repository, cache: Path) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "--annotate", "--message", "v", "v1")
    second = repository.commit({"a": "1"})
    repository.git("branch", "feature/x", first)
    repository.git("tag", "both", second)
    repository.git("branch", "both", first)
    repository.git("update-ref", "refs/remotes/origin/theirs", first)
    ours = source(repository, cache)
    expected = {
        "main": second,
        "v1": first,
        "feature/x": first,
        "HEAD": second,
        "HEAD~1": first,
        "main^": first,
        first: first,
        second[:9]: second,
        "both": first,
        "theirs": first,
    }
    assert {name: ours.resolve(name) for name in expected} == expected


def test_an_unknown_name_is_answered_with_near_ones(repository: Repository, cache: Path) -> None:
    repository.git("branch", "develop")
    error = refusal(source(repository, cache).resolve, "devlop")
    assert str(error) == f"{repository.path}: there is no branch or tag 'devlop'. Near: develop."


@pytest.mark.parametrize(
    "ref",
    ["--output=x", "-x", "a b", "main:readme.md", "main@{1}", ":/change", "a..b", "", "x\ny", "*", "^main"],
)
def test_what_is_not_a_name_never_reaches_git(repository: Repository, cache: Path, ref: str) -> None:
    assert "not a name" in str(refusal(source(repository, cache).resolve, ref))


def test_commits_that_are_not_there(repository: Repository, cache: Path, tmp_path: Path) -> None:
    ours = source(repository, cache)
    assert "there is no commit 000" in str(refusal(ours.resolve, "0" * 40))
    assert "does not lead to a commit" in str(refusal(ours.resolve, "main~5"))
    repository.git("tag", "text", repository.blob("no commit"))
    assert "does not lead to a commit" in str(refusal(ours.resolve, "text"))
    empty = tmp_path / "empty"
    empty.mkdir()
    Repository(empty).git("init", "--quiet")
    assert "no commit yet" in str(refusal(Source(str(empty), cache).snapshot))


def test_changed_paths_are_sorted_and_a_move_counts_for_both(repository: Repository, cache: Path) -> None:
    old = repository.commit({"b/one": "same content\n" * 9, "z": "1", "ü\n": "x"})
    repository.git("mv", "b/one", "a-one")
    new = repository.commit({"z": "2", "ü\n": "y"})
    ours = source(repository, cache)
    assert ours.changed(old, new) == ("a-one", "b/one", "z", "ü\n")
    assert ours.changed(new, new) == ()


def test_changed_since_a_commit_that_is_not_known_is_none(
    repository: Repository, cache: Path, tmp_path: Path
) -> None:
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit({"a": "1"})
    shallow = tmp_path / "shallow"
    repository.git("clone", "--quiet", "--depth=1", repository.path.as_uri(), str(shallow))
    ours = Source(str(shallow), cache)
    assert ours.changed(first, second) is None
    assert ours.changed("", second) is None
    assert "there is no commit" in str(refusal(ours.changed, second, first))


def test_submodules_are_left_out_and_told(repository: Repository, cache: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    repository.git("submodule", "--quiet", "add", str(other.path), "sub/module")
    snapshot = source(repository, cache).snapshot(repository.commit())
    assert sorted(contents(snapshot.root)) == [".gitmodules", "readme.md"]
    assert snapshot.warnings == ("Submodules are left out: sub/module.",)
    assert source(repository, cache).snapshot(snapshot.commit).warnings == snapshot.warnings, (
        "also from the cache"
    )


@pytest.mark.parametrize(
    ("links", "named"),
    [
        ({"out": "/etc/passwd"}, "out"),
        ({"d/out": "../../x"}, "d/out"),
        ({"d/up": "..", "e": "d/up/../x"}, "e"),
        ({"one": "two", "two": "../x"}, "one, two"),
    ],
)
def test_links_that_leave_the_tree_are_refused(
    repository: Repository, cache: Path, links: dict[str, str], named: str
) -> None:
    """A link to /etc would put a file of the machine into what is deployed."""
    for name, target in links.items():
        (repository.path / name).parent.mkdir(exist_ok=True)
        (repository.path / name).symlink_to(target)
    error = refusal(source(repository, cache).snapshot, repository.commit())
    assert f"symbolic links lead out of the repository: {named}." in str(error)
    assert list((cache / "snapshots").iterdir()) == [], "nothing half-made stays"


def test_links_inside_the_tree_stay_links(repository: Repository, cache: Path) -> None:
    repository.write({"d/file": "x"})
    for name, target in {
        "here": "d/file",
        "d/back": "../readme.md",
        "folder": "d",
        "dangling": "no/thing",
    }.items():
        (repository.path / name).symlink_to(target)
    root = source(repository, cache).snapshot(repository.commit()).root
    assert {p.name: str(p.readlink()) for p in root.rglob("*") if p.is_symlink()} == {
        "here": "d/file",
        "back": "../readme.md",
        "folder": "d",
        "dangling": "no/thing",
    }
    assert source(repository, cache).snapshot().root == root


def test_a_crafted_tree_cannot_write_elsewhere(repository: Repository, cache: Path, tmp_path: Path) -> None:
    """`git add` makes none of these, a hand does: a name with `..`, a `.git`, a file below a link."""
    blob = repository.blob("evil")
    below = repository.git("mktree", content=f"100644 blob {blob}\tb\n".encode())
    target = repository.blob(str(tmp_path / "outside"))
    (tmp_path / "outside").mkdir()
    for lines in (
        [f"100644 blob {blob}\t.."],
        [f"100644 blob {blob}\t.GIT"],
        [f"100644 blob {blob}\ta/../../b"],
        [f"120000 blob {target}\ta", f"40000 tree {below}\ta"],
    ):
        commit = repository.crafted(*lines)
        refusal(source(repository, cache).snapshot, commit)
    assert list((tmp_path / "outside").iterdir()) == []
    assert list((cache / "snapshots").iterdir()) == []


def test_names_that_are_not_utf_8_come_out_as_they_are(repository: Repository, cache: Path) -> None:
    blob = repository.blob("x")
    tree = repository.git("mktree", "-z", content=f"100644 blob {blob}\t".encode() + b"caf\xe9\0")
    snapshot = source(repository, cache).snapshot(repository.git("commit-tree", tree, "-m", "latin"))
    assert [os.fsencode(path.name) for path in snapshot.root.iterdir()] == [b"caf\xe9"]


def test_a_replaced_object_is_read_as_it_was_committed(repository: Repository, cache: Path) -> None:
    """`git replace` would let a local ref stand in for what everybody else sees."""
    honest = repository.git("rev-parse", "HEAD:readme.md")
    repository.git("replace", honest, repository.blob("other\n"))
    assert contents(source(repository, cache).snapshot().root) == {"readme.md": b"one\n"}


TAMPERING: dict[str, Callable[[Path], object]] = {
    "a file says something else": lambda root: (root / "c").write_text("z"),
    "a file is gone": lambda root: (root / "a/b").unlink(),
    "a file is new": lambda root: (root / "a/new").touch(),
    "a file became a link": lambda root: [(root / "c").unlink(), (root / "c").symlink_to("a/b")],
    "a folder became a link": lambda root: [(root / "a").rename(root / "d"), (root / "a").symlink_to("d")],
    "all is gone": lambda root: [files.remove(root), root.touch()],
}


@pytest.mark.parametrize("way", TAMPERING)
def test_a_snapshot_that_was_tampered_with_is_made_anew(
    repository: Repository, cache: Path, way: str
) -> None:
    commit = repository.commit({"a/b": "x", "c": "y"})
    root = source(repository, cache).snapshot(commit).root
    for path in (root, root / "a", root / "c"):
        path.chmod(0o755)
    TAMPERING[way](root)
    again = source(repository, cache).snapshot(commit)
    assert contents(again.root) == {"a/b": b"x", "c": b"y", "readme.md": b"one\n"}
    assert not [path for path in again.root.rglob("*") if path.is_symlink()]
    assert names(cache / "snapshots") == [commit]


def test_a_snapshot_that_was_cut_short_is_no_snapshot(repository: Repository, cache: Path) -> None:
    """What a killed run leaves has another name; it is removed once it is old, as are old snapshots."""
    first = source(repository, cache).snapshot()
    left = cache / "snapshots" / f".{first.commit}.killed"
    left.mkdir()
    (left / "half").write_text("")
    for old in (left, first.root):
        os.utime(old, (0, 0))
    second = source(repository, cache).snapshot(repository.commit({"a": "1"}))
    assert names(cache / "snapshots") == [second.commit]
    assert contents(second.root) == {"a": b"1", "readme.md": b"one\n"}


def test_many_threads_may_ask_for_the_same_snapshot(repository: Repository, cache: Path) -> None:
    repository.commit({f"d{n}/f": str(n) for n in range(50)})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: source(repository, cache).snapshot(), range(8)))
    assert len({snapshot.root for snapshot in found}) == 1
    assert len(contents(found[0].root)) == 51
    assert names(cache / "snapshots") == [found[0].commit]


def test_a_repository_with_sha_256_ids(tmp_path: Path, cache: Path) -> None:
    repository = make(tmp_path / "new", None, "--object-format=sha256")
    snapshot = source(repository, cache).snapshot()
    assert len(snapshot.commit) == 64
    assert contents(snapshot.root) == {"readme.md": b"one\n"}


def test_a_missing_object_is_told_with_the_way_out(repository: Repository, cache: Path) -> None:
    blob = repository.git("rev-parse", "HEAD:readme.md")
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    error = refusal(source(repository, cache).snapshot)
    assert error.code == "source-damaged"
    assert "readme.md is missing or unreadable. `git fsck` says more" in str(error)


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c 'touch x'",
        "ssh://-oProxyCommand=x/y",
        "git@github.com:a/b.git",
        "http://github.com/a/b",
        "git://github.com/a/b",
        "--upload-pack=touch x",
        "-x",
        "",
        "https://",
        "https://h/a?x=1",
        "https://h/a b",
        "https://h/a\n",
        "file://host/x",
    ],
)
def test_addresses_that_git_would_run_or_misread_are_refused(address: str, cache: Path) -> None:
    assert "address" in str(refusal(Source, address, cache))


def test_a_password_in_an_address_is_refused_and_not_repeated(cache: Path) -> None:
    for address in ("https://me:hunter2@h/x", "https://hunter2@h/x", "ssh://me:hunter2@h/x"):
        error = refusal(Source, address, cache)
        assert "hunter2" not in str(error) + repr(error)


def test_places_that_are_no_repository(tmp_path: Path, cache: Path) -> None:
    assert "no such folder" in str(refusal(Source(str(tmp_path / "no"), cache).fetch))
    assert "not a Git repository" in str(refusal(Source("/", cache).fetch))


@pytest.mark.parametrize("engine", ["dulwich"], indirect=True)
def test_without_git_dulwich_does_it(repository: Repository, cache: Path) -> None:
    """GitPython cannot even be imported there, and would take the whole app down."""
    program = (
        "import sys; from pathlib import Path; from reconciler.source import Source; "
        "print(Source(sys.argv[1], Path(sys.argv[2])).snapshot().commit)"
    )
    command = [sys.executable, "-c", program, str(repository.path), str(cache)]
    environment = {**os.environ, "PATH": "/nowhere", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == repository.git("rev-parse", "HEAD")
