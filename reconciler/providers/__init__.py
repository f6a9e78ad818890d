"""The only place with Azure and Databricks SDKs: one file per family of kinds."""
