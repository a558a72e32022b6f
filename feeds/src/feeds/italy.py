"""The feed of Italy's ministry: two tables, the active stations and the prices at eight in the morning."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from feeds.base import PriceRecord, RowProblem, StationRecord
from feeds.files import read_lines, utf8_or_latin_1
from feeds.offers import Offer, Reading, Source, snapshot
from feeds.places import place
from feeds.table import MAX_PROBLEM_CHARACTERS, another_table
from feeds.values import mills_of, number, required, text_or_none, wall_time

ZONE = "Europe/Rome"
STATION_COLUMNS = (
    "idImpianto", "Gestore", "Bandiera", "Tipo Impianto", "Nome Impianto", "Indirizzo", "Comune", "Provincia",
    "Latitudine", "Longitudine",
)  # fmt: skip
PRICE_COLUMNS = ("idImpianto", "descCarburante", "prezzo", "isSelf", "dtComu")
SEPARATORS = ";|"

_MAX_STATION_ROWS = 500
"""So many prices of one station are looked at together; none has more than a few dozen."""


class Row(NamedTuple):
    """A row's cells in the order of the columns asked for."""

    line: int
    cells: list[str]
    text: str


class Italy:
    """The list of stations and the prices they have told the ministry; a price holds from its `dtComu`, Rome's clock.

    A station's prices stand together in the file. Where it sells a grade both by self-service and served, the price of
    self-service counts.
    """

    name = "italy"
    country = "IT"
    shape = "CSV with ; or |, a station list and a price list, Latin-1 or UTF-8"
    one_file = False
    has_pace = False
    description = "Italy: prices at eight in the morning of about 22,000 stations (MIMIT)"
    licence = "IODL 2.0, Ministero delle Imprese e del Made in Italy"

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read the active stations. Raises FeedError."""
        for row in _rows(path, STATION_COLUMNS):
            if isinstance(row, RowProblem):
                yield row
                continue
            try:
                yield _station(row)
            except ValueError as error:
                yield RowProblem(row.line, str(error), row.text)

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read the prices, station by station. Raises FeedError."""
        offers: list[Offer] = []
        for row in _rows(path, PRICE_COLUMNS):
            offer = row if isinstance(row, RowProblem) else _offer(row)
            if isinstance(offer, RowProblem):
                yield offer
                continue
            if offers and (offer.external_id != offers[0].external_id or len(offers) == _MAX_STATION_ROWS):
                yield from snapshot(_SOURCE, offers)
                offers = []
            offers.append(offer)
        yield from snapshot(_SOURCE, offers)


def _station(row: Row) -> StationRecord:
    external_id = required(row.cells[0], "idImpianto")
    _, _, brand, _, name, street, city, province, latitude, longitude = map(text_or_none, row.cells)
    at = place(latitude, longitude)
    payload = {
        "external_id": external_id,
        "name": name or " ".join(filter(None, (brand, city))) or None,
        "brand": brand,
        "address": {"street": street, "city": city},
        "country": "IT", "region": _region(province), "time_zone": ZONE, "currency": "EUR",
        "lat": at.lat, "lon": at.lon,
    }  # fmt: skip
    return StationRecord(row.line, external_id, payload)


def _region(province: str | None) -> str | None:
    """The province by its two letters (NA is Naples); None where they are no letters."""
    return f"IT-{province}" if province and len(province) == 2 and province.isascii() and province.isupper() else None


def _offer(row: Row) -> Offer | RowProblem:
    external_id, grade, price, is_self, told_at = map(str.strip, row.cells)
    try:
        if is_self not in {"0", "1"}:
            raise ValueError(f"isSelf {is_self!r} is neither 0 nor 1")
        served = int(is_self == "0")
        return Offer(
            row.line, required(external_id, "idImpianto"), required(grade, "descCarburante"), price,
            wall_time(told_at, ZONE), row.text, served,
        )  # fmt: skip
    except ValueError as error:
        return RowProblem(row.line, str(error), row.text)


def _read(price: object) -> Reading:
    return Reading(mills_of(number(price), 1000))


_SOURCE = Source("italy", "EUR", "mimit.gov.it", _read)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[Row | RowProblem]:
    """The rows below the header, which stands first or below "Estrazione del ..."; other columns may stand between."""
    lines = read_lines(path, utf8_or_latin_1)
    header, separator = _header(path, lines, columns)
    wanted = [header.index(column.casefold()) for column in columns]
    for line, text in lines:
        if not text.strip():
            continue
        begins = text.rstrip("\r\n")[:MAX_PROBLEM_CHARACTERS]
        cells = _cells(text.rstrip("\r\n"), separator, len(header))
        if cells is None:
            yield RowProblem(line, f"not {len(header)} columns parted by {separator}", begins)
        else:
            yield Row(line, [cells[place] for place in wanted], begins)


def _header(path: Path, lines: Iterable[tuple[int, str]], columns: Sequence[str]) -> tuple[list[str], str]:
    """The header's names without case, and what parts them."""
    found: list[str] = []
    for line, text in lines:
        separator = max(SEPARATORS, key=text.count)
        found = [name.strip().strip('"') for name in text.split(separator)]
        names = [name.casefold() for name in found]
        if all(column.casefold() in names for column in columns):
            return names, separator
        if line == 2:
            break
    raise another_table(path, found, columns)


def _cells(text: str, separator: str, count: int) -> list[str] | None:
    """A row's cells; quotes are part of names here, unless the row only fits when they are taken for quotes."""
    cells = text.split(separator)
    if len(cells) == count:
        return [cell.strip().strip('"') for cell in cells]
    try:
        cells = next(csv.reader((text,), delimiter=separator, strict=True))
    except csv.Error:
        return None
    return cells if len(cells) == count else None
