"""Which rows train, which test, and which are held out."""

from __future__ import annotations

from typing import NamedTuple

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

_SHARES = 10


class Splits(NamedTuple):
    """Parts of one frame that share no day."""

    train: DataFrame
    test: DataFrame
    holdout: DataFrame


def _bucket(salt: str, buckets: int) -> Column:
    """A bucket of 0 to `buckets` - 1 by the date alone: order, partitions and new rows do not move a day."""
    day = f.date_format("dteday", "yyyy-MM-dd")
    return f.pmod(f.xxhash64(f.lit(salt), day), f.lit(buckets))


def split(rows: DataFrame) -> Splits:
    """Eight in ten days to train, one to test, one held out.

    By whole days: neighbouring hours are much alike, and one of them in each part would flatter the model.
    """
    bucket = _bucket("split", _SHARES)
    return Splits(
        train=rows.where(bucket < _SHARES - 2),
        test=rows.where(bucket == _SHARES - 2),
        holdout=rows.where(bucket == _SHARES - 1),
    )


def sample(rows: DataFrame, fraction: float) -> DataFrame:
    """About that share of the days, over all seasons; the same ones each time.

    Raises `ValueError` where `fraction` is not above 0 and at most 1.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}: it must be above 0 and at most 1")
    return rows.where(_bucket("sample", 1000) < round(fraction * 1000))
