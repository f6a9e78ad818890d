"""What only running a project's code would tell is refused, with its place and the way out; any input is packed or told."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.wheels import PROJECT, project, refused, write

from reconciler.databricks import pack
from reconciler.errors import InputError

BUILD = '[build-system]\nrequires = ["{}"]\nbuild-backend = "{}"\n'


@pytest.mark.parametrize(
    ("toml", "place", "words"),
    [
        ("", "model", "no table [project]"),
        ('[project]\nname = "a"\ndynamic = ["version"]\n', "model/pyproject.toml:3", "`dynamic` (version)"),
        (PROJECT + BUILD.format("hatch-vcs", "hatchling.build"), "model/pyproject.toml:5", "hatch-vcs"),
        (
            PROJECT + BUILD.format("setuptools-scm>8", "setuptools.build_meta"),
            "model/pyproject.toml:5",
            "setuptools-scm",
        ),
        (PROJECT + BUILD.format("maturin", "maturin"), "model/pyproject.toml:6", "'maturin'"),
        (
            PROJECT
            + BUILD.format("setuptools", "backend").replace("\nbuild", '\nbackend-path = ["."]\nbuild'),
            "model/pyproject.toml:7",
            "own folder",
        ),
        (PROJECT + "[tool.setuptools_scm]\n", "model/pyproject.toml:4", "plugin"),
        (PROJECT + '[tool.hatch.version]\nsource = "vcs"\n', "model/pyproject.toml:5", "hatch.version"),
        (
            PROJECT + '[[tool.setuptools.ext-modules]]\nname = "c"\n',
            "model/pyproject.toml:4",
            "`ext-modules`",
        ),
        (PROJECT + "[tool.hatch.build.hooks.custom]\n", "model/pyproject.toml", "`hooks`"),
        (
            PROJECT + '[tool.hatch.build.targets.wheel.force-include]\n"a" = "b"\n',
            "model/pyproject.toml:4",
            "`force-include`",
        ),
        (PROJECT + "x = [1\n", "model/pyproject.toml:5", "no TOML"),
    ],
)
def test_what_needs_the_projects_own_code_is_refused_with_the_way_out(
    tmp_path: Path, toml: str, place: str, words: str
) -> None:
    project(tmp_path, toml)
    fault = refused(tmp_path)[0]
    assert fault.place.startswith(place), fault
    assert words in fault.message
    assert "dist/x.whl" in fault.hint or "no TOML" in fault.message


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (
            {"setup.py": "import os\nfrom setuptools import setup\nos.system('true')\nsetup()"},
            "model/setup.py",
        ),
        ({"setup.py": "from setuptools import setup\nsetup(name='x')"}, "model/setup.py"),
        ({"setup.py": "def ("}, "model/setup.py"),
        ({"setup.cfg": "[options]\npackages = find:\n"}, "model/setup.cfg"),
        ({"src/bikeshare/fast.pyx": ""}, "model/src/bikeshare/fast.pyx"),
        ({"src/bikeshare/fast.so": ""}, "model/src/bikeshare/fast.so"),
        ({"src/second/__init__.py": ""}, "model/pyproject.toml:2"),
    ],
)
def test_files_that_mean_more_than_copying_are_refused(
    tmp_path: Path, files: dict[str, str], place: str
) -> None:
    write(project(tmp_path) / "model", files)
    (fault,) = refused(tmp_path)
    assert fault.place == place
    assert fault.hint


def test_a_file_whose_name_is_not_utf_8_is_refused_by_a_name_that_can_be_printed(tmp_path: Path) -> None:
    """A fuzzer found it: the name could not be hashed."""
    package = project(tmp_path) / "model/src/bikeshare"
    (package / os.fsdecode(b"\xff.py")).touch()
    (fault,) = refused(tmp_path)
    assert fault.place == "model"
    assert "bikeshare/\ufffd.py is not UTF-8" in fault.message


def test_a_setup_py_that_says_nothing_and_settings_of_other_tools_are_no_matter(tmp_path: Path) -> None:
    write(
        project(tmp_path) / "model",
        {
            "setup.py": '"""Stub."""\nimport setuptools\n\nsetuptools.setup()\n',
            "setup.cfg": "[flake8]\nmax = 1\n",
        },
    )
    assert pack(tmp_path, "model").distribution == "bikeshare"


def test_nothing_of_the_project_is_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    write(project(tmp_path) / "model", {"setup.py": trap, "src/bikeshare/__init__.py": trap})
    refused(tmp_path)
    (tmp_path / "model/setup.py").unlink()
    pack(tmp_path, "model")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('name = "-x"', "name"),
        ('version = "1.0-beta"', "version"),
        ('version = "1.0+local"', "version"),
        ("version = 1.0", "version"),
        ('name = "x"\nrequires-python = "3.10"', "requires-python"),
        ('name = "x"\ndependencies = ["a b"]', "dependencies"),
        ('name = "x"\ndependencies = "numpy"', "dependencies"),
        ('name = "x"\ndescription = "a\\nLicense: evil"', "description"),
        ('name = "x"\nreadme = "../../secret.md"', "readme"),
        ('name = "x"\nreadme = "README.adoc"', "readme"),
        ('name = "x"\nlicense = {file = "NONE"}', "license"),
        ('name = "x"\nlicense-files = ["../*"]', "license-files"),
        ('name = "x"\nscripts = {a = "not an object"}', "scripts"),
        ('name = "x"\nauthors = ["me"]', "authors"),
        ('name = "x"\nhomepage = "https://example.org"', "homepage"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, line: str, key: str) -> None:
    known = {"name": 'name = "x"', "version": 'version = "1.0"'}
    given_keys = {each.split(" = ")[0] for each in line.splitlines()}
    toml = "[project]\n" + "\n".join([*(known[k] for k in known if k not in given_keys), line]) + "\n"
    project(tmp_path, toml)
    faults = refused(tmp_path)
    assert any(f"project.{key}: " in fault.message for fault in faults), faults
    assert all(fault.place.startswith("model/pyproject.toml:") for fault in faults)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    project(
        tmp_path,
        '[project]\nname = "x"\nversion = "one"\ndynamic = ["readme"]\nkeywords = "a"\n',
        **{"setup.py": "run()"},
    )
    assert len(refused(tmp_path)) == 4


def test_a_link_out_of_the_project_is_a_fault(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "secret.txt").write_text("s")
    (tmp_path / "model/src/bikeshare/x.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "model/src/bikeshare/sub").symlink_to(tmp_path)
    assert [fault.place for fault in refused(tmp_path)] == [
        "model/src/bikeshare/sub",
        "model/src/bikeshare/x.txt",
    ]


def test_a_folder_without_a_project_or_outside_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert refused(tmp_path)[0].place == "model"
    with pytest.raises(InputError, match="out of the repository"):
        pack(tmp_path / "model", "..")


VALUES = st.recursive(
    st.sampled_from(["a", "1.0", "", "x\ny", "a:b", "../x", "README.md", "*"])
    | st.integers()
    | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "file", "text", "a", "find", "where", "packages"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
KEYS = [
    "name",
    "version",
    "readme",
    "license",
    "license-files",
    "authors",
    "scripts",
    "entry-points",
    "dependencies",
    "optional-dependencies",
    "dynamic",
    "urls",
    "keywords",
]


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return (
        str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if isinstance(value, int)
        else '"' + value.replace("\n", "\\n") + '"'
    )  # type: ignore[attr-defined]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES),
    st.dictionaries(st.sampled_from(["setuptools", "hatch", "poetry"]), VALUES),
    VALUES,
)
def test_any_toml_is_packed_or_told(
    tmp_path: Path, fields: dict[str, object], tools: dict[str, object], build: object
) -> None:
    text = "".join(
        f"{key} = {toml(value)}\n"
        for key, value in [
            ("build-system", build),
            ("tool", tools),
            ("project", {"name": "x", "version": "1", **fields}),
        ]
    )
    project(tmp_path, text)
    try:
        assert pack(tmp_path, "model").name.endswith("-py3-none-any.whl")
    except InputError as error:
        assert error.faults and all(fault.place for fault in error.faults)
