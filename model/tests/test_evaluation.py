"""The figures are those that one gets by hand."""

from __future__ import annotations

import math

import pytest
from pyspark.sql import SparkSession

from bikeshare.evaluation import measure


def test_rmse_and_r2_as_by_hand(spark: SparkSession) -> None:
    found = measure(spark.createDataFrame([(10, 12.0), (20, 18.0), (30, 33.0)], ["cnt", "prediction"]))
    assert found.rmse == pytest.approx(math.sqrt(17 / 3))
    assert found.r2 == pytest.approx(1 - 17 / 200)
    assert str(found) == "RMSE 2.4, R² 0.915"


def test_predicting_the_mean_is_worth_nothing(spark: SparkSession) -> None:
    found = measure(spark.createDataFrame([(10, 20.0), (20, 20.0), (30, 20.0)], ["cnt", "prediction"]))
    assert found.r2 == pytest.approx(0)
