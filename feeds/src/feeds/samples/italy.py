"""A sample of Italy's feed, with its traps: two tables, two separators, two encodings, self-service and served."""

from collections.abc import Iterator
from pathlib import Path

from feeds.italy import PRICE_COLUMNS, STATION_COLUMNS
from feeds.samples.world import Hand, MadeUp, Sample, Town, decimals, write

TOWNS = (
    Town("ROMA", 41.9028, 12.4964, "00184", "RM"), Town("MILANO", 45.4642, 9.19, "20121", "MI"),
    Town("FORLÌ", 44.2227, 12.0407, "47121", "FC"), Town("NAPOLI", 40.8518, 14.2681, "80134", "NA"),
    Town("CANTÙ", 45.7397, 9.1285, "22063", "CO"),
)  # fmt: skip
STREETS = ("VIA ROMA", "VIALE LIBERTÀ", "CORSO D'ITALIA", "STRADA STATALE 1 KM")
MADE = "Estrazione del 2026-04-30"
DAY = "30/04/2026"


def write_sample(out: Path, stations: int, seed: int) -> list[Sample]:
    """The list with bars in Latin-1, the prices with semicolons in UTF-8, lines ended as the ministry ends them."""
    hand = Hand("italy", seed)
    made_up = list(hand.stations(TOWNS, ("Agip Eni", "Q8", "Pompe Bianche"), STREETS, stations))
    stations_path = write(
        out / "anagrafica_impianti_attivi.csv", _lines("|".join(STATION_COLUMNS), _stations(hand, made_up)), "latin-1"
    )
    prices_path = write(out / "prezzo_alle_8.csv", _lines(";".join(PRICE_COLUMNS), _prices(hand, made_up)), "utf-8-sig")
    return [Sample(stations_path, prices_path, hand.holds)]


def _lines(header: str, rows: Iterator[str]) -> Iterator[str]:
    yield f"{MADE}\r\n{header}\r\n"
    for row in rows:
        yield f"{row}\r\n"


def _stations(hand: Hand, stations: list[MadeUp]) -> Iterator[str]:
    for station in stations:
        place = ("", "") if station.index == 3 else (str(station.lat), str(station.lon))
        name = {4: "", 5: 'Stazione "Da Gino"', 6: 'Bar "Sport', 7: "Nord | Sud"}.get(station.index, "Stazione")
        hand.count(stations=station.index not in {3, 7}, bad_stations=station.index in {3, 7})
        yield "|".join((
            _id(station), "ROSSI S.R.L.", station.brand, "Stradale", name, station.street, station.town.name,
            station.town.province, *place,
        ))  # fmt: skip
    hand.count(stations=1)
    yield '99999|X|Q8|Stradale|"Est | Ovest"|VIA ROMA 1|ROMA|RM|41.9|12.5'


def _id(station: MadeUp) -> str:
    return str(3000 + station.index)


def _prices(hand: Hand, stations: list[MadeUp]) -> Iterator[str]:
    """Petrol in self-service and served, diesel in self-service alone; traps beside; a station that is not listed."""
    for station in stations:
        at, (text, counts) = f"{DAY} {hand.minute()}", TRAPS.get(station.index, ("", {}))
        hand.count(changes=2, second_price=1)
        hand.count(**counts)
        petrol, diesel = decimals(station.mills), decimals(station.mills - 80)
        yield f"{_id(station)};Benzina;{decimals(station.mills + 200)};0;{at}"
        yield f"{_id(station)};Benzina;{petrol};1;{at}"
        yield f"{_id(station)};Gasolio;{diesel};1;{at}"
        if text:
            yield text.format(id=_id(station), at=at)
    hand.count(changes=1)
    yield f"88888;Benzina;1.799;1;{DAY} 08:00:00"


TRAPS: dict[int, tuple[str, dict[str, int]]] = {
    8: ("{id};GPL;0;0;{at}", {"changes": 1, "absurd": 1}),
    9: ("{id};GPL;9.999;0;{at}", {"changes": 1, "absurd": 1}),
    10: ("{id};GPL;0,719;0;{at}", {"changes": 1}),
    11: ("{id};GPL;gratis;0;{at}", {"unreadable": 1}),
    12: ("{id};GPL;0.719;2;{at}", {"unreadable": 1}),
    13: ("{id};GPL;0.719;0;ieri", {"unreadable": 1}),
    14: ("{id};GPL;0.719;0", {"unreadable": 1}),
    15: ("{id};Benzina Lunare;2.500;1;{at}", {"unmapped": 1}),
    16: ("{id};HVOlution;1.899;1;{at}", {"unmapped": 1}),
    17: ("{id};HiQ Perform+;1.999;1;{at}", {"unmapped": 1}),
    18: ("{id};Gasolio Artico;1.799;1;{at}", {"second_price": 1}),
    19: ("{id};Blue Diesel;1.899;1;29/03/2026 02:30:00", {"changes": 1}),
    20: ("{id};Metano;1.499;0;{at}\r\n", {"changes": 1}),
    21: (";GPL;0.719;0;{at}", {"unreadable": 1}),
}
"""By station: a row beside its prices, and what a reader makes of it."""
