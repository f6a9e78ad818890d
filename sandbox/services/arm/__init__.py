"""Azure Resource Manager: ``management.azure.com``."""
