"""The workspace's tree: folders, notebooks and files. Knows nothing of HTTP and of rights.

An object is a document `{"path", "object_type": NOTEBOOK | FILE | DIRECTORY | REPO, "object_id",
"resource_id"}`; notebooks and files have `created_at` and `modified_at` (ms) and `size` (bytes), notebooks
`language` (PYTHON, R, SQL, SCALA). Paths here are absolute, without `/Workspace` in front and without a
closing slash. What is in an object lies apart, so that a listing reads no content.
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Iterator
from typing import Any

from sandbox.services.databricks import errors, hosts, notebook_formats
from sandbox.world import World

OBJECTS = "databricks.objects"
CONTENTS = "databricks.contents"
_PATHS = "databricks.paths"
_STAMPS = "databricks.stamps"
_PROTECTED = ("/", "/Users", "/Shared", "/Repos")

Document = dict[str, Any]


def canonical(path: str) -> str:
    """A path as keys have it: `/Workspace/a//b/` is `/a/b`. Raises 400 for one that is not absolute."""
    if not path.startswith("/"):
        raise errors.bad(f"Path ({path}) must be absolute: it has to start with '/'.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise errors.bad(f"Path ({path}) must not contain '..'.")
    if parts[:1] == ["Workspace"]:
        parts = parts[1:]
    return "/" + "/".join(parts)


def found(world: World, host: str) -> None:
    """The folders that every workspace has from the beginning."""
    for path in _PROTECTED:
        _put_directory(world, host, path)


def get(world: World, host: str, path: str) -> Document | None:
    """The object at a path, None when there is none. `/Workspace` in front makes no difference."""
    return world.store.get(OBJECTS, host + canonical(path))


def load(world: World, host: str, path: str) -> Document:
    """As ``get``; raises 404 RESOURCE_DOES_NOT_EXIST."""
    document = get(world, host, path)
    if document is None:
        raise errors.missing(f"Path ({path}) doesn't exist.")
    return document


def by_id(world: World, host: str, object_id: int) -> Document | None:
    """The object of a number, None when there is none."""
    entry = world.store.get(_PATHS, f"{host}/{object_id}")
    return get(world, host, entry["path"]) if entry else None


def parent(path: str) -> str:
    """The folder that a path lies in; the root's is the root."""
    return posixpath.dirname(path) or "/"


def children(world: World, host: str, path: str) -> Iterator[Document]:
    """What lies directly in a folder, by path."""
    prefix = f"{host}{path.rstrip('/')}/"
    for key in world.store.keys(OBJECTS, prefix):
        if "/" not in key[len(prefix) :] and key != prefix:
            yield world.store.get(OBJECTS, key) or {}


def below(world: World, host: str, path: str) -> Iterator[Document]:
    """Everything in a folder and in its folders, and for the root the root itself."""
    for _, document in world.store.items(OBJECTS, f"{host}{path.rstrip('/')}/"):
        yield document


def source(world: World, host: str, path: str) -> tuple[str, str]:
    """Language and source text of a notebook. Raises 404, and 400 for what is no notebook."""
    document = load(world, host, path)
    if document["object_type"] != "NOTEBOOK":
        raise errors.bad(f"Path ({path}) is no notebook but a {document['object_type']}.")
    return document["language"], _content(world, host, document).decode()


def file_bytes(world: World, host: str, path: str) -> bytes:
    """What is in a workspace file. Raises 404, and 400 for what is no file."""
    document = load(world, host, path)
    if document["object_type"] != "FILE":
        raise errors.bad(f"Path ({path}) is no file but a {document['object_type']}.")
    return _content(world, host, document)


def mkdirs(world: World, host: str, path: str) -> None:
    """Make a folder and all above it. Raises RESOURCE_ALREADY_EXISTS where something else is in the way."""
    path = canonical(path)
    existing = get(world, host, path)
    if existing is None:
        mkdirs(world, host, parent(path))
        _put_directory(world, host, path)
    elif existing["object_type"] not in ("DIRECTORY", "REPO"):
        raise errors.refusal("RESOURCE_ALREADY_EXISTS", f"Path ({path}) already exists and is no folder.")


