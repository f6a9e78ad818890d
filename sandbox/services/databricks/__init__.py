"""A Databricks workspace's own API: `adb-*.azuredatabricks.net`, one host for each workspace of ARM."""
