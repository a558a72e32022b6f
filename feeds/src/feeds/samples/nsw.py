"""A sample of FuelCheck, New South Wales: the call for all prices, and the one for what is new since."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feeds.samples.world import Hand, MadeUp, Sample, Town, joined, json_number, write

TOWNS = (
    Town("SYDNEY", -33.8688, 151.2093, "2000", "NSW"), Town("BROKEN HILL", -31.9505, 141.4533, "2880", "NSW"),
    Town("LORD HOWE ISLAND", -31.5553, 159.0821, "2898", "NSW"), Town("CANBERRA", -35.2809, 149.13, "2601", "ACT"),
    Town("HOBART", -42.8821, 147.3272, "7000", "TAS"),
)  # fmt: skip
STREETS = ("Pacific Highway", "Argent Street", "O'Connell Road", "Lagoon Road")


def write_sample(out: Path, stations: int, seed: int) -> list[Sample]:
    """One file of all stations and prices, and one of the prices of every third station a little later."""
    hand = Hand("nsw", seed)
    made_up = list(hand.stations(TOWNS, ("Caltex", "7-Eleven", "Independent"), STREETS, stations))
    listed = joined('{"stations": [', (json.dumps(_station(hand, station)) for station in made_up), "],")
    priced = joined('\n"prices": [', _prices(hand, made_up), "]}\n")
    everything = write(out / "all-prices.json", (piece for part in (listed, priced) for piece in part))
    later = Hand("nsw later", seed)
    later.count(stations=hand.holds["stations"], bad_stations=hand.holds["bad_stations"])
    news = write(out / "new-prices.json", joined('{"prices": [', _later(later, made_up[::3]), "]}\n"))
    return [Sample(everything, everything, hand.holds), Sample(everything, news, later.holds)]


def _station(hand: Hand, station: MadeUp) -> dict[str, Any]:
    bad = station.index in {3, 4}
    hand.count(stations=not bad, bad_stations=bad)
    place: dict[str, Any] = {"latitude": station.lat, "longitude": station.lon}
    if station.index == 5:
        place = {name: str(value) for name, value in place.items()}
    item = {
        "brandid": "1", "stationid": f"1-{station.index}", "brand": station.brand, "code": _code(station),
        "name": f"{station.brand} {station.town.name.title()}",
        "address": f"{station.street}, {station.town.name} {station.town.province} {station.town.post_code}",
        "location": None if station.index == 4 else place,
    }  # fmt: skip
    return item | ({"code": None} if station.index == 3 else {})


def _code(station: MadeUp) -> str:
    return str(100 + station.index)


def _prices(hand: Hand, stations: list[MadeUp]) -> Iterator[str]:
    for station in stations:
        at, (changed, counts) = f"30/04/2026 {hand.minute()}", TRAPS.get(station.index, (None, {}))
        hand.count(changes=2)
        hand.count(**counts)
        for grade, mills in (("U91", station.mills), ("DL", station.mills + 50)):
            yield json.dumps(_price(station, grade, mills, at))
        if changed is not None:
            yield json.dumps(_price(station, "P98", station.mills + 200, at) | changed)


def _price(station: MadeUp, grade: str, mills: int, at: str) -> dict[str, Any]:
    return {"stationcode": _code(station), "fueltype": grade, "price": json_number(mills, 1), "lastupdated": at}


TRAPS: dict[int, tuple[dict[str, Any], dict[str, int]]] = {
    6: ({"price": "205.9", "state": "NSW"}, {"changes": 1}),
    7: ({"price": 0}, {"changes": 1, "absurd": 1}),
    8: ({"price": 1899.0}, {"changes": 1, "absurd": 1}),
    9: ({"price": "N/A"}, {"unreadable": 1}),
    10: ({"price": 205.95}, {"unreadable": 1}),
    11: ({"lastupdated": ""}, {"unreadable": 1}),
    12: ({"lastupdated": "30/04/2026 08:15:00 PM"}, {"changes": 1}),
    13: ({"fueltype": "EV", "price": 45.0}, {"unmapped": 1}),
    14: ({"fueltype": "P102"}, {"unmapped": 1}),
    15: ({"stationcode": 99_999}, {"changes": 1}),
    16: ({"price": None}, {"not_sold": 1}),
    17: ({"lastupdated": "05/10/2025 02:30:00"}, {"changes": 1}),
    18: ({"stationcode": ""}, {"unreadable": 1}),
}
"""By station: a price beside its two, and what a reader makes of it."""


def _later(hand: Hand, stations: list[MadeUp]) -> Iterator[str]:
    for station in stations:
        hand.count(changes=1)
        yield json.dumps(_price(station, "U91", station.mills - 30, "30/04/2026 11:00:00"))
