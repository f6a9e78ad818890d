"""What is read is what the file says, and what a model sees is not what it shall predict."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from pyspark.ml import Pipeline
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from bikeshare import features

HEADER = "instant,dteday,season,yr,mnth,hr,holiday,weekday,workingday,weathersit,temp,atemp,hum,windspeed,casual,registered,cnt"
LINE = "1,2011-01-01,1,0,1,0,0,6,0,1,0.24,0.2879,0.81,0,3,13,16"


def csv(folder: Path, header: str, *lines: str) -> str:
    path = folder / "hour.csv"
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return str(path)


def test_a_line_becomes_typed_values(spark: SparkSession, tmp_path: Path) -> None:
    [row] = features.read(spark, csv(tmp_path, HEADER, LINE)).collect()
    assert (row.instant, row.dteday, row.hr, row.temp, row.casual, row.registered, row.cnt) == (
        *(1, datetime.date(2011, 1, 1), 0, 0.24),
        *(3, 13, 16),
    )


def test_a_value_of_another_kind_is_an_error_and_no_null(spark: SparkSession, tmp_path: Path) -> None:
    path = csv(tmp_path, HEADER, LINE, LINE.replace("0.24", "warm"))
    with pytest.raises(Exception, match="MALFORMED_RECORD"):
        features.read(spark, path).collect()


def test_a_file_with_other_columns_is_an_error_and_not_read_by_position(
    spark: SparkSession, tmp_path: Path
) -> None:
    swapped = HEADER.replace("casual,registered", "registered,casual")
    with pytest.raises(Exception, match="CSV header does not conform to the schema"):
        features.read(spark, csv(tmp_path, swapped, LINE)).collect()


def test_no_feature_is_the_label_a_part_of_it_or_the_rows_number() -> None:
    seen = {*features.CATEGORIES, *features.NUMBERS}
    assert seen.isdisjoint({features.LABEL, *features.PARTS_OF_LABEL, "instant", "dteday"})
    assert seen < set(HEADER.split(","))


def test_a_category_not_seen_in_training_is_scored_all_the_same(rows: DataFrame) -> None:
    """Weather 4, heavy rain, is so rare that a slice for training may lack it."""
    fitted = Pipeline(stages=features.one_hot()).fit(rows)
    [known, unknown] = (
        fitted.transform(rows.limit(1).withColumn("weathersit", f.lit(code))).first() for code in (1, 4)
    )
    assert known[features.VECTOR].size == unknown[features.VECTOR].size
    assert known[features.VECTOR] != unknown[features.VECTOR]
