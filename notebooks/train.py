# Databricks notebook source
# MAGIC %md
# MAGIC # Train
# MAGIC Fits a linear baseline and boosted trees, compares them on the test days, and saves the better one.

# COMMAND ----------

dbutils.widgets.text("train", "dbfs:/bikeshare/train.parquet", "Train")
dbutils.widgets.text("test", "dbfs:/bikeshare/test.parquet", "Test")
dbutils.widgets.text("model", "dbfs:/bikeshare/model", "Model (written)")

# COMMAND ----------

from bikeshare import scoring, training

candidates = training.train(
    spark.read.parquet(dbutils.widgets.get("train")),
    spark.read.parquet(dbutils.widgets.get("test")),
)
for candidate in candidates:
    print(f"{candidate.name}: {candidate.quality} on test")

# COMMAND ----------

best = candidates[0]
path = dbutils.widgets.get("model")
scoring.save(best.model, path)
print(f"{best.name} saved in {path}")

# COMMAND ----------

import json
from dataclasses import asdict

measured = {candidate.name: asdict(candidate.quality) for candidate in candidates}
dbutils.notebook.exit(json.dumps({"model": path, "best": best.name, "measured": measured}))
