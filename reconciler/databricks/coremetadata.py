"""`[project]` of a pyproject.toml as the METADATA and entry points of a wheel.

https://packaging.python.org/specifications/pyproject-toml/ and …/core-metadata/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.databricks.pyproject import Project
from reconciler.errors import Fault
from reconciler.within import within

NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
VERSION: Final = re.compile(
    r"([1-9]\d*!)?(0|[1-9]\d*)(\.(0|[1-9]\d*))*((a|b|rc)(0|[1-9]\d*))?(\.post(0|[1-9]\d*))?(\.dev(0|[1-9]\d*))?"
)
"""A version in the one normal form (https://packaging.python.org/specifications/version-specifiers/)."""
_CLAUSE: Final = r"(~=|===?|!=|<=?|>=?)\s*[A-Za-z0-9.*+!_-]+"
SPECIFIER: Final = re.compile(rf"\s*({_CLAUSE}\s*(,\s*{_CLAUSE}\s*)*,?)?\s*")
REQUIREMENT: Final = re.compile(
    rf"\s*{NAME.pattern}\s*(\[[^\]]*\])?\s*(@\s*\S+|\(?{SPECIFIER.pattern}\)?)\s*(;.+)?"
)
OBJECT: Final = re.compile(r"[A-Za-z_][\w.]*\s*(:\s*[A-Za-z_][\w.]*)?\s*(\[[\w,.\s-]*\])?")
CONTENT_TYPES: Final = {".md": "text/markdown", ".rst": "text/x-rst", ".txt": "text/plain", "": "text/plain"}
SCRIPTS: Final = {"scripts": "console_scripts", "gui-scripts": "gui_scripts"}
KNOWN: Final = frozenset(
    {
        "name", "version", "description", "readme", "requires-python", "license", "license-files", "authors",
        "maintainers", "keywords", "classifiers", "urls", "scripts", "gui-scripts", "entry-points",
        "dependencies", "optional-dependencies", "dynamic", "import-names", "import-namespaces",
    }
)  # fmt: skip


class Reader:
    """Reads one project's table and collects what is wrong with it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.table = project.project
        self.faults: list[Fault] = []

    def blame(self, key: str, message: str, hint: str = "") -> None:
        self.faults.append(self.project.fault(f"project.{key}: {message}", key, hint, "project"))

    def line(self, key: str, value: Any) -> str:
        """A text of one line; "" with a fault where it is none."""
        if isinstance(value, str) and not re.search(r"[\x00-\x1f\x7f]", value):
            return value
        self.blame(key, "it must be text of one line.")
        return ""

    def lines(self, key: str, value: Any) -> list[str]:
        if isinstance(value, list):
            return [told for each in value if (told := self.line(key, each))]
        self.blame(key, "it must be a list of texts.")
        return []

    def map(self, key: str, value: Any) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        self.blame(key, "it must be a table.")
        return {}

    def file(self, key: str, path: str) -> str:
        found = self.project.folder / path
        try:
            if within(found, self.project.folder):
                return found.read_text("utf-8")
            self.blame(key, f"{path!r} leads out of the project.")
        except (OSError, UnicodeDecodeError, ValueError):
            self.blame(key, f"{path!r} is no file of UTF-8 text in the project.")
        return ""


def name_and_version(reader: Reader) -> tuple[str, str]:
    name = reader.line("name", reader.table.get("name", ""))
    if not NAME.fullmatch(name):
        reader.blame(
            "name", f"{name!r} is no name of a project.", "It has letters, digits, `-`, `_` and `.`."
        )
    version = reader.table.get("version")
    if not isinstance(version, str):
        if not reader.table.get("dynamic"):  # which is a fault of its own
            reader.blame("version", "there is none, as text.", "Write one, such as `0.1.0`.")
    elif not VERSION.fullmatch(version):
        hint = "Write it as `1.2.3`, `1.2rc1`, `1.2.post1` or `1.2.dev1`; what follows a `+` is ours to add."
        reader.blame("version", f"{version!r} is no version in its normal form.", hint)
    return name, str(version)


def distribution(name: str) -> str:
    """The name as wheels and folders bear it: `A-b.c` is `a_b_c`."""
    return re.sub(r"[-_.]+", "_", name).lower()


def metadata(reader: Reader, version: str) -> str:
    """The text of METADATA; what is wrong goes to the reader."""
    table = reader.table
    for key in sorted(table.keys() - KNOWN):
        reader.blame(key, "this field is not known.")
    fields: list[tuple[str, str]] = [("Name", str(table.get("name"))), ("Version", version)]
    for key, read in _FIELDS.items():
        if key in table:
            fields += read(reader, key, table[key])
    body, kind = _readme(reader)
    if kind:
        fields.append(("Description-Content-Type", kind))
    newer = any(name in ("License-Expression", "License-File") for name, _ in fields)
    fields.insert(0, ("Metadata-Version", "2.4" if newer else "2.1"))
    told = "".join(f"{name}: {value}\n" for name, value in fields)
    return f"{told}\n{body}" if body else told


def entry_points(reader: Reader) -> str:
    """The text of entry_points.txt; "" where there are none."""
    groups: dict[str, Mapping[str, Any]] = {}
    for key, group in SCRIPTS.items():
        if key in reader.table:
            groups[group] = reader.map(key, reader.table[key])
    if "entry-points" in reader.table:
        for group, entries in reader.map("entry-points", reader.table["entry-points"]).items():
            if group in SCRIPTS.values() or not re.fullmatch(r"\w+(\.\w+)*", group):
                reader.blame("entry-points", f"{group!r} cannot be a group here.")
            groups[group] = reader.map("entry-points", entries)
    told = []
    keys = {group: key for key, group in SCRIPTS.items()}
    for group, entries in sorted(groups.items()):
        for name, target in entries.items():
            key = keys.get(group, "entry-points")
            if not isinstance(target, str) or not OBJECT.fullmatch(target):
                reader.blame(key, f"{name} = {target!r} is no `module:function`.")
            if not re.fullmatch(r"[^\s=\[\x00-\x1f][^=\x00-\x1f]*", name) or name != name.strip():
                reader.blame(key, f"{name!r} cannot name an entry point.")
        told.append(f"[{group}]\n" + "".join(f"{name} = {entries[name]}\n" for name in sorted(entries)))
    return "\n".join(told)


def license_files(reader: Reader) -> dict[str, Path]:
    """Path below `licenses/` to file, for the globs of `license-files`."""
    found: dict[str, Path] = {}
    if "license-files" not in reader.table:
        return found
    for pattern in reader.lines("license-files", reader.table["license-files"]):
        safe = not pattern.startswith("/") and ".." not in pattern.split("/")
        fitting = [
            each
            for each in (sorted(reader.project.folder.glob(pattern)) if safe else [])
            if each.is_file() and within(each, reader.project.folder)
        ]
        if not fitting:
            reader.blame("license-files", f"no file of the project fits {pattern!r}.")
        found |= {each.relative_to(reader.project.folder).as_posix(): each for each in fitting}
    return found


# One field each


Fields = Iterable[tuple[str, str]]


def _one(header: str, pattern: re.Pattern[str] | None = None) -> Callable[[Reader, str, Any], Fields]:
    def read(reader: Reader, key: str, value: Any) -> Fields:
        text = reader.line(key, value)
        if pattern is not None and not pattern.fullmatch(text):
            reader.blame(key, f"{text!r} is written wrongly.")
        return [(header, text)] if text else []

    return read


def _many(header: str, pattern: re.Pattern[str] | None = None) -> Callable[[Reader, str, Any], Fields]:
    def read(reader: Reader, key: str, value: Any) -> Fields:
        texts = reader.lines(key, value)
        for text in texts:
            if pattern is not None and not pattern.fullmatch(text):
                reader.blame(key, f"{text!r} is written wrongly.")
        return [(header, text) for text in texts]

    return read


def _keywords(reader: Reader, key: str, value: Any) -> Fields:
    words = reader.lines(key, value)
    return [("Keywords", ",".join(words))] if words else []


def _license(reader: Reader, key: str, value: Any) -> Fields:
    if isinstance(value, str):
        return [("License-Expression", reader.line(key, value))]
    told = reader.map(key, value)
    if isinstance(told.get("text"), str) and set(told) == {"text"}:
        text = told["text"]
    elif isinstance(told.get("file"), str) and set(told) == {"file"}:
        text = reader.file(key, told["file"])
    else:
        reader.blame(key, 'it must be an SPDX expression such as "MIT", or one of `text` and `file`.')
        return []
    return [("License", "\n        ".join(text.strip().splitlines()))] if text.strip() else []


def _license_files(reader: Reader, key: str, value: Any) -> Fields:
    return [("License-File", path) for path in sorted(license_files(reader))]


def _people(header: str) -> Callable[[Reader, str, Any], Fields]:
    def read(reader: Reader, key: str, value: Any) -> Fields:
        names, mails = [], []
        for each in value if isinstance(value, list) else [None]:
            person = reader.map(key, each)
            name = reader.line(key, person.get("name", ""))
            mail = reader.line(key, person.get("email", ""))
            if not name and not mail:
                reader.blame(key, "each needs a `name` or an `email`.")
            elif not mail:
                names.append(name)
            elif not name:
                mails.append(mail)
            else:
                quoted = f'"{name}"' if re.search(r'[()<>@,:;.\[\]\\"]', name) else name
                mails.append(f"{quoted} <{mail}>")
        told = [(header, ", ".join(names))] if names else []
        return [*told, (f"{header}-email", ", ".join(mails))] if mails else told

    return read


def _urls(reader: Reader, key: str, value: Any) -> Fields:
    return [
        ("Project-URL", f"{reader.line(key, label)}, {reader.line(key, url)}")
        for label, url in reader.map(key, value).items()
    ]


def _extras(reader: Reader, key: str, value: Any) -> Iterator[tuple[str, str]]:
    for extra, needs in reader.map(key, value).items():
        if not NAME.fullmatch(extra):
            reader.blame(key, f"{extra!r} cannot name an extra.")
        name = re.sub(r"[-_.]+", "-", extra).lower()
        yield "Provides-Extra", name
        for need in reader.lines(key, needs):
            if not REQUIREMENT.fullmatch(need):
                reader.blame(key, f"{need!r} is no requirement.")
            said, _, marker = need.partition(" ;" if "@" in need else ";")
            only = f'extra == "{name}"'
            yield (
                "Requires-Dist",
                f"{said.strip()} ; {f'({marker.strip()}) and {only}' if marker.strip() else only}",
            )


_FIELDS: Final[Mapping[str, Callable[[Reader, str, Any], Fields]]] = {
    "description": _one("Summary"),
    "authors": _people("Author"),
    "maintainers": _people("Maintainer"),
    "license": _license,
    "license-files": _license_files,
    "keywords": _keywords,
    "classifiers": _many("Classifier"),
    "urls": _urls,
    "requires-python": _one("Requires-Python", SPECIFIER),
    "dependencies": _many("Requires-Dist", REQUIREMENT),
    "optional-dependencies": _extras,
}
"""In the order in which they stand in METADATA."""


def _readme(reader: Reader) -> tuple[str, str]:
    """Text and content type."""
    said = reader.table.get("readme")
    if said is None:
        return "", ""
    table = {"file": said} if isinstance(said, str) else reader.map("readme", said)
    if isinstance(table.get("file"), str) and "text" not in table:
        text = reader.file("readme", table["file"])
        guess = CONTENT_TYPES.get(Path(table["file"]).suffix.lower(), "")
    elif isinstance(table.get("text"), str) and "file" not in table:
        text, guess = table["text"], ""
    else:
        reader.blame("readme", "it must name a file, or hold one of `file` and `text`.")
        return "", ""
    kind = table.get("content-type", guess)
    if not kind:
        reader.blame("readme", "its `content-type` is missing.", "Write e.g. `text/markdown`.")
    return text, reader.line("readme", kind)
