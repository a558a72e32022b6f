"""What the samples of all feeds share: made-up stations in real towns, prices, and the count of what a file holds."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SMALLEST = 30
"""Stations that a sample needs so that every trap of its feed has one."""


class Town(NamedTuple):
    """A real town: where it lies, its post code, and its province or state as its feed writes it."""

    name: str
    lat: float
    lon: float
    post_code: str = ""
    province: str = ""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A station that does not exist, with about what it asks for a litre of petrol, in thousandths."""

    index: int
    brand: str
    street: str
    town: Town
    lat: float
    lon: float
    mills: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One replay of what was written: its files, and what they hold.

    `holds` counts what a reader finds: stations, bad_stations, changes, not_sold, unreadable, unmapped, second_price;
    and under `absurd` how many of the changes no service will take.
    """

    stations: Path
    prices: Path
    holds: Mapping[str, int]

    def arguments(self) -> list[str]:
        """The options of `forecourt replay` that name the files."""
        if self.stations == self.prices:
            return ["--file", str(self.stations)]
        return ["--stations", str(self.stations), "--prices", str(self.prices)]


class Hand:
    """Draws what is made up, the same for the same feed and seed, and counts what is written."""

    def __init__(self, feed: str, seed: int) -> None:
        self.draw = random.Random(f"{feed} {seed}")  # noqa: S311 - the files must repeat, not surprise
        self.holds: Counter[str] = Counter()

    def stations(
        self, towns: Sequence[Town], brands: Sequence[str], streets: Sequence[str], count: int
    ) -> Iterator[MadeUp]:
        """Stations in the towns by turns, each a little off the centre."""
        draw = self.draw
        for index in range(count):
            town, street = towns[index % len(towns)], f"{draw.choice(streets)} {draw.randint(1, 200)}"
            lat, lon = (round(degrees + draw.uniform(-0.01, 0.01), 5) for degrees in (town.lat, town.lon))
            yield MadeUp(index, draw.choice(brands), street, town, lat, lon, draw.randrange(1500, 1900))

    def count(self, **what: int) -> None:
        """Adds to what the file holds."""
        self.holds.update(what)

    def minute(self) -> str:
        """A time of the sample's day, 30 April 2026 from 06:00 to 09:59, as hours, minutes and seconds."""
        return f"{self.draw.randint(6, 9):02}:{self.draw.randint(0, 59):02}:{self.draw.randint(0, 59):02}"


def decimals(mills: int, digits: int = 3, point: str = ".") -> str:
    """Thousandths in a unit of 10^digits of them: 1459 is 1.459 with three digits, and 145.9 with one."""
    whole, rest = divmod(mills, 10**digits)
    return f"{whole}{point}{rest:0{digits}}"


def json_number(mills: int, digits: int) -> float:
    """The same for JSON, whose numbers Python writes as the shortest text, so that no digit is added or lost."""
    return float(decimals(mills, digits))


def joined(first: str, items: Iterator[str], last: str) -> Iterator[str]:
    """The pieces of a JSON list between two texts, one item a line."""
    yield first
    for number, item in enumerate(items):
        yield f"{',' if number else ''}\n{item}"
    yield last


def write(path: Path, pieces: Iterator[str], encoding: str = "utf-8") -> Path:
    """Writes the pieces one after the other, so that a large sample needs no memory."""
    with path.open("w", encoding=encoding, newline="") as file:
        file.writelines(pieces)
    return path
