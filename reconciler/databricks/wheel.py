"""A pure-Python project packed as a wheel without running any of its code, the same bytes each time.

The version gets a local part from the content, so a changed line is another version and another file name."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from reconciler.databricks import coremetadata, packages, pyproject
from reconciler.errors import Fault, InputError
from reconciler.within import within

WHEEL: Final = (
    "Wheel-Version: 1.0\nGenerator: azure-gitops-reconciler\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
)
EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can say."""
MODE: Final = 0o100644 << 16
UNIX: Final = 3


@dataclass(frozen=True)
class Wheel:
    """name: of the file. distribution: as in the file's name. digest: `sha256:…` of the bytes."""

    name: str
    distribution: str
    version: str
    content: bytes = field(repr=False)
    digest: str


def pack(root: Path, project: str) -> Wheel:
    """The wheel of the project in the folder `project` of the repository `root`.

    Raises InputError with every fault, among them all that would need the project's code to be run."""
    folder = root / project
    label = PurePosixPath(project).as_posix()
    if not within(folder, root):
        raise InputError([Fault(label, "This path leads out of the repository.")])
    found, faults = pyproject.read(folder, label)
    if found is None:
        raise InputError(faults)
    reader = coremetadata.Reader(found)
    name, version = coremetadata.name_and_version(reader) if found.project else ("", "")
    files: Mapping[str, Path] = {}
    try:
        files = {} if faults else packages.files(found)
    except InputError as error:
        faults.extend(error.faults)
    coremetadata.metadata(reader, version)
    points = coremetadata.entry_points(reader)
    licenses = coremetadata.license_files(reader)
    faults.extend(reader.faults)
    for path in (*files, *licenses):
        if (shown := os.fsencode(path).decode("utf-8", "replace")) != path:
            faults.append(
                Fault(label, f"The name of {shown} is not UTF-8; a wheel's are.", "Rename the file.")
            )
    if faults:
        raise InputError(faults)
    try:
        members = {path: file.read_bytes() for path, file in files.items()}
        extra = {f"licenses/{path}": file.read_bytes() for path, file in licenses.items()}
    except OSError as error:
        raise InputError([Fault(label, f"A file cannot be read: {error.strerror}.")]) from error
    if points:
        extra["entry_points.txt"] = points.encode()
    distribution = coremetadata.distribution(name)
    plain = coremetadata.metadata(reader, version).encode()
    full = f"{version}+{_local({**members, **extra, 'METADATA': plain})}"
    extra["METADATA"] = coremetadata.metadata(reader, full).encode()
    extra["WHEEL"] = WHEEL.encode()
    info = f"{distribution}-{full}.dist-info"
    content = _zip(members, {f"{info}/{path}": content for path, content in extra.items()}, f"{info}/RECORD")
    told = "sha256:" + hashlib.sha256(content).hexdigest()
    return Wheel(f"{distribution}-{full}-py3-none-any.whl", distribution, full, content, told)


def _local(content: Mapping[str, bytes]) -> str:
    """Twelve hexadecimal digits of the content's hash, at least one of them a letter.

    A local version of digits alone is a number, and would lose its leading zeros."""
    told = hashlib.sha256()
    for path, data in sorted(content.items()):
        told.update(f"{path}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    digits = told.hexdigest()
    return next((part for at in range(53) if not (part := digits[at : at + 12]).isdigit()), "a" + digits[:11])


def _zip(members: Mapping[str, bytes], info: Mapping[str, bytes], record: str) -> bytes:
    """Sorted, with one time and one mode; not compressed, since zlib's versions compress differently."""
    content = {**dict(sorted(members.items())), **dict(sorted(info.items()))}
    lines = [f"{_quoted(path)},sha256={_hash(data)},{len(data)}\n" for path, data in content.items()]
    content[record] = "".join([*lines, f"{_quoted(record)},,\n"]).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in content.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system, entry.external_attr = UNIX, MODE
            archive.writestr(entry, data)
    return out.getvalue()


def _hash(data: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _quoted(path: str) -> str:
    return f'"{path}"' if "," in path else path
