"""The queue: Azure Storage's, or one within this process for a laptop without any storage."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.dispatch.message import Message
from reconciler.errors import SettingsError, StateError
from reconciler.settings import Storage, credential

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

NAME = "reconcile"
AZURITE = "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1"


class Queue(Protocol):
    def put(self, message: Message, delay: float = 0) -> None:
        """Put a message, to be seen in `delay` seconds. Raises StateError where it cannot be kept."""


@dataclass(frozen=True)
class Taken:
    """A message that was taken and is not seen by others. count: how often it was taken, with this time."""

    text: str
    count: int
    done: Callable[[], None]


class Takeable(Queue, Protocol):
    """A queue that `serve` works off; the Function app's host does that itself."""

    def take(self, seconds: float) -> Taken | None:
        """The next message, hidden from others for so long unless it is done; None where there is none."""


class StorageQueue:
    """A queue of Azure Storage, made where it is missing. Texts are in base64, as Functions' host wants."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    def put(self, message: Message, delay: float = 0) -> None:
        self._within(lambda: self._client.send_message(message.text, visibility_timeout=round(delay)))

    def take(self, seconds: float) -> Taken | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            found = self._client.receive_message(visibility_timeout=round(seconds))
        except ResourceNotFoundError:
            return None
        if found is None:
            return None
        return Taken(found.content, found.dequeue_count or 1, lambda: self._client.delete_message(found))

    def _within(self, send: Callable[[], Any]) -> None:
        from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

        try:
            try:
                send()
            except ResourceNotFoundError:
                with suppress(ResourceExistsError):
                    self._client.create_queue()
                send()
        except AzureError as error:
            told = (error.message or type(error).__name__).splitlines()[0]
            message = f"the queue did not take a message: {told} Check AzureWebJobsStorage."
            raise StateError(message, where=self._client.url.partition("?")[0]) from None


class MemoryQueue:
    """A queue that ends with its process; the timer asks again for what was lost."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, str, int]] = []
        self._number = itertools.count()
        self._one = threading.Lock()

    def put(self, message: Message, delay: float = 0) -> None:
        self._add(message.text, 0, delay)

    def take(self, seconds: float) -> Taken | None:
        with self._one:
            if not self._waiting or self._waiting[0][0] > time.monotonic():
                return None
            _, _, text, count = heapq.heappop(self._waiting)
        number = self._add(text, count + 1, seconds)
        return Taken(text, count + 1, lambda: self._remove(number))

    def _add(self, text: str, count: int, delay: float) -> int:
        with self._one:
            number = next(self._number)
            heapq.heappush(self._waiting, (time.monotonic() + delay, number, text, count))
            return number

    def _remove(self, number: int) -> None:
        with self._one:
            self._waiting = [each for each in self._waiting if each[1] != number]
            heapq.heapify(self._waiting)


def open_queue(storage: Storage) -> StorageQueue:
    """The app's queue. Raises SettingsError; makes no call."""
    from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

    options: dict[str, Any] = {
        "message_encode_policy": TextBase64EncodePolicy(),
        "message_decode_policy": TextBase64DecodePolicy(),
        "connection_timeout": 10,
        "read_timeout": 30,
    }
    if not storage:
        raise SettingsError("name the storage account of the queue.", where="AzureWebJobsStorage")
    if not storage.connection:
        return StorageQueue(
            QueueClient(storage.queues, NAME, credential=credential(storage.client_id), **options)
        )
    text = storage.connection
    if text.rstrip(";").lower() == "usedevelopmentstorage=true":
        from reconciler.state import container

        text = f"{container.AZURITE};{AZURITE}"
    try:
        return StorageQueue(QueueClient.from_connection_string(text, NAME, **options))
    except ValueError:
        raise SettingsError(
            "this is no connection string of Azure Storage.", where="AzureWebJobsStorage"
        ) from None
