"""The feed of France's ministry: one XML file of stations with their prices and shortages."""

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord, Why
from feeds.files import content
from feeds.grades import UnmappedGradeError, fuel_of
from feeds.hours import french_hours, or_unknown
from feeds.offers import Offer, Reading, Source, price_record, problem
from feeds.places import scaled_place, time_zone
from feeds.table import MAX_PROBLEM_CHARACTERS
from feeds.values import mills_of, number, required, text_or_none, wall_time

ZONE = "Europe/Paris"
ZONES = (
    ZONE, "America/Guadeloupe", "America/Martinique", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte",
    "America/Miquelon", "America/St_Barthelemy", "America/Marigot",
)  # fmt: skip

_LETTERS = {"975": "PM", "977": "BL", "978": "MF"}
"""ISO 3166's names of the collectivities overseas, which are no departments."""

_THOUSANDTHS_FROM = 10
"""No litre costs ten euros or less than a cent, so a larger number must be thousandths."""


class France:
    """Every station of France; a price holds from its `maj`, on Paris's clock.

    A grade in `rupture` is not sold from `debut` on; from `fin` on, its price of before holds again.
    """

    name = "france"
    country = "FR"
    shape = "XML, one file with stations, prices and shortages, in the encoding that it declares"
    one_file = True
    has_pace = False
    description = "France: prices and shortages of about 10,000 stations (prix-carburants.gouv.fr)"
    licence = "Licence Ouverte 2.0, Ministère de l'Économie (prix-carburants.gouv.fr)"

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read the stations. Raises FeedError."""
        for line, pdv in _points_of_sale(path):
            try:
                yield _station(line, pdv)
            except ValueError as error:
                yield RowProblem(line, str(error), _beginning(pdv))

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read the prices and shortages of each station, in the order of time for each grade. Raises FeedError."""
        for line, pdv in _points_of_sale(path):
            try:
                external_id = required(pdv.get("id", ""), "id")
            except ValueError as error:
                yield RowProblem(line, str(error), _beginning(pdv))
            else:
                yield from _prices(line, external_id, pdv)


def _station(line: int, pdv: Element) -> StationRecord:
    external_id, post_code = required(pdv.get("id", ""), "id"), pdv.get("cp", "").strip()
    at = scaled_place(pdv.get("latitude"), pdv.get("longitude"))
    street, city = (text_or_none(pdv.findtext(name) or pdv.get(name, "")) for name in ("adresse", "ville"))
    hours, assumed = or_unknown(lambda: french_hours(pdv.find("horaires")))
    payload = {
        "external_id": external_id,
        "name": ", ".join(filter(None, (street, city))) or None,  # the feed has neither names nor brands
        "brand": None,
        "address": {"street": street, "post_code": post_code or None, "city": city},
        "country": "FR", "region": _region(post_code), "time_zone": time_zone(at, ZONES, ZONE), "currency": "EUR",
        "lat": at.lat, "lon": at.lon, "opening_hours": hours,
    }  # fmt: skip
    return StationRecord(line, external_id, payload, assumed)


def _region(post_code: str) -> str | None:
    """The department of a post code: its first two digits, three overseas; Corsica's 20 is two departments."""
    if len(post_code) != 5 or not post_code.isdecimal() or post_code >= "98000":  # Monaco, and seas with other money
        return None
    if post_code.startswith("20"):
        return "FR-2A" if post_code < "20200" else "FR-2B"
    overseas = post_code[:3] if post_code >= "97000" else ""
    return f"FR-{_LETTERS.get(overseas, overseas) or post_code[:2]}"


class _Told(NamedTuple):
    """What the file says of a grade from a moment on; `reading` None: what held before the shortage holds again."""

    at: str
    reading: Reading | None


def _prices(line: int, external_id: str, pdv: Element) -> Iterator[PriceRecord | RowProblem]:
    told: dict[str, list[_Told]] = {}
    for element in (*pdv.iter("prix"), *pdv.iter("rupture")):
        if not any(element.attrib.values()):
            continue
        grade = element.get("nom", "").strip()
        offer = Offer(line, external_id, grade, element.get("valeur"), "", _beginning(element))
        try:
            fuel = fuel_of(_SOURCE.feed, required(grade, "nom"))
            told.setdefault(fuel.value, []).extend(_told(element))
        except UnmappedGradeError as error:
            yield problem(offer, str(error), error.why)
        except ValueError as error:
            yield problem(offer, f"{grade}: {error}", Why.UNREADABLE)
    for fuel, all_told in told.items():
        for at, reading in _in_order(all_told):
            yield price_record(_SOURCE, line, external_id, fuel, reading, at, reading.price_mills is None)


def _told(element: Element) -> Iterator[_Told]:
    if element.tag == "prix":
        yield _Told(wall_time(element.get("maj", "").strip(), ZONE), _read(element.get("valeur")))
        return
    begins, ends = (element.get(name, "").strip() for name in ("debut", "fin"))
    yield _Told(wall_time(begins, ZONE), _SHORTAGE)
    if ends:
        yield _Told(wall_time(ends, ZONE), None)


def _in_order(told: list[_Told]) -> Iterator[tuple[str, Reading]]:
    """Prices and shortages as they followed one another; at the end of a shortage, the price of before."""
    price: Reading | None = None
    for at, reading in sorted(told, key=itemgetter(0)):
        if reading is None and price is None:
            continue
        if reading is not None and reading is not _SHORTAGE:
            price = reading
        yield at, reading or price or _SHORTAGE


def _read(value: object) -> Reading:
    """Thousandths of a euro, or euros with decimals."""
    price = number(value)
    return Reading(mills_of(price, 1 if abs(price) >= _THOUSANDTHS_FROM else 1000))


_SHORTAGE = Reading(None)
_SOURCE = Source("france", "EUR", "prix-carburants.gouv.fr", _read)


def _points_of_sale(path: Path) -> Iterator[tuple[int, Element]]:
    """Each `pdv` with its place in the list; what was read before is let go. Raises FeedError."""
    line = depth = 0
    root: Element | None = None
    with content(path) as file:
        try:
            for event, element in iterparse(file, ("start", "end")):
                root = root if root is not None else _root(path, element)
                depth += 1 if event == "start" else -1
                if event == "end" and depth == 1:
                    if element.tag == "pdv":
                        line += 1
                        yield line, element
                    root.clear()
        except (ParseError, DefusedXmlException, LookupError) as error:  # LookupError: an encoding that nobody knows
            raise FeedError(f"{path}: not XML that can be read, or broken off ({error}); fetch it again") from error


def _root(path: Path, element: Element) -> Element:
    if element.tag != "pdv_liste":
        raise FeedError(f"{path}: another file than expected: it begins with <{element.tag}>, not with <pdv_liste>")
    return element


def _beginning(element: Element) -> str:
    attributes = "".join(f' {name}="{value}"' for name, value in element.items())
    return f"<{element.tag}{attributes}>"[:MAX_PROBLEM_CHARACTERS]
