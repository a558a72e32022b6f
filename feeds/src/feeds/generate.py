"""A station list and a day of price changes in Tankerkönig's shape, invented, for tests and for the demo."""

import csv
import gzip
import io
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from feeds.tankerkoenig import PRICE_COLUMNS, STATION_COLUMNS
from feeds.values import price_text

STATIONS_FILE = "stations.csv.gz"
PRICES_FILE = "prices.csv.gz"

BAD_STATION_ROWS = (
    ",Tankstelle ohne Kennung,,,,,,52.5,13.4,1970-01-01 01:00:00+01,{}",
    "00000000-0000-4000-8000-00000000bad1,Tankstelle Nord,,,,,,north,13.4,1970-01-01 01:00:00+01,{}",
    "00000000-0000-4000-8000-00000000bad2,Tankstelle ohne Ort,,,,,,,,1970-01-01 01:00:00+01,{}",
    "00000000-0000-4000-8000-00000000bad3,Tankstelle immer,,,,,,52.5,13.4,1970-01-01 01:00:00+01,always open",
    "00000000-0000-4000-8000-00000000bad4,abgeschnitten",
)
"""A row for each way in which a station cannot be read."""

BAD_PRICE_ROWS = (
    "2026-04-30 09:50:01+02,,1.329,1.549,1.509,1,1,1",
    "2026-04-30 09:50:01,00000000-0000-4000-8000-00000000bad1,1.329,1.549,1.509,1,1,1",
    "2026-04-30 09:50:01+02,00000000-0000-4000-8000-00000000bad2,1.3295,1.549,1.509,1,1,1",
    "2026-04-30 09:50:01+02,00000000-0000-4000-8000-00000000bad3,1.329,,1.509,1,1,1",
    "2026-04-30 09:50:01+02,00000000-0000-4000-8000-00000000bad4,1.329,1.549,1.509,1,1,7",
    "2026-04-30 09:50:01+02,00000000-0000-4000-8000-00000000bad5,1.329",
)
"""A row for each way in which a price change cannot be read."""

