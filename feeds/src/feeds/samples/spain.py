"""A sample of Spain's feed, with its traps: decimal commas, empty grades, accents, and islands in another zone."""

import json
from pathlib import Path
from typing import Any

from feeds.samples.world import Hand, MadeUp, Sample, Town, decimals, joined, write

TOWNS = (
    Town("Madrid", 40.4168, -3.7038, "28001", "28"), Town("A Coruña", 43.3623, -8.4115, "15001", "15"),
    Town("Las Palmas", 28.1235, -15.4363, "35001", "35"), Town("Ceuta", 35.8894, -5.3213, "51001", "51"),
    Town("Castellón de la Plana", 39.9864, -0.0513, "12001", "12"), Town("Vitoria", 42.8467, -2.6716, "01001", "01"),
)  # fmt: skip
STREETS = ("CALLE ALCALÁ", "AVENIDA DE ESPAÑA", "CARRETERA N-340 KM.", "RÚA NOVA")
MADE = "30/04/2026 9:15:00"
HOURS = (
    "L-D: 24H",
    "L-V: 06:00-14:00 y 16:00-22:00; S: 08:00-14:00",
    "L-S: 05:00-01:00; D: 07:00-23:00",
    "",
    "VARIABLE",
)
EMPTY = (
    "Adblue", "Amoniaco", "Biodiesel", "Bioetanol", "Gas Natural Comprimido", "Gas Natural Licuado",
    "Gases licuados del petróleo", "Gasoleo B", "Gasolina 95 E10", "Gasolina 95 E5 Premium", "Gasolina 98 E10",
    "Hidrogeno", "Metanol",
)  # fmt: skip
"""Grades that most stations of the file do not sell; it lists them all the same."""

EMPTY_AND_MAPPED = 6
"""Of these, the ones of a grade that no other price is of: 98 E10 is petrol 98, and that has one."""


def write_sample(out: Path, stations: int, seed: int) -> list[Sample]:
    """One JSON file with a byte order mark, as some who pass it on leave one."""
    hand = Hand("spain", seed)
    made_up = hand.stations(TOWNS, ("REPSOL", "CEPSA", "BALLENOIL"), STREETS, stations)
    items = (json.dumps(_station(hand, station), ensure_ascii=False) for station in made_up)
    first, last = f'{{"Fecha": "{MADE}", "ListaEESSPrecio": [', '],\n"Nota": "", "ResultadoConsulta": "OK"}\n'
    path = write(out / "estaciones.json", joined(first, items, last), "utf-8-sig")
    return [Sample(path, path, hand.holds)]


def _station(hand: Hand, station: MadeUp) -> dict[str, Any]:
    changed, counts = TRAPS.get(station.index, ({}, {}))
    usual = {"stations": 1, "changes": 3, "not_sold": EMPTY_AND_MAPPED}
    hand.count(**{name: usual.get(name, 0) + counts.get(name, 0) for name in usual.keys() | counts.keys()})
    prices = dict.fromkeys(EMPTY, "") | {
        "Gasoleo A": _euros(station.mills), "Gasolina 95 E5": _euros(station.mills + 60),
        "Gasolina 98 E5": _euros(station.mills + 200),
    }  # fmt: skip
    item = {
        "C.P.": station.town.post_code, "Dirección": station.street, "Horario": HOURS[station.index % len(HOURS)],
        "Latitud": f"{station.lat:.6f}".replace(".", ","), "Localidad": station.town.name.upper(), "Margen": "D",
        "Longitud (WGS84)": f"{station.lon:.6f}".replace(".", ","), "Municipio": station.town.name,
        **{f"Precio {grade}": price for grade, price in prices.items()},
        "Provincia": station.town.name.upper(), "Rótulo": station.brand, "Tipo Venta": "P",
        "% BioEtanol": "0,0", "IDEESS": str(4000 + station.index), "IDProvincia": station.town.province,
    }  # fmt: skip
    return item | changed


def _euros(mills: int) -> str:
    return decimals(mills, point=",")


TRAPS: dict[int, tuple[dict[str, Any], dict[str, int]]] = {
    3: ({"IDEESS": ""}, {"stations": -1, "bad_stations": 1, "changes": -3, "not_sold": -6, "unreadable": 1}),
    4: ({"Latitud": ""}, {"stations": -1, "bad_stations": 1}),
    5: ({"Rótulo": ""}, {}),
    6: ({"Precio Gasoleo B": "1,109"}, {"unmapped": 1}),
    7: ({"Precio Gasolina 97 E5": "1,799", "Precio Gasolina 96": ""}, {"unmapped": 1}),
    8: ({"Precio Gasolina 98 E10": "1,699"}, {"second_price": 1}),
    9: ({"Precio Gasoleo A": "0,001", "Precio Gasolina 95 E5": "99,999"}, {"absurd": 2}),
    10: ({"Precio Gasoleo A": "1,4a9"}, {"changes": -1, "unreadable": 1}),
    11: ({"Precio Gasoleo A": 1.459, "IDEESS": 4011}, {}),
    12: ({"Precio Gasoleo A": ""}, {"changes": -1, "not_sold": 1}),
    13: ({"Precio Hidrogeno": "12,500", "Precio Adblue": "0,899"}, {"changes": 2, "not_sold": -2}),
    14: ({"Precio Gasoleo A": None, "IDProvincia": None}, {"changes": -1, "not_sold": 1}),
    15: ({"Precio Gasoleo A": "1,4599"}, {"changes": -1, "unreadable": 1}),
}
"""By station: what is otherwise in its item, and what a reader then makes more or less of."""
