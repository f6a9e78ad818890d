"""The better model comes first, predicts what can be, and reads again where this library is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from bikeshare.features import LABEL, PARTS_OF_LABEL
from bikeshare.scoring import load, save, score
from bikeshare.splitting import Splits, split
from bikeshare.training import Candidate, pipelines, train


@pytest.fixture(scope="module")
def parts(rows: DataFrame) -> Splits:
    return split(rows)


@pytest.fixture(scope="module")
def candidates(parts: Splits) -> list[Candidate]:
    return train(parts.train, parts.test)


def test_trees_beat_the_baseline_and_both_beat_the_mean(candidates: list[Candidate]) -> None:
    best, baseline = candidates
    assert (best.name, baseline.name) == ("boosted trees", "linear")
    assert best.quality.rmse < 0.5 * baseline.quality.rmse
    assert best.quality.r2 > 0.9 > baseline.quality.r2 > 0


def test_a_model_needs_no_part_of_what_it_predicts(candidates: list[Candidate], parts: Splits) -> None:
    blind = parts.holdout.drop(LABEL, *PARTS_OF_LABEL)
    for candidate in candidates:
        scored = score(candidate.model, blind)
        assert scored.columns == ["instant", "dteday", "hr", "prediction"]
        assert scored.count() == parts.holdout.count() > 0


def test_nobody_rents_less_than_no_bike(rows: DataFrame) -> None:
    """A straight line through such labels goes below zero; what is predicted does not."""
    labelled = rows.withColumn(LABEL, f.when(f.col("hr") > 20, 100 * f.col("hum")).otherwise(0.0))
    predicted = pipelines()["linear"].fit(labelled).transform(labelled)
    lowest = predicted.agg(f.min("raw").alias("raw"), f.min("prediction").alias("prediction")).first()
    assert lowest.raw < 0
    assert lowest.prediction == 0


def test_a_saved_model_predicts_the_same(candidates: list[Candidate], parts: Splits, tmp_path: Path) -> None:
    folder = str(tmp_path / "model")
    for candidate in candidates:
        save(candidate.model, folder)  # over the one before
    assert (
        score(load(folder), parts.holdout).collect() == score(candidates[-1].model, parts.holdout).collect()
    )


def test_a_saved_model_holds_only_stages_of_spark(candidates: list[Candidate], tmp_path: Path) -> None:
    """The scoring notebook loads it where this library is not installed."""
    for number, candidate in enumerate(candidates):
        save(candidate.model, str(tmp_path / str(number)))
    saved = [json.loads(path.read_text("utf-8")) for path in tmp_path.glob("**/metadata/part-*")]
    assert {"LinearRegressionModel", "GBTRegressionModel", "SQLTransformer"} < {
        stage["class"].rsplit(".", 1)[1] for stage in saved
    }
    assert {stage["class"].startswith("org.apache.spark.ml.") for stage in saved} == {True}
