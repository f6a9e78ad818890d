"""Pull requests: what merging one would do, told in one comment, made without any call to a cloud."""

from reconciler.pulls.answer import answer

__all__ = ["answer"]
