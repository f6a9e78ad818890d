"""The rows of `hour.csv`, which of their columns may be looked at, and how they become a vector."""

from __future__ import annotations

from typing import Any

from pyspark.ml.base import Estimator, Transformer
from pyspark.ml.feature import OneHotEncoder, VectorAssembler
from pyspark.sql import DataFrame, SparkSession

LABEL = "cnt"
"""Bikes rented in the hour."""

PARTS_OF_LABEL = ("casual", "registered")
"""Their sum is the label. A model that sees them predicts nothing."""

CATEGORIES = ("season", "mnth", "hr", "weekday", "weathersit")
"""Small whole numbers that name something. 23 o'clock is not more than 0 o'clock."""

NUMBERS = ("yr", "holiday", "workingday", "temp", "atemp", "hum", "windspeed")
"""Measures scaled to 0…1, and flags."""

VECTOR = "features"

Stage = Transformer | Estimator[Any]

SCHEMA = """
    instant INT, dteday DATE, season INT, yr INT, mnth INT, hr INT, holiday INT, weekday INT, workingday INT,
    weathersit INT, temp DOUBLE, atemp DOUBLE, hum DOUBLE, windspeed DOUBLE,
    casual INT, registered INT, cnt INT
"""
"""`hour.csv` of the UCI bike sharing data set: one row an hour, `instant` numbers them."""


def read(spark: SparkSession, path: str) -> DataFrame:
    """The rows of the CSV file at `path`. Spark raises on a row or a header that is not of `SCHEMA`."""
    # By default Spark takes a bad row as one of nulls, and a file with other columns as if it had ours.
    strict = {"mode": "FAILFAST", "enforceSchema": "false", "header": "true", "dateFormat": "yyyy-MM-dd"}
    return spark.read.schema(SCHEMA).options(**strict).csv(path)


def as_they_are() -> list[Stage]:
    """Stages for trees, which cut a number wherever it helps."""
    return [VectorAssembler(inputCols=[*CATEGORIES, *NUMBERS], outputCol=VECTOR)]


def one_hot() -> list[Stage]:
    """Stages for a linear model: a weight for each value of a category, also for one not seen in training."""
    encoded = [f"{name}_is" for name in CATEGORIES]
    return [
        OneHotEncoder(inputCols=list(CATEGORIES), outputCols=encoded, handleInvalid="keep"),
        VectorAssembler(inputCols=[*encoded, *NUMBERS], outputCol=VECTOR),
    ]
