"""The feed of Spain's ministry: one JSON file with every station and its prices, numbers written with commas."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord
from feeds.hours import or_unknown, spanish_hours
from feeds.json_list import beginning, first_value, read_list
from feeds.offers import Offer, Reading, Source, snapshot
from feeds.places import place, time_zone
from feeds.values import mills_of, number, plain, required, wall_time

ZONE = "Europe/Madrid"
ZONES = (ZONE, "Atlantic/Canary", "Africa/Ceuta")
LIST = "ListaEESSPrecio"
PRICE = "Precio "

_PROVINCES = (
    "VI", "AB", "A", "AL", "AV", "BA", "PM", "B", "BU", "CC", "CA", "CS", "CR", "CO", "C", "CU", "GI", "GR", "GU", "SS",
    "H", "HU", "J", "LE", "L", "LO", "LU", "M", "MA", "MU", "NA", "OR", "O", "P", "GC", "PO", "SA", "TF", "S", "SG",
    "SE", "SO", "T", "TE", "TO", "V", "VA", "BI", "ZA", "Z", "CE", "ML",
)  # fmt: skip
"""ISO 3166's letters of the provinces in the order of their numbers, from 01 Álava to 52 Melilla."""


class Spain:
    """Every station of Spain; all prices hold from the file's `Fecha`, on Madrid's clock."""

    name = "spain"
    country = "ES"
    shape = "JSON, one file with stations and prices, decimal commas"
    one_file = True
    has_pace = False
    description = "Spain: current prices of about 12,000 stations (Geoportal Gasolineras)"
    licence = "free reuse, naming the source: Ministerio para la Transición Ecológica (Geoportal Gasolineras)"

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read the stations. Raises FeedError."""
        return read_list(path, [LIST], _station)

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read every grade of every station. Raises FeedError, also where the file does not say when it was made."""
        try:
            effective_at = wall_time(plain(first_value(path, "Fecha")), ZONE)
        except ValueError as error:
            raise FeedError(f"{path}: Fecha, when its prices hold, is missing: {error}; fetch it again") from error
        return read_list(path, [LIST], lambda line, item: list(_prices(line, item, effective_at)))


def _station(line: int, item: dict[str, Any]) -> list[StationRecord]:
    external_id = required(plain(item.get("IDEESS")), "IDEESS")
    at = place(item.get("Latitud"), item.get("Longitud (WGS84)"))
    brand, street, post_code = plain(item.get("Rótulo")), plain(item.get("Dirección")), plain(item.get("C.P."))
    hours, assumed = or_unknown(lambda: spanish_hours(plain(item.get("Horario"))))
    payload = {
        "external_id": external_id,
        "name": brand or street or None,
        "brand": brand or None,
        "address": {
            "street": street or None,
            "post_code": post_code or None,
            "city": plain(item.get("Localidad")) or plain(item.get("Municipio")) or None,
        },
        "country": "ES", "region": _region(plain(item.get("IDProvincia")) or post_code[:2]),
        "time_zone": time_zone(at, ZONES, ZONE), "currency": "EUR", "lat": at.lat, "lon": at.lon,
        "opening_hours": hours,
    }  # fmt: skip
    return [StationRecord(line, external_id, payload, assumed)]


def _region(number_of_province: str) -> str | None:
    """The province by its number; None where it is not one."""
    if number_of_province.isdecimal() and 1 <= int(number_of_province) <= len(_PROVINCES):
        return f"ES-{_PROVINCES[int(number_of_province) - 1]}"
    return None


def _prices(line: int, item: dict[str, Any], effective_at: str) -> Iterator[PriceRecord | RowProblem]:
    external_id, text = required(plain(item.get("IDEESS")), "IDEESS"), beginning(item)
    prices = {name.removeprefix(PRICE): price for name, price in item.items() if name.startswith(PRICE)}
    return snapshot(_SOURCE, [Offer(line, external_id, grade, prices[grade], effective_at, text) for grade in prices])


def _read(price: object) -> Reading:
    """Euros; an empty text means that the grade is not sold."""
    return Reading(mills_of(number(price), 1000) if plain(price) else None)


_SOURCE = Source("spain", "EUR", "geoportalgasolineras.es", _read)