_DAY = datetime.fromisoformat("2026-04-30T00:00:00+02:00")
_BURST = _DAY.replace(hour=9, minute=50)
_BURST_SHARE = 0.5
_LOWEST_MILLS, _HIGHEST_MILLS = 1269, 1999
_NOT_SOLD = -1
_BRANDS = ("ARAL", "Shell", "ESSO", "TotalEnergies ", "JET", "STAR", "bft", "")
_STREETS = ("Hauptstraße", "Berliner Straße ", "Bahnhofstr.", "Lützner Str.", "Am Ring")
_TOWNS = ("Hamburg", "München", "Gößnitz", "Köln ", "Leipzig", "Bonn")
_HOURS = (
    {},
    {"openingTimes": [{"applicable_days": 255, "periods": [{"startp": "00:00", "endp": "00:00"}]}]},
    {"openingTimes": [{"applicable_days": 63, "periods": [{"startp": "06:00", "endp": "22:00"}]},
                      {"applicable_days": 192, "periods": [{"startp": "08:00", "endp": "20:00"}]}]},
    {"openingTimes": [{"applicable_days": 127, "periods": [{"startp": "05:00", "endp": "00:00"}]}],
     "overrides": [{"startp": "2026-05-01 00:00", "endp": "2026-05-02 00:00", "is_close": True}]},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Generated:
    """What the files hold: rows without the unreadable ones, and price changes over all grades."""

    station_rows: int
    price_rows: int
    changes: int
    bad_station_rows: int
    bad_price_rows: int


@dataclass(slots=True)
class _Pump:
    """A station's prices in the order of the file's columns: diesel, e5, e10."""

    station_id: str
    mills: list[int] = field(default_factory=list)


def generate(out: Path, *, stations: int, prices: int, seed: int, bad_rows: bool = False) -> Generated:
    """Write both files into `out`, the same bytes for the same arguments. `stations` must be at least 1.

    From three stations on, the second row lies at 0,0 and the last repeats the id of the first. Every third lies in
    Berlin. Only stations with a place change prices, half of the changes within one minute.
    """
    source = random.Random(seed)  # noqa: S311 - the files must repeat, not surprise
    rows = [_station_row(source, index) for index in range(stations)]
    if stations >= 3:
        rows[1][7:9] = ["0", "0"]
        rows[-1][0] = rows[0][0]
    pumps = [_Pump(station_id) for station_id in {row[0]: None for row in rows if row[7] != "0"}]
    changes = list(_price_rows(source, pumps, prices))
    bad_stations, bad_prices = (BAD_STATION_ROWS, BAD_PRICE_ROWS) if bad_rows else ((), ())
    out.mkdir(parents=True, exist_ok=True)
    _write(out / STATIONS_FILE, STATION_COLUMNS, rows, bad_stations)
    _write(out / PRICES_FILE, PRICE_COLUMNS, changes, bad_prices)
    changed = sum(flag != "0" for row in changes for flag in row[5:])
    return Generated(len(rows), len(changes), changed, len(bad_stations), len(bad_prices))


def _station_row(source: random.Random, index: int) -> list[str]:
    berlin = index % 3 == 0
    town = "Berlin" if berlin else source.choice(_TOWNS)
    latitude = source.uniform(52.4, 52.6) if berlin else source.uniform(47.5, 54.5)
    longitude = source.uniform(13.2, 13.6) if berlin else source.uniform(6.5, 14.5)
    brand = source.choice(_BRANDS)
    return [
        str(UUID(int=source.getrandbits(128), version=4)),
        f"{brand.strip() or 'Freie'} Tankstelle {town.strip()}{source.choice(('', ' '))}",
        brand,
        source.choice(_STREETS),
        source.choice(("", " ", str(source.randint(1, 300)))),
        f"{source.randint(1067, 99998):05}",
        town,
        f"{latitude:.6f}",
        f"{longitude:.6f}",
        "1970-01-01 01:00:00+01",
        json.dumps(source.choice(_HOURS), separators=(",", ":")),
    ]


def _price_rows(source: random.Random, pumps: Sequence[_Pump], count: int) -> Iterator[list[str]]:
    """Changes in the order of time; the stations take turns, so that each changes about equally often."""
    for index, moment in enumerate(sorted(_moment(source) for _ in range(count))):
        pump = pumps[index % len(pumps)]
        flags = _change(source, pump) if pump.mills else _start(source, pump)
        yield [moment, pump.station_id, *map(price_text, pump.mills), *flags]


def _moment(source: random.Random) -> str:
    start, seconds = (_BURST, 60) if source.random() < _BURST_SHARE else (_DAY, 24 * 3600)
    moment = start + timedelta(seconds=source.randrange(seconds))
    return f"{moment:%Y-%m-%d %H:%M:%S}+02"


def _start(source: random.Random, pump: _Pump) -> list[str]:
    """First prices, diesel below E10 below E5; one station in twenty does not sell E10."""
    diesel = source.randrange(_LOWEST_MILLS, 1500, 10)
    pump.mills = [diesel, diesel + 220, diesel + 180]
    if source.random() < 0.05:
        pump.mills[2] = _NOT_SOLD
    return ["0" if mills == _NOT_SOLD else "3" for mills in pump.mills]


def _change(source: random.Random, pump: _Pump) -> list[str]:
    """Move at least one grade by 1 to 4 cents; now and then E10 is given up and later sold again."""
    flags = ["0", "0", "0"]
    for grade in source.sample((0, 1, 2), source.randint(1, 3)):
        if pump.mills[grade] <= 0:
            pump.mills[grade], flags[grade] = pump.mills[1] - 40, "3"
        elif grade == 2 and source.random() < 0.01:
            pump.mills[grade], flags[grade] = 0, "2"
        else:
            pump.mills[grade], flags[grade] = _step(source, pump.mills[grade]), "1"
    return flags


def _step(source: random.Random, mills: int) -> int:
    """Another price within the bounds."""
    step = source.choice((-40, -30, -20, -10, 10, 20, 30, 40))
    return mills + step if _LOWEST_MILLS <= mills + step <= _HIGHEST_MILLS else mills - step


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]], bad_rows: Sequence[str]) -> None:
    """Bad rows come first, so that a reader that stops at one is found out."""
    with (
        path.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        text.writelines(f"{row}\n" for row in bad_rows)
        writer.writerows(rows)


def main(
    out: Annotated[Path, typer.Option(help="The folder for stations.csv.gz and prices.csv.gz")],
    stations: Annotated[int, typer.Option(min=1, help="Rows of the station list")] = 300,
    prices: Annotated[int, typer.Option(min=0, help="Rows of the price file, one to three changes each")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files")] = 1,
    bad_rows: Annotated[bool, typer.Option("--bad-rows", help="Add rows that cannot be read")] = False,
) -> None:
    """Write an invented station list and a day of price changes in Tankerkönig's shape."""
    generated = generate(out, stations=stations, prices=prices, seed=seed, bad_rows=bad_rows)
    unreadable = generated.bad_station_rows + generated.bad_price_rows
    typer.echo(
        f"{out}: {generated.station_rows} stations, {generated.price_rows} price rows "
        f"with {generated.changes} changes, {unreadable} unreadable rows"
    )


if __name__ == "__main__":
    typer.run(main)
