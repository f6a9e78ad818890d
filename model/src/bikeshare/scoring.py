"""A model on disk, and what it says of rows."""

from __future__ import annotations

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

KEPT = ("instant", "dteday", "hr", "prediction")
"""What tells an hour, and what is predicted of it."""


def save(model: PipelineModel, path: str) -> None:
    """Writes the model to a folder, over what is there.

    Its stages are Spark's own, so `PipelineModel.load` reads it anywhere, without this library.
    """
    model.write().overwrite().save(path)


def load(path: str) -> PipelineModel:
    """The model that `save` wrote. Spark raises where there is none."""
    return PipelineModel.load(path)


def score(model: PipelineModel, rows: DataFrame) -> DataFrame:
    """One prediction for each row: the columns `KEPT`."""
    return model.transform(rows).select(*KEPT)
