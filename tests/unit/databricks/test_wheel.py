"""A static pure-Python project is packed without its code being run."""

import csv
import io
import os
import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from packaging.utils import parse_wheel_filename
from packaging.version import Version
from support.wheels import PROJECT, project, write

from reconciler.databricks import Wheel, pack
from reconciler.databricks.wheel import _local

FULL = """
[build-system]
requires = ["setuptools>=77", "wheel"]
build-backend = "setuptools.build_meta"

[project]
name = "Bike-Share.model"
version = "0.1.0rc1"
description = "Predicts hires"
readme = "README.md"
requires-python = ">=3.10,<4"
license = {text = "MIT\\nas usual"}
authors = [{name = "B, A", email = "a@example.org"}, {name = "Only Name"}]
maintainers = [{email = "m@example.org"}]
keywords = ["bikes", "spark"]
classifiers = ["Programming Language :: Python :: 3"]
dependencies = ["numpy>=1.26; python_version < '3.14'", "lib @ https://example.org/a;b.whl ; os_name == 'posix'"]

[project.optional-dependencies]
Dev_Tools = ["pytest>8", "mypy; python_version >= '3.12' or os_name == 'nt'"]

[project.scripts]
bike = "bike_share_model.main:run"
[project.gui-scripts]
bikegui = "bike_share_model.main:run"
[project.entry-points."bike.plugins"]
one = "bike_share_model.main"
[project.urls]
Homepage = "https://example.org"

[tool.ruff]
line-length = 100
"""


def names(wheel: Wheel) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        return [name for name in archive.namelist() if ".dist-info/" not in name]


def member(wheel: Wheel, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        return archive.read(f"{wheel.distribution}-{wheel.version}.dist-info/{name}").decode()


def metadata(wheel: Wheel) -> Message:
    return message_from_string(member(wheel, "METADATA"))


def test_pip_installs_it_and_python_imports_it(tmp_path: Path) -> None:
    project(
        tmp_path,
        FULL,
        **{
            "README.md": "# Bikes\n",
            "src/bike_share_model/__init__.py": "",
            "src/bike_share_model/main.py": "from importlib.resources import files\ndef run():\n    print(files(__package__).joinpath('data/x.csv').read_text())\n",
            "src/bike_share_model/data/x.csv": "seven",
        },
    )
    wheel = pack(tmp_path, "model")
    (tmp_path / wheel.name).write_bytes(wheel.content)
    target = tmp_path / "target"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        target,
        tmp_path / wheel.name,
    ]
    subprocess.run(
        command, check=True, capture_output=True, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    )
    code = "from importlib.metadata import version; print(version('bike-share-model')); from bike_share_model.main import run; run()"
    told = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(target)},
    )
    assert told.stdout.split() == [wheel.version, "seven"]
    assert (target / "bin" / "bike").exists()


def test_the_metadata_says_what_the_project_says(tmp_path: Path) -> None:
    project(tmp_path, FULL, **{"README.md": "# Bikes\n", "src/bike_share_model/__init__.py": ""})
    wheel = pack(tmp_path, "model")
    name, version, _, tags = parse_wheel_filename(wheel.name)
    assert (name, str(version), [str(tag) for tag in tags]) == (
        "bike-share-model",
        wheel.version,
        ["py3-none-any"],
    )
    assert wheel.name.startswith("bike_share_model-0.1.0rc1+")
    told = Metadata.from_email(member(wheel, "METADATA"), validate=True)
    assert told.version == Version(wheel.version)
    assert told.summary == "Predicts hires"
    assert (told.description, told.description_content_type) == ("# Bikes\n", "text/markdown")
    assert str(told.requires_python) == "<4,>=3.10"
    assert (told.author, told.author_email, told.maintainer_email) == (
        "Only Name",
        '"B, A" <a@example.org>',
        "m@example.org",
    )
    assert told.keywords == ["bikes", "spark"]
    assert told.classifiers == ["Programming Language :: Python :: 3"]
    assert told.project_urls == {"Homepage": "https://example.org"}
    assert told.provides_extra == ["dev-tools"]
    assert told.requires_dist == [
        Requirement("numpy>=1.26; python_version < '3.14'"),
        Requirement("lib @ https://example.org/a;b.whl ; os_name == 'posix'"),
        Requirement('pytest>8; extra == "dev-tools"'),
        Requirement("mypy; (python_version >= '3.12' or os_name == 'nt') and extra == \"dev-tools\""),
    ]
    assert metadata(wheel)["License"] == "MIT\n        as usual"
    assert member(wheel, "entry_points.txt") == (
        "[bike.plugins]\none = bike_share_model.main\n\n[console_scripts]\nbike = bike_share_model.main:run\n\n"
        "[gui_scripts]\nbikegui = bike_share_model.main:run\n"
    )


def test_an_spdx_license_and_its_files_are_told_in_the_newer_form(tmp_path: Path) -> None:
    project(
        tmp_path,
        PROJECT + 'license = "MIT"\nlicense-files = ["LICEN*"]\n',
        **{"LICENSE": "be free", "src/bikeshare/__init__.py": ""},
    )
    wheel = pack(tmp_path, "model")
    told = metadata(wheel)
    assert (told["Metadata-Version"], told["License-Expression"], told["License-File"]) == (
        "2.4",
        "MIT",
        "LICENSE",
    )
    assert member(wheel, "licenses/LICENSE") == "be free"


def test_the_record_lists_each_member(tmp_path: Path) -> None:
    wheel = pack(
        project(tmp_path, PROJECT, **{"src/bikeshare/__init__.py": "", "src/bikeshare/a,b.txt": "x"}), "model"
    )
    rows = list(csv.reader(io.StringIO(member(wheel, "RECORD"))))
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        assert [row[0] for row in rows] == archive.namelist()
    assert rows[0] == ["bikeshare/__init__.py", "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", "0"]
    assert rows[-1][1:] == ["", ""]


