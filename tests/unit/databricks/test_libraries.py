"""Libraries are known by their file's name, checked where their bytes are at hand, and never fetched here."""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.databricks import Library, default_folder, libraries
from reconciler.errors import Fault

TO = "/Shared/bikeshare/libs"


@dataclass
class Entry:
    build: str | None = None
    file: str | None = None
    url: str | None = None
    sha256: str | None = None
    to: str | None = TO


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


def put(root: Path, name: str, content: bytes) -> str:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content)
    return name


def read(root: Path, *entries: Entry, default: str = "") -> tuple[list[Library], list[Fault]]:
    return libraries(root, entries, default, [f"e.yaml:{line}:1" for line in range(1, len(entries) + 1)])


def refused(root: Path, entry: Entry) -> Fault:
    found, faults = read(root, entry)
    assert not found
    return faults[0]


def test_a_project_is_built_a_file_is_read_and_an_address_is_only_named(tmp_path: Path) -> None:
    put(tmp_path, "model/pyproject.toml", b'[project]\nname = "Bike-Share"\nversion = "1.0"\n')
    put(tmp_path, "model/src/bike_share/__init__.py", b"")
    wheel = archive("other/__init__.py", "Other.Lib-2.0.dist-info/METADATA")
    put(tmp_path, "dist/other_lib-2.0-py3-none-any.whl", wheel)
    put(tmp_path, "dist/spark.jar", archive("A.class"))
    found, faults = read(
        tmp_path,
        Entry(build="model/"),
        Entry(file="dist/other_lib-2.0-py3-none-any.whl"),
        Entry(file="dist/spark.jar"),
        Entry(
            url="https://example.org/a/far%2Baway-1.0%2Bx-py3-none-any.whl?sig=1".replace("far%2B", "far_"),
            sha256="AB" * 32,
        ),
    )
    assert faults == []
    told = {each.name: each for each in found}
    built = next(each for name, each in told.items() if name.startswith("bike_share-1.0+"))
    assert (built.path, built.distribution, built.source, built.origin) == (
        f"{TO}/{built.name}",
        "bike_share",
        "model",
        "e.yaml:1:1",
    )
    assert built.content is not None
    assert built.digest == "sha256:" + built.sha256 == "sha256:" + hashlib.sha256(built.content).hexdigest()
    other = told["other_lib-2.0-py3-none-any.whl"]
    assert (other.content, other.distribution, other.warning) == (wheel, "other_lib", "")
    assert told["spark.jar"].distribution == ""
    assert "volume" in told["spark.jar"].warning
    far = told["far_away-1.0+x-py3-none-any.whl"]
    assert (far.content, far.sha256, far.digest) == (None, "ab" * 32, "sha256:" + "ab" * 32)
    assert far.url.endswith("?sig=1")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry(file="dist/none.whl"), "There is no file dist/none.whl"),
        (Entry(file="dist/wrong.whl"), "not named as a wheel"),
        (Entry(file="dist/a.egg"), "wheel or JAR"),
        (Entry(file="dist/broken-1.0-py3-none-any.whl"), "no ZIP"),
        (Entry(file="dist/broken.jar"), "no ZIP"),
        (Entry(file="dist/renamed-1.0-py3-none-any.whl"), "no metadata of renamed-1.0"),
        (Entry(file="../outside.jar"), "out of the repository"),
        (Entry(url="https://example.org/x.jar"), "sha256"),
        (Entry(url="https://example.org/x/", sha256="0" * 64), "wheel or JAR"),
        (Entry(url="https://example.org/..%2Fx.jar", sha256="0" * 64), ""),
        (Entry(), "names no library"),
        (Entry(file="dist/ok.jar", to=None), "no `to`"),
        (Entry(file="dist/ok.jar", to="/Repos/x"), "/Repos"),
        (Entry(build="model"), "no pyproject.toml"),
    ],
)
def test_what_is_no_library_is_told(tmp_path: Path, entry: Entry, words: str) -> None:
    root = tmp_path / "repo"
    for name in ("wrong.whl", "a.egg", "ok.jar", "renamed-1.0-py3-none-any.whl"):
        put(root, f"dist/{name}", archive("original-1.0.dist-info/METADATA"))
    for name in ("broken-1.0-py3-none-any.whl", "broken.jar"):
        put(root, f"dist/{name}", b"version https://git-lfs.github.com/spec/v1\n")
    (root / "model").mkdir()
    if not words:
        (library,) = read(root, entry)[0]
        assert library.path == f"{TO}/x.jar", "a name from an address never leads elsewhere"
        return
    fault = refused(root, entry)
    assert words in fault.message
    assert fault.place


def test_two_libraries_on_one_path_are_a_fault_and_all_faults_come_at_once(tmp_path: Path) -> None:
    put(tmp_path, "a/x.jar", archive("A"))
    put(tmp_path, "b/x.jar", archive("B"))
    _, faults = read(tmp_path, Entry(file="a/x.jar"), Entry(file="b/x.jar"), Entry(file="c/x.jar"), Entry())
    told = sorted(faults)
    assert [fault.place for fault in told] == ["e.yaml:2:1", "e.yaml:3:1", "e.yaml:4:1"]
    assert "a/x.jar" in told[0].message and "b/x.jar" in told[0].message


def test_where_libraries_go_that_name_no_folder(tmp_path: Path) -> None:
    assert default_folder(["/Workspace/Shared/bikeshare"]) == "/Shared/bikeshare/libs"
    assert default_folder([]) == default_folder(["/Shared/a", "/Shared/b"]) == ""
    put(tmp_path, "x.jar", archive("A"))
    (library,), _ = read(tmp_path, Entry(file="x.jar", to=None), default="/Shared/a/libs")
    assert library.path == "/Shared/a/libs/x.jar"
