"""The feed of New South Wales' FuelCheck: JSON of all stations and prices, or of the prices that are new."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feeds.base import PriceRecord, RowProblem, StationRecord
from feeds.json_list import beginning, read_list
from feeds.offers import Offer, Reading, Source, snapshot
from feeds.places import place, time_zone
from feeds.values import mills_of, number, plain, required, wall_time

ZONE = "Australia/Sydney"
ZONES = (ZONE, "Australia/Broken_Hill", "Australia/Lord_Howe", "Australia/Hobart")
STATES = {"NSW", "ACT", "TAS"}
"""The states whose stations FuelCheck lists; New South Wales where a station does not say."""

_ADDRESS = re.compile(r"(?P<street>.+?),? +(?:(?P<city>[^,]+?),? +)?(?P<state>NSW|ACT|TAS),? +(?P<post_code>[0-9]{4})")


class NewSouthWales:
    """FuelCheck; a price holds from its `lastupdated`, on Sydney's clock, and belongs to the station of its code."""

    name = "nsw"
    country = "AU-NSW"
    shape = "JSON, one file of stations and prices in cents (all prices), or a second one of prices (new prices)"
    one_file = True
    has_pace = False
    description = "New South Wales: current prices of about 3,000 stations (FuelCheck)"
    licence = "CC BY 4.0, State of New South Wales (FuelCheck)"

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read the stations of the call for all prices or for the reference data, or a list of them. FeedError."""
        return read_list(path, ["stations", "stations.items", ""], _station)

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read the prices of the call for all or for new prices, or a list of them. Raises FeedError."""
        return read_list(path, ["prices", ""], lambda line, item: list(_prices(line, item)))


def _station(line: int, item: dict[str, Any]) -> list[StationRecord]:
    external_id, location = required(plain(item.get("code")), "code"), item.get("location") or item
    if not isinstance(location, dict):
        raise ValueError("location is not an object with latitude and longitude")
    at = place(location.get("latitude"), location.get("longitude"))
    address = plain(item.get("address"))
    parts = match.groupdict() if (match := _ADDRESS.fullmatch(address)) else {"street": address or None}
    state = parts.pop("state", None)
    if plain(item.get("state")) in STATES:
        state = plain(item.get("state"))
    payload = {
        "external_id": external_id,
        "name": plain(item.get("name")) or None,
        "brand": plain(item.get("brand")) or None,
        "address": parts,
        "country": "AU", "region": f"AU-{state or 'NSW'}",
        "time_zone": time_zone(at, ZONES, ZONE), "currency": "AUD", "lat": at.lat, "lon": at.lon,
    }  # fmt: skip
    return [StationRecord(line, external_id, payload)]


def _prices(line: int, item: dict[str, Any]) -> Iterator[PriceRecord | RowProblem]:
    external_id = required(plain(item.get("stationcode")), "stationcode")
    grade = required(plain(item.get("fueltype")), "fueltype")
    effective_at = wall_time(plain(item.get("lastupdated")), ZONE)
    return snapshot(_SOURCE, [Offer(line, external_id, grade, item.get("price"), effective_at, beginning(item))])


def _read(price: object) -> Reading:
    """Cents; a grade without a price is not sold."""
    return Reading(mills_of(number(price), 10) if plain(price) else None)


_SOURCE = Source("nsw", "AUD", "api.nsw.gov.au", _read)
