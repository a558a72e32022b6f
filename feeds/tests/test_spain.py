"""Spain's feed: decimal commas, empty grades, many names, islands."""

import json

import pytest

from feeds import FEEDS
from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord, Why
from feeds.hours import DAYS, UNREADABLE
from schemas.vocabulary import Fuel

SPAIN = FEEDS["spain"]
STATION = {
    "C.P.": "15001", "Dirección": "RÚA NOVA 1", "Horario": "L-D: 24H", "Latitud": "43,362300",
    "Localidad": "CORUÑA (A)", "Longitud (WGS84)": "-8,411500", "Municipio": "Coruña (A)",
    "Rótulo": "REPSOL", "IDEESS": "4375", "IDProvincia": "15", "Precio Gasoleo A": "1,459",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write_file(*changes, encoding="utf-8", fecha="30/04/2026 9:15:00"):
        path = tmp_path / "es.json"
        document = {"Fecha": fecha, "ListaEESSPrecio": [STATION | changed for changed in changes], "Nota": ""}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding=encoding)
        return path

    return write_file


def prices(path) -> dict[str, int | None]:
    """Thousandths by grade."""
    return {one.report["fuel"]: one.report["price_mills"] for one in SPAIN.prices(path) if isinstance(one, PriceRecord)}


def test_a_station_with_accents_and_commas(write):
    [record] = SPAIN.stations(write({}))
    assert isinstance(record, StationRecord)
    assert record.payload == {
        "external_id": "4375", "name": "REPSOL", "brand": "REPSOL",
        "address": {"street": "RÚA NOVA 1", "post_code": "15001", "city": "CORUÑA (A)"},
        "country": "ES", "region": "ES-C", "time_zone": "Europe/Madrid", "currency": "EUR",
        "lat": 43.3623, "lon": -8.4115,
        "opening_hours": {"weekly": [{"days": list(DAYS), "opens": "00:00", "closes": "24:00"}]},
    }  # fmt: skip


def test_hours_that_cannot_be_read_cost_no_station(write):
    [record] = SPAIN.stations(write({"Horario": "VARIABLE"}))
    assert isinstance(record, StationRecord)
    assert (record.payload["opening_hours"], record.assumed) == (None, (UNREADABLE,))


def test_a_byte_order_mark_is_no_trouble(write):
    assert list(SPAIN.stations(write({}, encoding="utf-8-sig"))) == list(SPAIN.stations(write({})))


def test_latin_1_is_not_json(write):
    with pytest.raises(FeedError, match="UTF8"):
        list(SPAIN.stations(write({}, encoding="latin-1")))


@pytest.mark.parametrize(
    ("province", "post_code", "region"),
    [("28", "", "ES-M"), ("01", "", "ES-VI"), ("52", "", "ES-ML"), ("", "38001", "ES-TF"), ("37", "", "ES-SA"),
     ("39", "", "ES-S"), ("00", "", None), ("53", "", None), ("", "", None)],
)  # fmt: skip
def test_the_province(write, province, post_code, region):
    [record] = SPAIN.stations(write({"IDProvincia": province, "C.P.": post_code}))
    assert isinstance(record, StationRecord)
    assert record.payload["region"] == region


def test_the_canary_islands_have_their_own_clock_and_the_file_has_madrid_s(write):
    path = write({"Latitud": "28,123500", "Longitud (WGS84)": "-15,436300"})
    [station], [price] = SPAIN.stations(path), SPAIN.prices(path)
    assert isinstance(station, StationRecord)
    assert isinstance(price, PriceRecord)
    assert station.payload["time_zone"] == "Atlantic/Canary"
    assert price.report["effective_at"] == "2026-04-30T07:15:00.000000Z"


def test_every_mapped_grade(write):
    names = {
        "Gasolina 95 E5": Fuel.E5, "Gasolina 95 E10": Fuel.E10, "Gasolina 95 E5 Premium": Fuel.PREMIUM_PETROL,
        "Gasolina 98 E5": Fuel.PETROL_98, "Gasolina 95 E85": Fuel.E85, "Gasoleo A": Fuel.DIESEL_B7,
        "Gasoleo Premium": Fuel.PREMIUM_DIESEL, "Gases licuados del petróleo": Fuel.LPG, "Adblue": Fuel.ADBLUE,
        "Gas Natural Comprimido": Fuel.CNG, "Hidrogeno": Fuel.HYDROGEN,
    }  # fmt: skip
    asked = {f"Precio {name}": f"1,{number:03}" for number, name in enumerate(names, start=400)}
    assert prices(write(asked)) == {fuel: number for number, fuel in enumerate(names.values(), start=400 + 1000)}


def test_an_empty_text_means_not_sold_and_is_an_absence(write):
    read = list(SPAIN.prices(write({"Precio Gasoleo A": "", "Precio Adblue": None, "Precio Gasoleo B": ""})))
    assert [(one.report["fuel"], one.absence) for one in read if isinstance(one, PriceRecord)] == [
        (Fuel.DIESEL_B7, True), (Fuel.ADBLUE, True)
    ]  # fmt: skip
    assert len(read) == 2


def test_of_two_names_of_one_grade_the_first_counts_and_the_other_is_told(write):
    path = write({"Precio Gasolina 98 E10": "1,699", "Precio Gasolina 98 E5": "1,759"})
    assert prices(path)[Fuel.PETROL_98] == 1759
    [problem] = [one for one in SPAIN.prices(path) if isinstance(one, RowProblem)]
    assert (problem.why, problem.reason) == (
        Why.SECOND_PRICE, "a second price of petrol_98: Gasolina 98 E5 for 1,759 counts"
    )  # fmt: skip


def test_the_other_name_counts_where_the_first_has_no_price(write):
    path = write({"Precio Gasolina 98 E10": "1,699", "Precio Gasolina 98 E5": ""})
    assert prices(path)[Fuel.PETROL_98] == 1699
    assert not [one for one in SPAIN.prices(path) if isinstance(one, RowProblem)]


def test_heating_oil_is_left_out_and_new_names_are_unknown(write):
    read = SPAIN.prices(write({"Precio Gasoleo B": "1,109", "Precio Gasolina 97 E5": "1,799"}))
    assert [(one.grade, one.why) for one in read if isinstance(one, RowProblem)] == [
        ("Gasoleo B", Why.LEFT_OUT), ("Gasolina 97 E5", Why.UNKNOWN_GRADE)
    ]  # fmt: skip


def test_absurd_prices_are_left_for_pricing_to_refuse(write):
    assert prices(write({"Precio Gasoleo A": "0,001"}, {"Precio Gasolina 95 E5": "99,999"})) == {
        Fuel.DIESEL_B7: 1459, Fuel.E5: 99_999
    }  # fmt: skip


def test_numbers_instead_of_texts(write):
    assert prices(write({"Precio Gasoleo A": 1.459, "IDEESS": 4375})) == {Fuel.DIESEL_B7: 1459}


@pytest.mark.parametrize("fecha", ["", None, "ayer"])
def test_a_file_that_does_not_say_when_is_refused(write, fecha):
    with pytest.raises(FeedError, match="Fecha, when its prices hold, is missing"):
        list(SPAIN.prices(write({}, fecha=fecha)))
    assert len(list(SPAIN.stations(write({}, fecha=fecha)))) == 1
