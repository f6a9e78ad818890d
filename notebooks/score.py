# Databricks notebook source
# MAGIC %md
# MAGIC # Score
# MAGIC Reads the model and the holdout, and writes one prediction for each row as JSON. The model is a
# MAGIC plain Spark pipeline, so this notebook needs no library: Data Factory can run it on any cluster.
# MAGIC
# MAGIC `output` is a path, also one on a storage account (`abfss://…`), or a folder of `container` where
# MAGIC `account` is given. The notebook `storage` tells how the account is reached: with a key from a
# MAGIC secret scope or, where the account takes no keys, with Entra ID.

# COMMAND ----------

dbutils.widgets.text("model", "dbfs:/bikeshare/model", "Model")
dbutils.widgets.text("holdout", "dbfs:/bikeshare/holdout.parquet", "Rows to score")
dbutils.widgets.text("output", "dbfs:/bikeshare/predictions", "Predictions (written)")
dbutils.widgets.text("account", "", "Storage account of the output")
dbutils.widgets.text("container", "data", "Container of the output")
dbutils.widgets.text("scope", "bikeshare", "Secret scope")
dbutils.widgets.text("key", "storagekey", "Secret: storage key (empty: Entra ID)")

# COMMAND ----------

# MAGIC %run ./storage

# COMMAND ----------

from pyspark.ml import PipelineModel

output = dbutils.widgets.get("output")
if account := dbutils.widgets.get("account"):
    output = f"abfss://{dbutils.widgets.get('container')}@{account}.dfs.core.windows.net/{output}"
with reaching(output, dbutils.widgets.get("scope"), dbutils.widgets.get("key")):
    model = PipelineModel.load(dbutils.widgets.get("model"))
    rows = spark.read.parquet(dbutils.widgets.get("holdout"))
    predictions = model.transform(rows).select("instant", "dteday", "hr", "prediction")
    predictions.write.mode("overwrite").json(output)
    written = spark.read.schema(predictions.schema).json(output)
    count = written.count()
    display(written.limit(10))
print(f"{count} predictions in {output}")

# COMMAND ----------

import json

dbutils.notebook.exit(json.dumps({"rows": count, "output": output}))
