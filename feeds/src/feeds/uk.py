"""The feeds of British retailers under the scheme of the CMA: one JSON file each, with stations and prices."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feeds.base import PriceRecord, RowProblem, StationRecord
from feeds.json_list import beginning, first_value, read_list
from feeds.offers import Offer, Reading, Source, snapshot
from feeds.places import place
from feeds.values import mills_of, number, plain, required, wall_time
from schemas.base import rfc3339

ZONE = "Europe/London"
GRADES = ("E10", "E5", "B7", "SDV")
"""The grades of the scheme; one that a station's list lacks is not sold there."""

_PENCE_FROM = 10
"""No litre costs less than ten pence or more than ten pounds, so a smaller number must be pounds."""

IN_POUNDS = "the price is in pounds, where the scheme asks for pence"
NO_TIME = "the file has no last_updated that can be read; its own time of change stands for it"


class UnitedKingdom:
    """What a retailer publishes; all its prices hold from the file's `last_updated`, on London's clock."""

    name = "uk"
    country = "GB"
    shape = "JSON, one file per retailer with stations and prices in pence"
    one_file = True
    has_pace = False
    description = "United Kingdom: current prices of the retailers in the CMA's scheme"
    licence = "open, on each retailer's own terms (CMA interim scheme)"

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read the stations of a retailer. Raises FeedError."""
        return read_list(path, ["stations"], _station)

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read the prices of a retailer, every grade of every station. Raises FeedError."""
        effective_at, assumed = _last_updated(path)
        return read_list(path, ["stations"], lambda line, item: list(_prices(line, item, effective_at, assumed)))


def _station(line: int, item: dict[str, Any]) -> list[StationRecord]:
    external_id, location = required(plain(item.get("site_id")), "site_id"), item.get("location")
    if not isinstance(location, dict):
        raise ValueError("location is missing")
    at = place(location.get("latitude"), location.get("longitude"))
    brand, street = plain(item.get("brand")), plain(item.get("address"))
    payload = {
        "external_id": external_id,
        "name": " ".join(filter(None, (brand, street))) or None,
        "brand": brand or None,
        "address": {"street": street or None, "post_code": plain(item.get("postcode")) or None},
        "country": "GB", "time_zone": ZONE, "currency": "GBP", "lat": at.lat, "lon": at.lon,
    }  # fmt: skip
    return [StationRecord(line, external_id, payload)]


def _prices(
    line: int, item: dict[str, Any], effective_at: str, assumed: tuple[str, ...]
) -> Iterator[PriceRecord | RowProblem]:
    external_id, prices = required(plain(item.get("site_id")), "site_id"), item.get("prices") or {}
    if not isinstance(prices, dict):
        raise ValueError("prices is not an object of grades and pence")
    text = beginning(item)
    asked = dict.fromkeys(GRADES) | prices
    return snapshot(
        _SOURCE, [Offer(line, external_id, grade, asked[grade], effective_at, text, assumed=assumed) for grade in asked]
    )


def _read(price: object) -> Reading:
    """Pence, or pounds where it can be nothing else; a grade without a price is not sold."""
    if plain(price) == "":
        return Reading(None)
    amount = number(price)
    if 0 < amount < _PENCE_FROM:
        return Reading(mills_of(amount, 1000), (IN_POUNDS,))
    return Reading(mills_of(amount, 10))


_SOURCE = Source("uk", "GBP", "cma.gov.uk", _read)


def _last_updated(path: Path) -> tuple[str, tuple[str, ...]]:
    """When the file says that it was made; where it does not say, when it was written, which copying may keep."""
    try:
        return wall_time(plain(first_value(path, "last_updated")), ZONE), ()
    except ValueError:
        return rfc3339(datetime.fromtimestamp(path.stat().st_mtime, UTC)), (NO_TIME,)
