# Databricks notebook source
# MAGIC %md
# MAGIC # Prepare
# MAGIC Reads the bike sharing data set and splits its days into train, test and holdout, the same way each
# MAGIC time.

# COMMAND ----------

dbutils.widgets.text("source", "/databricks-datasets/bikeSharing/data-001/hour.csv", "Data set (CSV)")
dbutils.widgets.text("fraction", "1.0", "Share of the days")
dbutils.widgets.text("train", "dbfs:/bikeshare/train.parquet", "Train (written)")
dbutils.widgets.text("test", "dbfs:/bikeshare/test.parquet", "Test (written)")
dbutils.widgets.text("holdout", "dbfs:/bikeshare/holdout.parquet", "Holdout (written)")

# COMMAND ----------

from bikeshare import features, splitting

rows = features.read(spark, dbutils.widgets.get("source"))
parts = splitting.split(splitting.sample(rows, float(dbutils.widgets.get("fraction"))))

# COMMAND ----------

import json

written = {}
for name, part in parts._asdict().items():
    path = dbutils.widgets.get(name)
    part.write.mode("overwrite").parquet(path)
    written[name] = spark.read.parquet(path).count()
    print(f"{name}: {written[name]} rows in {path}")

# COMMAND ----------

dbutils.notebook.exit(json.dumps(written))
