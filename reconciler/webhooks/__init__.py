"""What GitHub and Azure DevOps post of pushes and pull requests: senders are verified, the rest is a hint."""

from reconciler.webhooks.delivery import Answer, Hint
from reconciler.webhooks.read import LIMIT, SOURCES, read
from reconciler.webhooks.verify import basic, signed

__all__ = ["LIMIT", "SOURCES", "Answer", "Hint", "basic", "read", "signed"]
