"""Template deployments at resource group and subscription scope."""
