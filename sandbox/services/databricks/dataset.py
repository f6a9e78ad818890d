"""`/databricks-datasets/bikeSharing`: the file that BIKESHARE_CSV names, else rows that look like it.

The real one is the UCI bike sharing data set. The synthetic one has its columns, its 17,379 hours of 2011 and
2012 and a plausible shape by hour, weekday, season and weather with noise, so that a model can learn it. It
follows from a fixed seed: every sandbox has the same rows.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from math import cos, exp, pi
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from sandbox.services.databricks import files
from sandbox.world import World

VARIABLE = "BIKESHARE_CSV"
COLUMNS = (
    *("instant", "dteday", "season", "yr", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit"),
    *("temp", "atemp", "hum", "windspeed", "casual", "registered", "cnt"),
)
ROWS = 17379
_FIRST, _DAYS = date(2011, 1, 1), 731
_PLACE = "bikeSharing/data-001"
_HOLIDAYS = {
    *((1, 1), (1, 17), (2, 21), (4, 15), (5, 30), (7, 4)),
    *((9, 5), (10, 10), (11, 11), (11, 24), (12, 26)),
}
_TEMPERATURE = (5, 7, 12, 17, 22, 26, 29, 28, 24, 17, 12, 7)  # means of Washington by month, degrees Celsius
_README = """This is a synthetic data set that the sandbox made. It has the columns and the number of rows of
the bike sharing data set (UCI Machine Learning Repository), but not its rows. To serve the real hour.csv set
{variable} to its path before the sandbox starts on a new folder of state.
"""

Row = Sequence[object]


def prepare(world: World) -> Path:
    """The folder of the data sets, which the first call fills."""
    folder = files.datasets(world)
    if not (folder / _PLACE / "hour.csv").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(dir=folder))
        _fill(made)
        (folder / _PLACE).parent.mkdir(exist_ok=True)
        made.chmod(0o755)
        made.rename(folder / _PLACE)
    return folder


def hours() -> Iterator[Row]:
    """The synthetic rows, by hour."""
    dice = Random(2011)
    left_out = set(dice.sample(range(24 * _DAYS), 24 * _DAYS - ROWS))
    weather, drift, number = 1, 0.0, 0
    for at in range(24 * _DAYS):
        day, hour = _FIRST + timedelta(days=at // 24), at % 24
        if hour % 3 == 0:
            weather = _weather(dice, weather)
        drift = 0.97 * drift + dice.gauss(0, 0.4)
        if at in left_out:
            continue
        number += 1
        yield (number, *_row(dice, day, hour, weather, drift))


def days(rows: Iterable[Row]) -> Iterator[Row]:
    """The same by day: means of the weather, sums of the counts."""
    at = {name: place for place, name in enumerate(COLUMNS)}
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[at["dteday"]], []).append(row)
    for number, group in enumerate(groups.values(), 1):
        first = group[0]
        fixed = [
            first[at[name]] for name in ("dteday", "season", "yr", "mnth", "holiday", "weekday", "workingday")
        ]
        middle = sorted(int(str(row[at["weathersit"]])) for row in group)[len(group) // 2]
        means = [
            round(sum(float(str(row[at[name]])) for row in group) / len(group), 6)
            for name in ("temp", "atemp", "hum", "windspeed")
        ]
        sums = [sum(int(str(row[at[name]])) for row in group) for name in ("casual", "registered", "cnt")]
        yield (number, *fixed, middle, *means, *sums)


def _fill(folder: Path) -> None:
    named = os.environ.get(VARIABLE)
    if named:
        shutil.copyfile(named, folder / "hour.csv")
        return
    rows = list(hours())
    _write(folder / "hour.csv", COLUMNS, rows)
    _write(folder / "day.csv", [name for name in COLUMNS if name != "hr"], days(rows))
    (folder / "README.md").write_text(_README.format(variable=VARIABLE))


def _write(file: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _row(dice: Random, day: date, hour: int, weather: int, drift: float) -> Row:
    weekday = (day.weekday() + 1) % 7
    holiday = (day.month, day.day) in _HOLIDAYS
    working = weekday not in (0, 6) and not holiday
    degrees = _degrees(day, hour, drift) - (weather - 1)
    temperature = min(max((degrees + 8) / 47, 0.02), 1.0)
    humidity = min(max(0.62 + 0.12 * (weather - 1) - 0.15 * _sun(hour) + dice.gauss(0, 0.1), 0.0), 1.0)
    wind = max(round(abs(dice.gauss(0.18, 0.11)), 4), 0.0)
    casual, registered = _riders(dice, day, hour, working, weather, temperature, humidity)
    felt = min(max((degrees + 16 - 6 * wind) / 66, 0.0), 1.0)
    return (
        day.isoformat(),
        1 + (day.timetuple().tm_yday + 10) // 92 % 4,
        day.year - 2011,
        day.month,
        hour,
        int(holiday),
        weekday,
        int(working),
        weather,
        round(temperature, 2),
        round(felt, 4),
        round(humidity, 2),
        wind,
        casual,
        registered,
        casual + registered,
    )


def _riders(
    dice: Random, day: date, hour: int, working: bool, weather: int, temperature: float, humidity: float
) -> tuple[int, int]:
    """Who rides: commuters twice a working day, the others when it is warm and they are free."""
    commuting = _bump(hour, 8, 1.1) + 1.15 * _bump(hour, 17.5, 1.7) + 0.3 * _bump(hour, 12.5, 3) + 0.04
    strolling = _bump(hour, 14, 4.2) + 0.05
    mood = (1.0, 0.88, 0.5, 0.25)[weather - 1] * (1 - 0.25 * max(humidity - 0.6, 0))
    grown = 1.0 if day.year == 2011 else 1.6
    warm = 0.35 + 1.1 * temperature - 0.5 * max(temperature - 0.75, 0)
    registered = grown * mood * warm * (380 * commuting if working else 200 * strolling + 15)
    casual = grown * mood * warm**2 * (45 if working else 150) * strolling
    return _noisy(dice, casual), max(_noisy(dice, registered), 1)


def _noisy(dice: Random, mean: float) -> int:
    return max(round(mean * exp(dice.gauss(0, 0.18)) + dice.gauss(0, 2)), 0)


def _weather(dice: Random, before: int) -> int:
    """Clear, misty, rain, storm; it likes to stay."""
    if dice.random() < 0.8:
        return before
    return dice.choices((1, 2, 3, 4), (660, 260, 79, 1))[0]


def _degrees(day: date, hour: int, drift: float) -> float:
    following = _TEMPERATURE[day.month % 12]
    share = (day.day - 1) / 31
    mean = _TEMPERATURE[day.month - 1] * (1 - share) + following * share
    return mean + 4 * _sun(hour) - 1 + drift


def _sun(hour: int) -> float:
    return cos((hour - 15) / 24 * 2 * pi)


def _bump(hour: float, at: float, width: float) -> float:
    return exp(-(((hour - at) / width) ** 2))
