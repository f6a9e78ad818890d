"""What GitHub and Azure DevOps post when somebody pushes: the sender is verified, the rest is only a hint."""

from reconciler.webhooks.address import same_repository
from reconciler.webhooks.delivery import Answer, Hint
from reconciler.webhooks.read import LIMIT, SOURCES, read
from reconciler.webhooks.verify import basic, signed

__all__ = ["LIMIT", "SOURCES", "Answer", "Hint", "basic", "read", "same_repository", "signed"]
