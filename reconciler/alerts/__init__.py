"""Tell people and programs what happened to an environment, when and only when something is new.

`after_tick` is called at the end of each tick, `tell` for what no tick finds (`overdue`, `lost`). What is
known, what is still asked, and what could not be sent yet is kept in `state.notes["alerts"]`."""

from reconciler.alerts.address import MAIL, Address, addresses, unset
from reconciler.alerts.fact import Fact
from reconciler.alerts.loop import Post, after_tick, lost, overdue, tell
from reconciler.alerts.standing import Ended

__all__ = [
    "MAIL",
    "Address",
    "Ended",
    "Fact",
    "Post",
    "addresses",
    "after_tick",
    "lost",
    "overdue",
    "tell",
    "unset",
]
