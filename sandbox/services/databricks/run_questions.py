"""What a run's kernel asks, and the answers: from the workspace as it is at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.service import CloudError
from sandbox.services.databricks import run_storage, secret_store, tree
from sandbox.world import World

Question = Mapping[str, Any]


def answer(world: World, host: str, question: Question) -> dict[str, Any]:
    """`{"answer": value}`, or `{"error": {"kind", "message"}}` with the code of a refusal."""
    try:
        return {"answer": _ANSWERS[question["ask"]](world, host, question)}
    except CloudError as no:
        return _error(no.code, no.message)
    except run_storage.Refused as no:
        return _error(no.kind, str(no))


def secret(world: World, host: str, scope: str, key: str) -> bytes:
    """A secret's value; raises 404 RESOURCE_DOES_NOT_EXIST."""
    secret_store.load_scope(world, host, scope)
    value = secret_store.value(world, host, scope, key)
    if value is None:
        raise secret_store.no_secret(scope, key)
    return value.encode() if isinstance(value, str) else value


def _source(world: World, host: str, asked: Question) -> Any:
    document = tree.get(world, host, asked["path"])
    if document is None or document["object_type"] != "NOTEBOOK":
        raise CloudError(404, "RESOURCE_DOES_NOT_EXIST", missing(asked["path"]))
    language, source = tree.source(world, host, asked["path"])
    return {"language": language, "source": source}


def missing(path: str) -> str:
    return (
        f'Unable to access the notebook "{path}". Either it does not exist, or the identity used to run this '
        "job lacks the required permissions."
    )


def _file(world: World, host: str, asked: Question) -> str:
    return tree.file_bytes(world, host, asked["path"]).hex()


def _secret(world: World, host: str, asked: Question) -> str:
    try:
        return secret(world, host, asked["scope"], asked["key"]).hex()
    except CloudError as no:
        raise CloudError(no.status, "java.lang.IllegalArgumentException", no.message) from None


def _keys(world: World, host: str, asked: Question) -> list[str]:
    return [one["key"] for one in secret_store.listed(world, host, asked["scope"])]


def _scopes(world: World, host: str, asked: Question) -> list[str]:
    return [one["name"] for one in secret_store.scopes(world, host)]


def _storage(world: World, host: str, asked: Question) -> str:
    settings, write = asked["settings"], asked["write"]
    return str(run_storage.folder(world, asked["container"], asked["host"], settings, write).resolve())


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "message": message}}


_ANSWERS: Mapping[str, Callable[[World, str, Question], Any]] = {
    "source": _source,
    "file": _file,
    "secret": _secret,
    "secret-keys": _keys,
    "secret-scopes": _scopes,
    "storage": _storage,
}
