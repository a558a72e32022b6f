"""Tankerkönig's list of stations, row by row."""

import json

import pytest

from feeds.base import RowProblem, StationRecord
from feeds.tankerkoenig import STATION_COLUMNS


@pytest.fixture
def read(feed, write):
    return lambda *lines: list(feed.stations(write(STATION_COLUMNS, *lines)))


def test_a_row_becomes_an_import_item_with_trimmed_texts(read):
    line = (
        'ad812258,OIL! Tankstelle München ,"",Godesberger Allee ,  ,53175,Bonn,50.6951,7.14276,1970-01-01 01:00:00+01,'
        '"{""openingTimes"":[{""applicable_days"":31,""periods"":[{""startp"":""06:00"",""endp"":""22:00""}]}]}"'
    )
    weekly = [{"days": ["mon", "tue", "wed", "thu", "fri"], "opens": "06:00", "closes": "22:00"}]
    payload = {
        "external_id": "ad812258",
        "name": "OIL! Tankstelle München",
        "brand": None,
        "address": {"street": "Godesberger Allee", "house_number": None, "post_code": "53175", "city": "Bonn"},
        "country": "DE",
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "lat": 50.6951,
        "lon": 7.14276,
        "fuels": None,
        "opening_hours": {"weekly": weekly},
        "holiday_region": None,
    }
    assert read(line) == [StationRecord(2, "ad812258", payload)]


def test_odd_values_are_passed_on_for_the_stations_service_to_judge(read):
    nowhere, far, again = read("a,,,,,,,0,0,x,{}", "b,Nord,,,,nicht,,49.54177,997.3636,x,{}", "a,Süd,,,,,,50,7,x,{}")
    assert (nowhere.payload["name"], nowhere.payload["lat"], nowhere.payload["lon"]) == (None, 0, 0)
    assert (far.payload["address"]["post_code"], far.payload["lon"]) == ("nicht", 997.3636)
    assert again.external_id == nowhere.external_id


def test_every_payload_is_plain_json(read):
    (record,) = read("a,Süd,,,,,,50.5,-7,x,{}")
    assert json.loads(json.dumps(record.payload, allow_nan=False)) == record.payload


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (" ,Nord,,,,,,50,7,x,{}", "uuid is missing"),
        ("a,Nord,,,,,,,7,x,{}", "latitude '' is not a number"),
        ("a,Nord,,,,,,50,7°,x,{}", "longitude '7°' is not a number"),
        ("a,Nord,,,,,,nan,7,x,{}", "latitude 'nan' is not a number"),
        ("a,Nord,,,,,,50,7,x", "10 columns instead of 11"),
        ("a,Nord, GmbH,,,,,,50,7,x,{}", "12 columns instead of 11"),
        ("a,Nord,,,,,,50,7,x,", "openingtimes_json"),
        ("a,Nord,,,,,,50,7,x,[]", "openingtimes_json"),
        ('a,"Nord,,,,,,50,7,x,{}', "not a CSV row"),
    ],
)
def test_an_unreadable_row_is_told_and_the_next_is_read(read, line, reason):
    problem, record = read(line, "b,Süd,,,,,,50,7,x,{}")
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.text) == (2, line)
    assert reason in problem.reason
    assert (record.line, record.external_id) == (3, "b")


def test_the_text_of_a_problem_is_bounded(read):
    (problem,) = read("a," * 10_000)
    assert problem.text == "a," * 100
