"""A sample of France's feed, with its traps: scales, shortages, Latin-1, the meridian, islands far away."""

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from feeds.samples.world import Hand, MadeUp, Sample, Town, decimals, write

TOWNS = (
    Town("SAINT-DENIS-LÈS-BOURG", 46.2011, 5.1979, "01000"), Town("Paris", 48.8566, 2.3522, "75001"),
    Town("Besançon", 47.2378, 6.0241, "25000"), Town("Villers-sur-Mer", 49.3225, 0.0, "14640"),
    Town("Ajaccio", 41.9192, 8.7386, "20000"), Town("Bastia", 42.7028, 9.4503, "20200"),
    Town("Saint-Denis", -20.8823, 55.4504, "97400"), Town("Fort-de-France", 14.6161, -61.0588, "97200"),
)  # fmt: skip
STREETS = ("Avenue de Trévoux", "Rue de l'Église", "Route Nationale", "Boulevard d'Orléans & Cie")
DAY = "2026-04-30"
_LUNCH = '<horaire ouverture="08.00" fermeture="12.00"/><horaire ouverture="14.00" fermeture="19.30"/>'
_WEEK = "".join(f'<jour id="{day}" ferme="">{_LUNCH}</jour>' for day in range(1, 7))
HOURS = (
    "", '<horaires automate-24-24="1"/>', f'<horaires automate-24-24="">{_WEEK}<jour id="7" ferme="1"/></horaires>',
    f"<horaires>{_WEEK}</horaires>", '<horaires><jour id="1"><horaire ouverture="tard"/></jour></horaires>',
)  # fmt: skip
"""Unknown, always, six days with a break at noon, unknown on Sundays, and what cannot be read."""


def write_sample(out: Path, stations: int, seed: int) -> list[Sample]:
    """One XML file in ISO-8859-1, as the ministry publishes it."""
    hand = Hand("france", seed)
    points = (_point(hand, station) for station in hand.stations(TOWNS, ("",), STREETS, stations))
    path = write(out / "prix-carburants.xml", _document(points), "iso-8859-1")
    return [Sample(path, path, hand.holds)]


def _document(points: Iterator[str]) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?>\n<pdv_liste>\n'
    yield from points
    yield "</pdv_liste>\n"


def _point(hand: Hand, station: MadeUp) -> str:
    bad_id, bad_place = station.index == 3, station.index == 5
    attributes = {
        "id": "" if bad_id else f"{station.town.post_code}{station.index:04}",
        **({"latitude": "", "longitude": ""} if bad_place else _coordinates(station)),
        "cp": station.town.post_code, "pop": "R",
    }  # fmt: skip
    hand.count(bad_stations=bad_id or bad_place, stations=not (bad_id or bad_place))
    inner = "".join(_told(hand, station))
    if bad_id:
        hand.count(unreadable=1)
    head = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    where = f"<adresse>{escape(station.street)}</adresse><ville>{escape(station.town.name)}</ville>"
    hours = HOURS[station.index % len(HOURS)]
    return f"<pdv {head}>{where}{hours}<services><service>Boutique</service></services>{inner}</pdv>\n"


def _coordinates(station: MadeUp) -> dict[str, str]:
    """Hundred-thousandths, some with a decimal point, and now and then plain degrees."""
    if station.index % 10 == 7:
        return {"latitude": str(station.lat), "longitude": str(station.lon)}
    lat, lon = round(station.lat * 100_000), round(station.lon * 100_000)
    tail = ".0" if station.index % 4 == 2 else ""
    return {"latitude": f"{lat}{tail}", "longitude": f"{lon}{tail}"}


def _told(hand: Hand, station: MadeUp) -> Iterator[str]:
    """Two prices in either way of writing, and the trap of this station; a station without an id counts for nothing."""
    trap = TRAPS.get(station.index)
    at = f"{DAY}{'T' if station.index % 2 else ' '}{hand.minute()}"
    if station.index != 3:
        hand.count(changes=2)
    yield f'<prix nom="Gazole" id="1" maj="{at}" valeur="{station.mills}"/>'
    yield f'<prix nom="SP95" id="2" maj="{at}" valeur="{decimals(station.mills + 60)}"/>'
    if trap:
        text, counts = trap
        hand.count(**counts)
        yield text


TRAPS = {
    4: ("<prix/>", {}),
    6: (f'<rupture id="1" nom="Gazole" debut="{DAY} 11:00:00" fin="" type="temporaire"/>', {"changes": 1}),
    8: (f'<rupture id="1" nom="Gazole" debut="{DAY} 10:30:00" fin="{DAY} 11:00:00"/>', {"changes": 2}),
    9: ('<rupture id="4" nom="GPLc" debut="2017-09-16T09:50:23" fin="" type="definitive"/>', {"not_sold": 1}),
    10: (f'<prix nom="E10" id="5" maj="{DAY}T08:00:00" valeur="0"/>', {"changes": 1, "absurd": 1}),
    11: (f'<prix nom="E10" id="5" maj="{DAY}T08:00:00" valeur="17890"/>', {"changes": 1, "absurd": 1}),
    12: (f'<prix nom="E10" id="5" maj="{DAY}T08:00:00" valeur="1,789"/>', {"changes": 1}),
    13: (f'<prix nom="E10" id="5" maj="{DAY}T08:00:00" valeur="gratuit"/>', {"unreadable": 1}),
    14: ('<prix nom="E10" id="5" maj="hier" valeur="1789"/>', {"unreadable": 1}),
    15: (f'<prix nom="SP102" id="9" maj="{DAY}T08:00:00" valeur="2.099"/>', {"unmapped": 1}),
    16: ('<prix nom="SP98" id="6" maj="2026-03-29T02:30:00" valeur="1.859"/>', {"changes": 1}),
    17: (f'<prix nom="GPLc" id="4" maj="{DAY}T08:00:00" valeur=".989"/>', {"changes": 1}),
}
"""By station: what the file says beside its prices, and what a reader makes of it."""
