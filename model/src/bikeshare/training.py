"""Fits a linear baseline and boosted trees, and says which is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.feature import SQLTransformer
from pyspark.ml.regression import GBTRegressor, LinearRegression
from pyspark.sql import DataFrame

from bikeshare.evaluation import Quality, measure
from bikeshare.features import LABEL, VECTOR, as_they_are, one_hot

_RAW = "raw"
_SEED = 7


@dataclass(frozen=True)
class Candidate:
    """A fitted model and how well it did on the days set aside for the test."""

    name: str
    model: PipelineModel
    quality: Quality


def pipelines() -> dict[str, Pipeline]:
    """The models that are tried, by name, not yet fitted."""
    columns: dict[str, Any] = {"featuresCol": VECTOR, "labelCol": LABEL, "predictionCol": _RAW}
    # Nobody rents less than no bike, but a straight line may say so.
    floor = SQLTransformer(statement=f"SELECT *, greatest({_RAW}, 0.0) AS prediction FROM __THIS__")
    # Regularised, since the columns of a category add up to one, and temp and atemp say nearly the same.
    linear = LinearRegression(**columns, regParam=0.1, solver="normal")
    # Few trees that learn fast: twice as many take twice as long, and their RMSE is 2 bikes lower.
    trees = GBTRegressor(**columns, maxIter=8, maxDepth=6, stepSize=0.5, seed=_SEED)
    return {
        "linear": Pipeline(stages=[*one_hot(), linear, floor]),
        "boosted trees": Pipeline(stages=[*as_they_are(), trees, floor]),
    }


def train(train_rows: DataFrame, test_rows: DataFrame) -> list[Candidate]:
    """Each model fitted on the first rows and measured on the second, the best one first.

    The second rows choose, so their figures flatter the winner a little; the holdout is for what counts.
    """
    train_rows.cache()
    try:
        fitted = {name: pipeline.fit(train_rows) for name, pipeline in pipelines().items()}
    finally:
        train_rows.unpersist()
    candidates = [
        Candidate(name, model, measure(model.transform(test_rows))) for name, model in fitted.items()
    ]
    return sorted(candidates, key=lambda candidate: candidate.quality.rmse)
