"""What is to be ticked, and when: the timer, pushes and people put messages on a queue, workers take them."""

from reconciler.dispatch.due import queue_due
from reconciler.dispatch.message import Message, ask, parse
from reconciler.dispatch.pushed import Pushed, pushed
from reconciler.dispatch.queue import MemoryQueue, Queue, StorageQueue, Takeable, Taken, open_queue
from reconciler.dispatch.worker import poisoned, work

__all__ = [
    "MemoryQueue",
    "Message",
    "Pushed",
    "Queue",
    "StorageQueue",
    "Takeable",
    "Taken",
    "ask",
    "open_queue",
    "parse",
    "poisoned",
    "pushed",
    "queue_due",
    "work",
]
