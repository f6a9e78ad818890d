"""Libraries of an environment: a project packed here, a wheel or JAR of the repository, or one to fetch."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from reconciler.databricks import workspacepath
from reconciler.databricks.coremetadata import distribution
from reconciler.databricks.notebooks import FILE_LIMIT
from reconciler.databricks.wheel import pack
from reconciler.errors import Fault, InputError
from reconciler.within import within

WHEEL_NAME: Final = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?)-(?P<version>[A-Za-z0-9_.!+]+)(?:-\d[^-]*)?"
    r"-[\w.]+-[\w.]+-[\w.]+\.whl"
)
"""https://packaging.python.org/specifications/binary-distribution-format/#file-name-convention"""
FILE_NAME: Final = re.compile(r"[^\x00-\x1f\x7f/\\?#%]+\.(?:whl|jar)")
JAR_WARNING: Final = (
    "a JAR among the workspace's files is not installed by every kind of compute, least of all in standard "
    "access mode; a volume is where Databricks wants it"
)
"""https://learn.microsoft.com/azure/databricks/libraries/#java-and-scala-library-support"""


class Entry(Protocol):
    """An item of `databricks.libraries`: one of the first three is set, and `sha256` with `url`."""

    @property
    def build(self) -> str | None: ...
    @property
    def file(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def to(self) -> str | None: ...


@dataclass(frozen=True)
class Library:
    """path: in the workspace, without `/Workspace`. distribution: of a wheel as in its name, else "".

    content: None where it is to be fetched from `url`. digest: `sha256:…` of the bytes. source: the folder or
    file of the repository, or the address. warning: what is odd and yet no fault."""

    path: str
    name: str
    distribution: str
    content: bytes | None = field(repr=False)
    url: str
    sha256: str
    digest: str
    source: str
    origin: str
    warning: str = ""


def libraries(
    root: Path, entries: Iterable[Entry], to_default: str = "", places: Sequence[str] = ()
) -> tuple[list[Library], list[Fault]]:
    """What the entries put into the workspace, by path, and every fault.

    to_default: the folder where an entry has no `to`; "" = it needs one. places: of the entries, in order."""
    found: list[Library] = []
    faults: list[Fault] = []
    for index, entry in enumerate(entries):
        place = places[index] if index < len(places) else ""
        try:
            found.append(_library(root, entry, to_default, place))
        except InputError as error:
            faults.extend(error.faults)
    first: dict[str, Library] = {}
    for each in found:
        other = first.setdefault(each.path, each)
        if other is not each:
            message = f"{each.source} and {other.source} both become {each.path}."
            faults.append(Fault(each.origin, message, "Give one another `to`, or take one out."))
    return sorted(first.values(), key=lambda each: each.path), faults


def default_folder(targets: Sequence[str]) -> str:
    """Where libraries go that name no folder: `libs` of the only folder of notebooks; "" if it is not one."""
    return f"{workspacepath.plain(targets[0])}/libs" if len(targets) == 1 else ""


def _library(root: Path, entry: Entry, to_default: str, place: str) -> Library:
    to = entry.to or to_default
    if not to:
        raise _refusal(
            place, "It has no `to`.", "Name a folder of the workspace, e.g. `/Shared/bikeshare/libs`."
        )
    message, hint = workspacepath.fault_of(to)
    if message:
        raise _refusal(place, message, hint)
    folder = workspacepath.plain(to)
    if entry.build:
        made = pack(root, entry.build)
        return Library(
            path=f"{folder}/{made.name}",
            name=made.name,
            distribution=made.distribution,
            content=made.content,
            url="",
            sha256=made.digest.removeprefix("sha256:"),
            digest=made.digest,
            source=PurePosixPath(entry.build).as_posix(),
            origin=place or entry.build,
        )
    if entry.url:
        name = unquote(urlsplit(entry.url).path).rpartition("/")[2]
        if not entry.sha256:
            raise _refusal(place, "`url` needs `sha256`, so that only what was reviewed is installed.")
        return _named(name, folder, None, entry.url, entry.sha256.lower(), entry.url, place)
    if not entry.file:
        raise _refusal(place, "It names no library.", "Write one of `build`, `file` and `url`.")
    content = _read(root, entry.file, place)
    told = hashlib.sha256(content).hexdigest()
    name = PurePosixPath(entry.file).name
    return _named(name, folder, content, "", told, PurePosixPath(entry.file).as_posix(), place)


def _named(
    name: str, folder: str, content: bytes | None, url: str, sha256: str, source: str, place: str
) -> Library:
    """A wheel or JAR that is there, known by its file name."""
    if not FILE_NAME.fullmatch(name):
        hint = "Wheels (.whl) and JARs (.jar) are taken."
        raise _refusal(place, f"{source} does not end in the name of a wheel or JAR.", hint)
    wheel = WHEEL_NAME.fullmatch(name)
    if name.endswith(".whl") and wheel is None:
        hint = "It is NAME-VERSION-PYTHON-ABI-PLATFORM.whl; pip takes no other."
        raise _refusal(place, f"{name} is not named as a wheel.", hint)
    if content is not None:
        _check(content, source, wheel)
    return Library(
        path=f"{folder}/{name}",
        name=name,
        distribution=distribution(wheel["name"]) if wheel else "",
        content=content,
        url=url,
        sha256=sha256,
        digest=f"sha256:{sha256}",
        source=source,
        origin=place or source,
        warning="" if wheel else f"{name}: {JAR_WARNING}.",
    )


def _read(root: Path, file: str, place: str) -> bytes:
    path = root / file
    if not within(path, root):
        raise _refusal(place, f"{file} leads out of the repository.")
    try:
        size = path.stat().st_size
        if size > FILE_LIMIT:
            message = f"It has {size:,} bytes; a workspace takes a file of at most {FILE_LIMIT:,}."
            raise _refusal(file, message, "Keep it in a volume.")
        return path.read_bytes()
    except FileNotFoundError:
        raise _refusal(place, f"There is no file {file}.", "Is it committed?") from None
    except OSError as error:
        raise _refusal(file, f"It cannot be read: {error.strerror}.") from error


def _check(content: bytes, source: str, wheel: re.Match[str] | None) -> None:
    """Whether it is a ZIP, and a wheel one that holds its own name."""
    way_out = "Build it again, and look whether Git changed its line ends (`*.whl binary`)."
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise _refusal(source, "It is no ZIP, as wheels and JARs are.", way_out) from error
    if wheel is None:
        return
    info = f"{distribution(wheel['name'])}-{wheel['version']}"
    if not any(_info_of(name) == info for name in names if name.endswith(".dist-info/METADATA")):
        raise _refusal(source, f"It holds no metadata of {info}.", "Was it renamed? Build it again.")


def _info_of(name: str) -> str:
    held, _, version = name.removesuffix(".dist-info/METADATA").rpartition("-")
    return f"{distribution(held)}-{version}"


def _refusal(place: str, message: str, hint: str = "") -> InputError:
    return InputError([Fault(place, message, hint)])
