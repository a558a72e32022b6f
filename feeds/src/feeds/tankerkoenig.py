"""The feed of Tankerkönig: the list of German fuel stations and every change of their prices."""

from collections.abc import Iterator
from pathlib import Path

from feeds.base import PriceRecord, RowProblem, StationRecord
from feeds.offers import Reading, Source, price_record
from feeds.table import read_table
from feeds.tankerkoenig_hours import opening_hours
from feeds.values import degrees, mills, required, text_or_none, utc
from schemas.vocabulary import Fuel

STATION_COLUMNS = (
    "uuid", "name", "brand", "street", "house_number", "post_code", "city", "latitude", "longitude", "first_active",
    "openingtimes_json",
)  # fmt: skip
PRICE_COLUMNS = ("date", "station_uuid", "diesel", "e5", "e10", "dieselchange", "e5change", "e10change")

_FUELS = (Fuel.DIESEL_B7.value, Fuel.E5.value, Fuel.E10.value)
_UNCHANGED, _CHANGED, _REMOVED, _NEW = "0", "1", "2", "3"
_FLAGS = {_UNCHANGED, _CHANGED, _REMOVED, _NEW}


def _read(price: object) -> Reading:
    """A price of 0 or below means no longer sold."""
    price_mills = mills(str(price))
    return Reading(price_mills if price_mills > 0 else None)


_SOURCE = Source("tankerkoenig", "EUR", "tankerkoenig.de", _read)
_GONE = Reading(None)


class Tankerkoenig:
    """One day's price changes and the list of stations, as https://tankerkoenig.de publishes them."""

    name = "tankerkoenig"
    country = "DE"
    shape = "CSV, a station list and a day's price changes"
    one_file = False
    has_pace = True
    description = "Germany: every price change at about 15,000 stations (Tankerkönig, from MTS-K)"
    licence = "CC BY-NC-SA 4.0, Tankerkönig / MTS-K (https://creativecommons.tankerkoenig.de)"

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read a station list; names and coordinates come as odd as the file has them. Raises FeedError."""
        return read_table(path, STATION_COLUMNS, _station)

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read the changed grades of each row; a price of 0 or below means no longer sold. Raises FeedError."""
        return read_table(path, PRICE_COLUMNS, _price_changes)


def _station(line: int, cells: list[str]) -> list[StationRecord]:
    uuid, name, brand, street, house_number, post_code, city, latitude, longitude, _, opening_times = cells
    external_id = required(uuid, "uuid")
    payload = {
        "external_id": external_id,
        "name": text_or_none(name),
        "brand": text_or_none(brand),
        "address": {
            "street": text_or_none(street),
            "house_number": text_or_none(house_number),
            "post_code": text_or_none(post_code),
            "city": text_or_none(city),
        },
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "lat": degrees(latitude.strip(), "latitude"),
        "lon": degrees(longitude.strip(), "longitude"),
        "fuels": None,
        "opening_hours": opening_hours(opening_times),
        "holiday_region": None,
    }
    return [StationRecord(line, external_id, payload)]


def _price_changes(line: int, cells: list[str]) -> list[PriceRecord]:
    """All grades are read before the first is used: a row is taken whole or not at all."""
    external_id, effective_at = required(cells[1], "station_uuid"), utc(cells[0])
    readings, flags = [_read(text) for text in cells[2:5]], cells[5:8]
    if not _FLAGS.issuperset(flags):
        raise ValueError(f"change flags {','.join(flags)} are not all one of 0, 1, 2, 3")
    return [
        price_record(_SOURCE, line, external_id, fuel, _GONE if flag == _REMOVED else reading, effective_at)
        for fuel, reading, flag in zip(_FUELS, readings, flags, strict=True)
        if flag != _UNCHANGED
    ]
