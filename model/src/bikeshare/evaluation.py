"""How good predictions are."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.ml.evaluation import RegressionEvaluator
from pyspark.sql import DataFrame

from bikeshare.features import LABEL


@dataclass(frozen=True)
class Quality:
    """RMSE in bikes an hour; R² is 1 for a perfect model, 0 for one that always says the rows' own mean."""

    rmse: float
    r2: float

    def __str__(self) -> str:
        return f"RMSE {self.rmse:.1f}, R² {self.r2:.3f}"


def measure(predictions: DataFrame) -> Quality:
    """Compares the columns `cnt` and `prediction`."""
    evaluator = RegressionEvaluator(labelCol=LABEL, predictionCol="prediction")
    return Quality(
        rmse=evaluator.evaluate(predictions, {evaluator.metricName: "rmse"}),
        r2=evaluator.evaluate(predictions, {evaluator.metricName: "r2"}),
    )
