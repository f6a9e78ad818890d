"""The parts share no day, and a day is in the same part whoever asks."""

from __future__ import annotations

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from bikeshare.splitting import sample, split


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> DataFrame:
    """The 731 days of the data set."""
    return spark.range(731).select(
        f.date_add(f.lit("2011-01-01").cast("date"), f.col("id").cast("int")).alias("dteday")
    )


def dates(rows: DataFrame) -> set[object]:
    return {row.dteday for row in rows.select("dteday").distinct().collect()}


def test_every_row_is_in_one_part_and_no_day_in_two(rows: DataFrame) -> None:
    parts = split(rows)
    assert sum(part.count() for part in parts) == rows.count()
    train, test, holdout = (dates(part) for part in parts)
    assert train.isdisjoint(test)
    assert train.isdisjoint(holdout)
    assert test.isdisjoint(holdout)


def test_about_eight_one_and_one_in_ten(days: DataFrame) -> None:
    train, test, holdout = (part.count() / 731 for part in split(days))
    assert train == pytest.approx(0.8, abs=0.03)
    assert test == pytest.approx(0.1, abs=0.02)
    assert holdout == pytest.approx(0.1, abs=0.02)


def test_neither_order_nor_partitions_nor_other_rows_move_a_day(days: DataFrame) -> None:
    late = days.where("dteday >= '2012-01-01'").orderBy(f.desc("dteday")).repartition(5)
    for part, of_late in zip(split(days), split(late), strict=True):
        assert dates(of_late) == {day for day in dates(part) if str(day) >= "2012"}


def test_a_sample_is_a_share_of_the_days_from_all_months(days: DataFrame) -> None:
    small, large = dates(sample(days, 0.2)), dates(sample(days, 0.5))
    assert len(small) / 731 == pytest.approx(0.2, abs=0.04)
    assert small < large
    assert {str(day)[5:7] for day in small} == {f"{month:02}" for month in range(1, 13)}
    assert sample(days, 1).count() == 731


def test_a_sample_is_split_as_the_whole_is(days: DataFrame) -> None:
    """Were both cut by one hash, a small sample would lie in the training part as a whole."""
    assert [part.count() > 5 for part in split(sample(days, 0.2))] == [True] * 3


@pytest.mark.parametrize("fraction", [0, -0.1, 1.1])
def test_a_sample_of_nothing_or_of_more_than_all_is_refused(days: DataFrame, fraction: float) -> None:
    with pytest.raises(ValueError, match=f"fraction is {fraction}: it must be above 0 and at most 1"):
        sample(days, fraction)
