"""Tests that run once an environment is as Git says, and decide its health.

`wanted` gives the checks of an environment with their digests, `due` those that have to be run or looked
after, `run` does it, and `healthy` and `checks_json` tell of the records that it leaves."""

from reconciler.checks.kind import Tools
from reconciler.checks.record import Record, Wanted, checks_json, due, healthy, wanted
from reconciler.checks.run import run

__all__ = ["Record", "Tools", "Wanted", "checks_json", "due", "healthy", "run", "wanted"]
