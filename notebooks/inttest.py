# Databricks notebook source
# MAGIC %md
# MAGIC # Integration test
# MAGIC Runs `prep`, `train` and `score` on a small share of the days, as they are deployed here, and checks
# MAGIC what comes out. It works in a folder of its own, so that the real model and predictions stay as they
# MAGIC are. When all is well the folder is removed; after a failure it is there to be looked at.
# MAGIC
# MAGIC A new environment has no model yet, and what scores there, Data Factory's pipeline, needs one. With
# MAGIC `publish` = `if-none` a test that passes leaves its model and its holdout where the other notebooks
# MAGIC expect them, unless there is a model already: the job `bikeshare-train` then makes the real one.

# COMMAND ----------

dbutils.widgets.text("source", "/databricks-datasets/bikeSharing/data-001/hour.csv", "Data set (CSV)")
dbutils.widgets.text("fraction", "0.2", "Share of the days")
dbutils.widgets.text("workdir", "dbfs:/bikeshare/inttest", "Folder for runs of this test")
dbutils.widgets.text("output", "", "Folder for predictions (empty: with the rest)")
dbutils.widgets.text("scope", "bikeshare", "Secret scope")
dbutils.widgets.text("key", "storagekey", "Secret: storage key (empty: Entra ID)")
dbutils.widgets.text("max_rmse", "140", "Largest RMSE that passes, in bikes an hour")
dbutils.widgets.dropdown("publish", "no", ["no", "if-none"], "Leave the model")
dbutils.widgets.text("model", "dbfs:/bikeshare/model", "Model (written by publish)")
dbutils.widgets.text("holdout", "dbfs:/bikeshare/holdout.parquet", "Holdout (written by publish)")

# COMMAND ----------

# MAGIC %run ./storage

# COMMAND ----------

import json
from uuid import uuid4

run = uuid4().hex
workdir = f"{dbutils.widgets.get('workdir').rstrip('/')}/{run}"
outside = dbutils.widgets.get("output").rstrip("/")
output = f"{outside}/{run}" if outside else f"{workdir}/predictions"
parts = {name: f"{workdir}/{name}.parquet" for name in ("train", "test", "holdout")}
model = f"{workdir}/model"
access = {name: dbutils.widgets.get(name) for name in ("scope", "key")}


def result(notebook: str, **parameters: str) -> dict:
    """What a notebook of this folder exits with. A failure in it is a failure here."""
    return json.loads(dbutils.notebook.run(f"./{notebook}", 1800, parameters))


# COMMAND ----------

source = {name: dbutils.widgets.get(name) for name in ("source", "fraction")}
prepared = result("prep", **source, **parts)
trained = result("train", train=parts["train"], test=parts["test"], model=model)
scored = result("score", model=model, holdout=parts["holdout"], output=output, **access)
print(prepared, trained, scored, sep="\n")

# COMMAND ----------

from bikeshare.evaluation import measure

with reaching(output, **access):
    holdout = spark.read.parquet(parts["holdout"]).select("instant", "cnt")
    predictions = spark.read.json(output)
    matched = predictions.join(holdout, "instant")
    count, hours = predictions.count(), matched.select("instant").distinct().count()
    quality = measure(matched)
print(f"{count} predictions for {hours} hours: {quality}")

# COMMAND ----------

limit = float(dbutils.widgets.get("max_rmse"))
assert count == prepared["holdout"] > 0, f"{count} predictions for {prepared['holdout']} rows of the holdout"
assert count == scored["rows"], f"{count} predictions, but the notebook score tells of {scored['rows']}"
assert hours == count, f"{count} predictions for {hours} hours"
assert quality.rmse <= limit, f"{quality}, but the RMSE may be {limit} at most"
assert quality.r2 > 0, f"{quality}: the holdout's mean predicts it better than the model"

# COMMAND ----------

def there(path: str) -> bool:
    try:
        return bool(dbutils.fs.ls(path))
    except Exception as error:
        if "FileNotFoundException" not in str(error):
            raise
        return False


published = dbutils.widgets.get("model").rstrip("/")
# A model is there once its metadata is: that is copied last, so that half a copy is no model.
publish = dbutils.widgets.get("publish") == "if-none" and not there(f"{published}/metadata")
if publish:
    dbutils.fs.rm(dbutils.widgets.get("holdout"), True)
    dbutils.fs.cp(parts["holdout"], dbutils.widgets.get("holdout"), True)
    for part in ("stages", "metadata"):
        dbutils.fs.cp(f"{model}/{part}", f"{published}/{part}", True)
    print(f"There was no model: this one is left in {published}.")

# COMMAND ----------

with reaching(output, **access):
    dbutils.fs.rm(output, True)
dbutils.fs.rm(workdir, True)

# COMMAND ----------

figures = {"rows": count, "rmse": quality.rmse, "r2": quality.r2, "best": trained["best"]}
figures["published"] = published if publish else ""
dbutils.notebook.exit(json.dumps(figures))
