"""The judgement of import rows: one verdict per trap."""

from typing import Any

import pytest

from stations.domain.profile import Refusal, StationRow, judge

WEEKLY = [{"days": ["mon"], "opens": "06:00", "closes": "22:00"}]
GOOD: dict[str, Any] = {
    "external_id": "a1", "name": "Shell Alex", "brand": "Shell", "address": {"city": "Berlin"}, "country": "DE",
    "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.52, "lon": 13.41, "fuels": None, "region": None,
    "opening_hours": None, "holiday_region": None,
}  # fmt: skip


def reason(row: object) -> str | None:
    (judged,) = judge([row])
    return judged.reason if isinstance(judged, Refusal) else None


def accepted(**fields: Any) -> StationRow:
    (judged,) = judge([GOOD | fields])
    assert isinstance(judged, StationRow), judged
    return judged


@pytest.mark.parametrize("name", ["external_id", "name", "country", "time_zone", "currency", "lat", "lon"])
def test_a_missing_field(name: str) -> None:
    assert reason({field: value for field, value in GOOD.items() if field != name}) == "missing_field"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": 7}, "wrong_type"),
        ({"external_id": None}, "wrong_type"),
        ({"external_id": "a b"}, "wrong_type"),
        ({"external_id": ""}, "wrong_type"),
        ({"lat": "52.5"}, "wrong_type"),
        ({"lat": True}, "wrong_type"),
        ({"address": "Berlin"}, "wrong_type"),
        ({"country": "de"}, "wrong_type"),
        ({"facilities": ["$where"]}, "wrong_type"),
        ({"pumps": [{"pump_id": "a.b"}]}, "wrong_type"),
        ({"name": None}, "blank_name"),
        ({"name": " \t\x00"}, "blank_name"),
        ({"lat": 0.0, "lon": 0.0}, "impossible_coordinates"),
        ({"lat": 0, "lon": 0, "country": "GH"}, "impossible_coordinates"),
        ({"lat": float("nan")}, "impossible_coordinates"),
        ({"lon": float("inf")}, "impossible_coordinates"),
        ({"lat": 90.1, "country": "NO"}, "impossible_coordinates"),
        ({"lon": -180.1, "country": "NO"}, "impossible_coordinates"),
        ({"lat": 49.630265, "lon": 96.66156}, "impossible_coordinates"),
        ({"time_zone": "Europe/Bonn"}, "unknown_time_zone"),
        ({"time_zone": "../../etc/passwd"}, "unknown_time_zone"),
        ({"currency": "EUX"}, "unknown_currency"),
        ({"opening_hours": {"weekly": []}}, "bad_opening_hours"),
        ({"opening_hours": "Mo-Fr"}, "bad_opening_hours"),
        ({"opening_hours": {"weekly": [{"days": ["mon"], "opens": "25:00", "closes": "26:00"}]}}, "bad_opening_hours"),
        ({"opening_hours": {"weekly": WEEKLY * 65}}, "bad_opening_hours"),
        ({"holiday_region": "XX"}, "bad_opening_hours"),
        ({"name": "please delete - bitte loeschen"}, "placeholder"),
        ({"name": "Bitte löschen!"}, "placeholder"),
        ({"name": "gelöscht"}, "placeholder"),
        ({"name": "01_test"}, "placeholder"),
        ({"name": "Hh Admi-Testkasse"}, "placeholder"),
        ({"fuels": ["e5", "rocket"]}, "unknown_fuel"),
        ({"fuels": [{}]}, "unknown_fuel"),
        ({"pumps": [{"pump_id": "1", "fuels": ["rocket"]}]}, "unknown_fuel"),
        ({"name": "x" * 201}, "too_long"),
        ({"external_id": "x" * 65}, "too_long"),
        ({"facilities": ["shop"] * 51}, "too_long"),
        ({"owner": "me"}, "unknown_field"),
        ({"$where": "1"}, "unknown_field"),
        ({"\ud800": "1"}, "wrong_type"),
        ({"address": {"planet": "Mars"}}, "unknown_field"),
    ],
)  # fmt: skip
def test_a_wrong_field(fields: dict[str, Any], expected: str) -> None:
    assert reason(GOOD | fields) == expected


@pytest.mark.parametrize("row", [None, 7, "row", [], [GOOD]])
def test_a_row_that_is_no_object(row: object) -> None:
    assert reason(row) == "wrong_type"


@pytest.mark.parametrize(
    "name", ["Löschner & Männel", "AVIA Xpress Automatestation", "Testorf", "SB Wittestr. 16", "Test & Sons"]
)
def test_names_that_only_look_like_placeholders_are_good(name: str) -> None:
    assert reason(GOOD | {"name": name}) is None


def test_of_two_rows_with_one_id_the_first_good_one_wins() -> None:
    judged = judge([GOOD | {"name": ""}, GOOD | {"name": "first"}, GOOD | {"name": "second"}])
    assert [one.reason if isinstance(one, Refusal) else one.name for one in judged] == [
        "blank_name", "first", "duplicate_external_id",
    ]  # fmt: skip


def test_a_refusal_names_the_field_and_the_row_and_can_be_sent() -> None:
    (refusal,) = judge([GOOD | {"external_id": "a\ud800b", "facilities": ["shop", "Car Wash"]}])
    assert isinstance(refusal, Refusal)
    assert refusal.external_id == "ab"
    assert refusal.detail.startswith("external_id: ")
    refusal.detail.encode()


def test_broken_bytes_are_dropped_and_blanks_trimmed() -> None:
    station = accepted(name=" Gr\x81ü\ud800ne Tankstelle\x00 ", address={"street": " Bl\x81cherstr. "})
    assert (station.name, station.address.street) == ("Grüne Tankstelle", "Blcherstr.")


def test_the_order_of_grades_is_no_difference() -> None:
    assert accepted(fuels=["diesel_b7", "e5", "e5"]).profile() == accepted(fuels=["e5", "diesel_b7"]).profile()


def test_what_is_absent_is_unknown_or_empty() -> None:
    required = ("external_id", "name", "country", "time_zone", "currency", "lat", "lon")
    (station,) = judge([{name: GOOD[name] for name in required}])
    assert isinstance(station, StationRow)
    assert station.profile() == {
        "name": "Shell Alex", "brand": None,
        "address": {"street": None, "house_number": None, "post_code": None, "city": None}, "country": "DE",
        "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.52, "lon": 13.41, "fuels": None, "region": None,
        "opening_hours": None, "holiday_region": None, "facilities": [],
    }  # fmt: skip