def put_notebook(world: World, host: str, path: str, language: str, text: str) -> Document:
    """Make or replace a notebook from its source text. Raises as ``replaceable``."""
    kept = notebook_formats.normal(language, text).encode()
    return _put(world, host, canonical(path), {"object_type": "NOTEBOOK", "language": language}, kept)


def put_file(world: World, host: str, path: str, content: bytes) -> Document:
    """Make or replace a file. Raises as ``replaceable``."""
    return _put(world, host, canonical(path), {"object_type": "FILE"}, content)


def replaceable(world: World, host: str, path: str, kind: str) -> Document | None:
    """What an object of this kind would replace. Raises 404 without a parent folder, 400 for another kind."""
    path = canonical(path)
    folder = get(world, host, parent(path))
    if folder is None:
        raise errors.missing(f"The parent folder ({parent(path)}) does not exist.")
    if folder["object_type"] not in ("DIRECTORY", "REPO"):
        raise errors.bad(f"The parent ({parent(path)}) is no folder but a {folder['object_type']}.")
    existing = get(world, host, path)
    if existing and existing["object_type"] != kind:
        asked, actual = kind.lower(), existing["object_type"].lower()
        raise errors.bad(
            f"Requested node type [{asked}] is different from the existing node type [{actual}] at {path}."
        )
    return existing


def delete(world: World, host: str, path: str, recursive: bool) -> list[Document]:
    """Remove an object, with `recursive` also a folder that is not empty. Answers what is gone."""
    document = load(world, host, path)
    path = document["path"]
    if path in _PROTECTED:
        raise errors.refusal("DIRECTORY_PROTECTED", f"Folder {path.strip('/')} is protected")
    inside = list(below(world, host, path))
    if inside and not recursive:
        raise errors.refusal("DIRECTORY_NOT_EMPTY", f"Folder ({path}) is not empty")
    gone = [*inside, document]
    for one in gone:
        world.store.delete(OBJECTS, host + one["path"])
        world.store.delete(CONTENTS, _number_key(host, one))
        world.store.delete(_PATHS, _number_key(host, one))
    return gone


def _put(world: World, host: str, path: str, fields: Document, content: bytes) -> Document:
    existing = replaceable(world, host, path, fields["object_type"])
    number, now = existing["object_id"] if existing else hosts.number(world), _stamp(world, host)
    document = {
        "path": path,
        **fields,
        "object_id": number,
        "resource_id": str(number),
        "created_at": existing["created_at"] if existing else now,
        "modified_at": now,
        "size": len(content),
    }
    _save(world, host, document)
    kept = {"content": base64.b64encode(content).decode()}
    world.store.put(CONTENTS, _number_key(host, document), kept)
    return document


def _put_directory(world: World, host: str, path: str) -> None:
    number = hosts.number(world)
    document = {"path": path, "object_type": "DIRECTORY", "object_id": number, "resource_id": str(number)}
    _save(world, host, document)


def _save(world: World, host: str, document: Document) -> None:
    world.store.put(OBJECTS, host + document["path"], document)
    world.store.put(_PATHS, _number_key(host, document), {"path": document["path"]})


def _stamp(world: World, host: str) -> int:
    """The time of a write: no two writes of a workspace share one."""
    last = (world.store.get(_STAMPS, f"{host}/last") or {}).get("ms", 0)
    now = max(hosts.millis(world), int(last) + 1)
    world.store.put(_STAMPS, f"{host}/last", {"ms": now})
    return now


def _content(world: World, host: str, document: Document) -> bytes:
    kept = world.store.get(CONTENTS, _number_key(host, document)) or {"content": ""}
    return base64.b64decode(kept["content"])


def _number_key(host: str, document: Document) -> str:
    return f"{host}/{document['object_id']}"
