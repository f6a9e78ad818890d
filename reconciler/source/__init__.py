"""Git: which commit a branch is at, the files of one commit, and what changed between two."""

from reconciler.source.repository import Snapshot, Source

__all__ = ["Snapshot", "Source"]
