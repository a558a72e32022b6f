"""A sample of two British retailers' files: pence and pounds, strings and numbers, with and without `last_updated`."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feeds.samples.world import Hand, MadeUp, Sample, Town, decimals, joined, json_number, write

TOWNS = (
    Town("London", 51.5072, -0.1276, "SW1A 1AA"), Town("Aberdeen", 57.1497, -2.0943, "AB10 1AB"),
    Town("Greenwich", 51.4779, 0.0, "SE10 8XJ"), Town("Belfast", 54.5973, -5.9301, "BT1 5GS"),
    Town("St Ives", 50.2114, -5.4802, "TR26 1AA"),
)  # fmt: skip
STREETS = ("High Street", "King's Road", "Llanfair Lane", "A1 Northbound")
UPDATED = "30/04/2026 09:15:00"
WRITTEN = datetime(2026, 4, 30, 8, 20, tzinfo=UTC)


def write_sample(out: Path, stations: int, seed: int) -> list[Sample]:
    """A retailer that keeps to the scheme but for single stations, and a small one that hardly does."""
    return [_orderly(out, stations, seed), _careless(out, max(3, stations // 10), seed)]


def _orderly(out: Path, stations: int, seed: int) -> Sample:
    hand = Hand("uk", seed)
    made_up = hand.stations(TOWNS, ("ASDA", "Esso"), STREETS, stations)
    items = (json.dumps(_station(hand, station), ensure_ascii=False) for station in made_up)
    path = write(out / "orderly.json", joined('{"stations": [', items, f'],\n"last_updated": "{UPDATED}"}}\n'))
    return Sample(path, path, hand.holds)


def _station(hand: Hand, station: MadeUp) -> dict[str, Any]:
    changed, counts = TRAPS.get(station.index, ({}, {}))
    hand.count(**({"stations": 1, "changes": 3, "not_sold": 1} | counts))
    item = {
        "site_id": f"gc{station.index:06}", "brand": station.brand, "address": station.street,
        "postcode": station.town.post_code, "location": {"latitude": station.lat, "longitude": station.lon},
        "prices": {
            "E10": json_number(station.mills, 1), "B7": json_number(station.mills + 80, 1),
            "E5": decimals(station.mills + 120, 1),
        },
    }  # fmt: skip
    return item | changed


TRAPS: dict[int, tuple[dict[str, Any], dict[str, int]]] = {
    3: ({"site_id": None}, {"stations": 0, "bad_stations": 1, "changes": 0, "not_sold": 0, "unreadable": 1}),
    4: ({"location": None}, {"stations": 0, "bad_stations": 1}),
    5: ({"location": {"latitude": "north", "longitude": ""}}, {"stations": 0, "bad_stations": 1}),
    6: ({"location": {"latitude": "51.5072", "longitude": "-0.1276"}}, {}),
    7: ({"prices": {"E10": 145.9}}, {"changes": 1, "not_sold": 3}),
    8: ({"prices": {"E10": 145.9, "E5": None, "B7": "", "SDV": 165.9}}, {"changes": 2, "not_sold": 2}),
    9: ({"prices": None}, {"changes": 0, "not_sold": 4}),
    10: ({"prices": {"E10": 0, "B7": 14590}}, {"changes": 2, "not_sold": 2, "absurd": 2}),
    11: ({"prices": {"E10": "n/a", "B7": 145.95}}, {"changes": 0, "not_sold": 2, "unreadable": 2}),
    12: ({"prices": {"E10": 145.9, "XTL": 170.9, "B10": 150.9}}, {"changes": 1, "not_sold": 3, "unmapped": 2}),
    13: ({"prices": {"E10": 1.459, "B7": "1.529"}}, {"changes": 2, "not_sold": 2}),
    14: ({"prices": [145.9]}, {"changes": 0, "not_sold": 0, "unreadable": 1}),
    15: ({"amenities": ["car_wash"], "brand": " "}, {}),
}
"""By station: what is otherwise in its item, and what a reader makes of the whole of it."""


def _careless(out: Path, stations: int, seed: int) -> Sample:
    """Everything in pounds and strings, and no word on when; the file's own time is set, so that it repeats."""
    hand = Hand("uk careless", seed)
    made_up = hand.stations(TOWNS, ("Corner Fuels",), STREETS, stations)
    path = write(out / "careless.json", joined('{"stations": [', _pounds(hand, made_up), "]}\n"), "utf-8-sig")
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return Sample(path, path, hand.holds)


def _pounds(hand: Hand, stations: Iterator[MadeUp]) -> Iterator[str]:
    for station in stations:
        hand.count(stations=1, changes=2, not_sold=2)
        yield json.dumps({
            "site_id": f"cf-{station.index}", "brand": station.brand, "address": station.street,
            "location": {"latitude": str(station.lat), "longitude": str(station.lon)},
            "prices": {"E10": json_number(station.mills, 3), "B7": decimals(station.mills + 80)},
        })  # fmt: skip
