"""A GitOps reconciler for Azure Resource Manager, Data Factory, Databricks and Key Vault."""

__version__ = "0.1.0"
