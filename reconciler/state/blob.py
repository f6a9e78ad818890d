"""The store that is a container of Azure Blob storage.

    states/ENVIRONMENT         lines: the whole state as of some save, then what each save since then changed
    locks/ENVIRONMENT          leased while a run works on the environment; its text says who does
    history/ENVIRONMENT/DAY    the ticks of a day, a line each
    plans/ENVIRONMENT          the plan of the last tick, for people
    backups/ENVIRONMENT/DAY    the whole state as of the first save of a day, to put back by hand
    key-name                   tells whether a key is the one that the hashes were made with

A state's blob is made of blocks. A save sends one, and then commits the list of those that count, on
condition that the blob is still the one it was made from (If-Match): Azure takes a list whole or not at all,
so a run that dies at any moment leaves the old state or the new one. When there are many blocks, the list
becomes one block with the whole state. https://learn.microsoft.com/rest/api/storageservices/put-block-list"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobBlock, BlobClient, BlockState, ContainerClient

from reconciler.errors import StaleState, StateError
from reconciler.record import State
from reconciler.state import backups, days, journal
from reconciler.state.lease import leased
from reconciler.state.store import Lease, checked, parsed_plan, refuse_stale

FOLD_BYTES = 4 << 20
FOLD_BLOCKS = 500
"""So many bytes or blocks after the whole state, the next save writes the whole anew."""
WAY_OUT = (
    "Restore the copy of a day, from backups/ beside it; or remove the blob: the next run then takes over "
    "what exists, as far as `policy.adopt` lets it."
)
HISTORY_WAY_OUT = "Remove the blob: nothing but `history` reads it."
KEY_NAME = "key-name"
KEY_WAY_OUT = "remove this blob and restart the app: every secret is then written once more."
ATTEMPTS = 3
"""Who touches the blob without changing what it says only makes us look once more."""
ROLE = "Give the identity the role Storage Blob Data Contributor on the container."

_T = TypeVar("_T")


class HashingKey(Protocol):
    """Where the key for hashes lies: never beside them."""

    def read(self) -> bytes | None:
        """The key; None where there is none yet."""

    def make(self) -> bytes:
        """Make it. Nobody else does at the same time."""


@dataclass(frozen=True)
class Kept:
    """What is in the container. blocks: ids of those that it is made of, None where they were not asked for;
    size: bytes of it all; added: bytes after the whole state."""

    state: State | None = None
    etag: str = ""
    blocks: tuple[str, ...] | None = None
    size: int = 0
    added: int = 0


class BlobStore:
    """A Store that is a container, made where it is missing.

    Safe to use from several threads, processes and machines."""

    def __init__(self, container: ContainerClient, key: HashingKey) -> None:
        self._container = container
        self._known: dict[str, Kept] = {}
        self._held: dict[str, Lease] = {}
        self._copied: dict[str, str] = {}
        self._hashing = key
        self._key: bytes | None = None
        self._one = threading.Lock()

    def load(self, environment: str) -> State | None:
        with self._failing(f"states/{checked(environment)}"):
            return self._kept(environment).state

    def save(self, state: State) -> State:
        """As the protocol says; also raises StateLocked where our lock of the environment was lost."""
        name = f"states/{checked(state.environment)}"
        if lease := self._held.get(state.environment):
            lease.check()
        kept = self._known.get(state.environment)
        with self._failing(name):
            for _ in range(ATTEMPTS):
                if kept is None or kept.state is None or kept.state.serial != state.serial:
                    kept = self._kept(state.environment)
                refuse_stale(kept.state, state, self._place(name))
                self._known.pop(state.environment, None)  # until it is kept for sure
                new = self._write(self._container.get_blob_client(name), kept, state)
                if new is not None:
                    self._known[state.environment] = new
                    assert new.state is not None
                    self._copy(new.state)
                    return new.state
                kept = None
        raise StaleState("others save all the time. Run again.", where=self._place(name))

    def _copy(self, state: State) -> None:
        """Once a day, where nobody else has."""
        if self._copied.get(state.environment) != f"{datetime.now(UTC):%Y-%m-%d}":
            self._copied[state.environment] = backups.keep(
                self._container, state.environment, lambda: journal.whole(state)
            )

    @contextmanager
    def lock(self, environment: str, holder: str) -> Iterator[Lease]:
        name = f"locks/{checked(environment)}"
        with self._leased(name, environment, holder) as lease:
            self._held[environment] = lease
            try:
                yield lease
            finally:
                if self._held.get(environment) is lease:
                    del self._held[environment]

    def append_history(self, environment: str, tick: Mapping[str, Any]) -> None:
        prefix = f"history/{checked(environment)}/"
        with self._failing(prefix):
            self._within(lambda: days.append(self._container, prefix, journal.line(tick)))

    def history(self, environment: str, limit: int = 50) -> list[dict[str, Any]]:
        prefix = f"history/{checked(environment)}/"
        with self._failing(prefix), suppress(ResourceNotFoundError):
            lines = days.newest(self._container, prefix, limit)
            return [journal.parse(line, self._place(name), HISTORY_WAY_OUT) for name, line in lines]
        return []

    def keep_plan(self, environment: str, document: Mapping[str, Any]) -> None:
        name = f"plans/{checked(environment)}"
        content = journal.line(document)
        with self._failing(name):
            blob = self._container.get_blob_client(name)
            self._within(lambda: blob.upload_blob(content, overwrite=True))

    def last_plan(self, environment: str) -> dict[str, Any] | None:
        name = f"plans/{checked(environment)}"
        with self._failing(name), suppress(ResourceNotFoundError):
            return parsed_plan(self._container.get_blob_client(name).download_blob().readall())
        return None

    def environments(self) -> tuple[str, ...]:
        with self._failing("states/"), suppress(ResourceNotFoundError):
            names = self._container.list_blob_names(name_starts_with="states/")
            return tuple(sorted(name.removeprefix("states/") for name in names))
        return ()

    def key(self) -> bytes:
        with self._one:
            if self._key is None:
                self._key = self._checked_key()
            return self._key

    def _checked_key(self) -> bytes:
        """The key that the hashes here are made with: with another one, each secret would look edited."""
        blob = self._container.get_blob_client(KEY_NAME)
        with self._failing(KEY_NAME):
            try:
                said = blob.download_blob().readall().decode("utf-8", "replace").strip()
            except ResourceNotFoundError:
                said = ""
        key = self._hashing.read()
        if key is None and not said:
            with self._leased("locks/.key", "the key for hashes", "a run that makes it"):
                key = self._hashing.read() or self._hashing.make()
        if key is None or (said and said != _name(key)):
            told = "is missing" if key is None else "is not the one that the hashes were made with"
            message = f"the key that RECONCILER_KEY names {told}. Name the right one. Or: {KEY_WAY_OUT}"
            raise StateError(message, where=self._place(KEY_NAME))
        if not said:
            with self._failing(KEY_NAME), suppress(ResourceExistsError):
                self._within(lambda: blob.upload_blob(_name(key).encode()))
        return key

    def _kept(self, environment: str) -> Kept:
        """What is in the container; from memory where it is still the same."""
        known = self._known.get(environment)
        blob = self._container.get_blob_client(f"states/{environment}")
        unless: dict[str, Any] = (
            {"etag": known.etag, "match_condition": MatchConditions.IfModified} if known else {}
        )
        try:
            download = blob.download_blob(**unless)
            content = download.readall()
        except ResourceNotFoundError:
            self._known.pop(environment, None)
            return Kept()
        except ResourceModifiedError as error:
            if known is None or error.status_code != 304:
                raise  # written to while its pieces were read
            return known
        lines = content.splitlines(keepends=True) or [b""]
        place = self._place(f"states/{environment}")
        placed = [(f"{place}:{number}", text) for number, text in enumerate(lines, 1)]
        state = journal.rebuild(environment, placed[0], placed[1:], WAY_OUT)
        kept = Kept(state, download.properties.etag, None, len(content), len(content) - len(lines[0]))
        self._known[environment] = kept
        return kept

    def _write(self, blob: BlobClient, kept: Kept, state: State) -> Kept | None:
        """Keep the next save; None where what is kept is not `kept` any more."""
        saved = replace(state, serial=state.serial + 1)
        before = _blocks(blob, kept) if kept.blocks is None else kept.blocks
        if kept.state is None or not before or len(before) >= FOLD_BLOCKS or kept.added > FOLD_BYTES:
            before, text, size, added = (), journal.whole(saved), 0, 0
        else:
            text, size = journal.line(journal.delta(kept.state, saved)), kept.size
            added = kept.added + len(text)
        block = f"{saved.serial:012}-{uuid4().hex}"
        etag = self._commit(blob, kept.etag, before, block, text)
        return Kept(saved, etag, (*before, block), size + len(text), added) if etag else None

    def _commit(
        self, blob: BlobClient, seen: str, before: Sequence[str], block: str, text: bytes
    ) -> str | None:
        """The new ETag; None where the blob is not the one that was seen ("" for none)."""
        condition: dict[str, Any] = (
            {"etag": seen, "match_condition": MatchConditions.IfNotModified}
            if seen
            else {"match_condition": MatchConditions.IfMissing}
        )
        blocks = [BlobBlock(each, BlockState.COMMITTED) for each in before]
        self._within(lambda: blob.stage_block(block, text))
        try:
            done = blob.commit_block_list([*blocks, BlobBlock(block, BlockState.UNCOMMITTED)], **condition)
            return str(done["etag"])
        except HttpResponseError as error:
            # Somebody else's commit drops the block that we staged: the list is then invalid, not stale.
            if error.status_code not in (404, 409, 412) and _code(error) != "InvalidBlockList":
                raise
        # Where an answer is lost, the SDK sends the list once more; what stands in the way is then our own.
        with suppress(ResourceNotFoundError):
            etag = str(blob.get_blob_properties().etag)
            committed, _ = blob.get_block_list("committed")
            if committed and committed[-1].id == block:
                return etag
        return None

    @contextmanager
    def _leased(self, name: str, environment: str, holder: str) -> Iterator[Lease]:
        blob = self._container.get_blob_client(name)
        with ExitStack() as stack:
            with self._failing(name):
                lease = self._within(lambda: stack.enter_context(leased(blob, environment, holder)))
            yield lease

    def _within(self, write: Callable[[], _T]) -> _T:
        """Write; where there is no container yet, make it first."""
        try:
            return write()
        except ResourceNotFoundError as error:
            if _code(error) != "ContainerNotFound":
                raise
        with suppress(ResourceExistsError):
            self._container.create_container()
        return write()

    @property
    def place(self) -> str:
        """The address of the container."""
        return self._container.url

    def _place(self, name: str) -> str:
        return f"{self._container.url}/{name}"

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """What Azure refuses, as an error of ours."""
        try:
            yield
        except AzureError as error:
            raise StateError(_meaning(error), where=self._place(name)) from None


def _name(key: bytes) -> str:
    """Of 32 random bytes, this gives nothing away."""
    return hashlib.sha256(b"reconciler key\0" + key).hexdigest()[:32]


def _blocks(blob: BlobClient, kept: Kept) -> tuple[str, ...]:
    """The blocks that make what is kept; none where it was restored in another way than it was written."""
    if kept.state is None:
        return ()
    try:
        committed, _ = blob.get_block_list("committed")
    except ResourceNotFoundError:
        return ()  # it is gone since; the commit's condition tells
    whole = sum(block.size for block in committed) == kept.size
    return tuple(block.id for block in committed) if whole else ()


def _meaning(error: AzureError) -> str:
    if isinstance(error, ClientAuthenticationError):
        return f"sign-in failed: {_first_line(error)} Check the identity of the app, or `az login`."
    if not isinstance(error, HttpResponseError):
        return f"the storage account was not reached: {_first_line(error)} Check its address and firewall."
    told = f"{_code(error) or error.reason} ({error.status_code})"
    if error.status_code == 403:
        return f"Azure Storage refused: {told}. {ROLE}"
    return f"Azure Storage refused: {told}. Run again; if it stays, look at the account in the portal."


def _code(error: HttpResponseError) -> str:
    """Azure Storage's own code, which its SDK puts on azure-core's error."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def _first_line(error: AzureError) -> str:
    return f"{(error.message or type(error).__name__).splitlines()[0].rstrip('.')}."
