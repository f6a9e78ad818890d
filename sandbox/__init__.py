"""A loopback proxy that answers in the name of Azure and Databricks."""