def test_the_same_content_is_the_same_wheel_whatever_else_differs(tmp_path: Path) -> None:
    """Times, modes, the place of the checkout and files beside the package mean nothing."""
    one = pack(project(tmp_path / "one"), "model")
    project(tmp_path / "two")
    file = tmp_path / "two/model/src/bikeshare/__init__.py"
    os.utime(file, (1, 1))
    file.chmod(0o700)
    write(
        tmp_path / "two/model",
        {"tests/test_x.py": "", "src/bikeshare/__pycache__/x.pyc": "", "src/bikeshare/.DS_Store": ""},
    )
    two = pack(tmp_path / "two", "model")
    assert two == one
    assert two.digest.startswith("sha256:")


def test_members_bear_one_time_and_mode_and_no_compression_of_a_zlib_version(tmp_path: Path) -> None:
    wheel = pack(project(tmp_path), "model")
    with zipfile.ZipFile(io.BytesIO(wheel.content)) as archive:
        told = {(each.date_time, each.external_attr >> 16, each.compress_type) for each in archive.infolist()}
    assert told == {((1980, 1, 1, 0, 0, 0), 0o100644, zipfile.ZIP_STORED)}


@pytest.mark.parametrize(
    "change",
    [
        {"src/bikeshare/__init__.py": "x = 2\n"},
        {"src/bikeshare/more.py": ""},
        {"pyproject.toml": PROJECT + 'dependencies = ["numpy"]\n'},
        {"pyproject.toml": PROJECT + 'scripts = {a = "bikeshare:x"}\n'},
    ],
    ids=["line", "file", "dependency", "script"],
)
def test_changed_content_is_another_version(tmp_path: Path, change: dict[str, str]) -> None:
    before = pack(project(tmp_path), "model")
    write(tmp_path / "model", change)
    after = pack(tmp_path, "model")
    assert after.name != before.name
    assert Version(after.version).public == Version(before.version).public == "0.1.0"


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.binary(max_size=3)))
def test_the_local_version_is_in_normal_form(content: dict[str, bytes]) -> None:
    local = _local(content)
    assert len(local) == 12
    assert str(Version(f"1.0+{local}")) == f"1.0+{local}"


def test_a_local_version_of_digits_alone_would_lose_its_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    class Digits:
        def __init__(self, _: bytes = b"") -> None: ...
        def update(self, _: bytes) -> None: ...
        def hexdigest(self) -> str:
            return "0" * 20 + "f" + "0" * 43

    monkeypatch.setattr("reconciler.databricks.wheel.hashlib.sha256", Digits)
    assert _local({}) == "0" * 11 + "f"


INIT = {
    f"{name}/__init__.py": ""
    for name in ("pkg", "pkg/sub", "other", "tests", "src/one", "src/one/sub", "src/two")
}


@pytest.mark.parametrize(
    ("toml", "files", "packed"),
    [
        (
            "",
            ["bikeshare/__init__.py", "tests/__init__.py", "docs/__init__.py", "conf.py"],
            ["bikeshare/__init__.py"],
        ),
        ("", ["elsewhere/__init__.py", "tests/__init__.py"], ["elsewhere/__init__.py"]),
        ("", ["bikeshare/__init__.py", "extra/__init__.py"], ["bikeshare/__init__.py"]),
        (
            "",
            ["src/other/__init__.py", "src/other/a/b/c.txt", "bikeshare/__init__.py"],
            ["other/__init__.py", "other/a/b/c.txt"],
        ),
        (
            '[tool.setuptools]\npackages = ["a", "a.b"]\npackage-dir = {"" = "lib"}\n',
            ["lib/a/__init__.py", "lib/a/b/__init__.py", "lib/a/c/__init__.py", "lib/a/data/x.txt"],
            ["a/__init__.py", "a/b/__init__.py", "a/data/x.txt"],
        ),
        (
            '[tool.setuptools]\npackages = ["a", "a.b"]\n[tool.setuptools.package-dir]\na = "here"\n',
            ["here/__init__.py", "here/b/__init__.py"],
            ["a/__init__.py", "a/b/__init__.py"],
        ),
        (
            '[tool.setuptools.packages.find]\nwhere = ["lib"]\ninclude = ["a*"]\nexclude = ["a.tests*"]\nnamespaces = false\n',
            [
                "lib/a/__init__.py",
                "lib/a/b/__init__.py",
                "lib/a/tests/__init__.py",
                "lib/z/__init__.py",
                "lib/a/n/x.txt",
            ],
            ["a/__init__.py", "a/b/__init__.py", "a/n/x.txt"],
        ),
        (
            '[tool.setuptools.packages.find]\nwhere = ["src"]\n',
            ["src/org/a/__init__.py", "src/org/a/b/c.py"],
            ["org/a/__init__.py", "org/a/b/c.py"],
        ),
        (
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[tool.hatch.build.targets.wheel]\npackages = ["lib/a"]\n',
            ["lib/a/__init__.py", "lib/a/b/c.py", "lib/z/__init__.py"],
            ["a/__init__.py", "a/b/c.py"],
        ),
    ],
    ids=[
        "flat",
        "flat, other name",
        "flat, beside others",
        "src",
        "listed",
        "package-dir",
        "find",
        "namespace",
        "hatch",
    ],
)
def test_layouts(tmp_path: Path, toml: str, files: list[str], packed: list[str]) -> None:
    project(tmp_path, PROJECT + toml, **dict.fromkeys(files, ""))
    assert names(pack(tmp_path, "model")) == packed
