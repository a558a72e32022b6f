"""The files of British retailers: pence and pounds, missing grades, missing times."""

import json
import os
from datetime import UTC, datetime

import pytest

from feeds import FEEDS
from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord, Why
from feeds.uk import IN_POUNDS, NO_TIME
from schemas.vocabulary import Fuel

UK = FEEDS["uk"]
STATION = {
    "site_id": "gcqd4zh2ffzp", "brand": "ESSO", "address": "1 HIGH ST", "postcode": "AB10 1AB",
    "location": {"latitude": 57.1497, "longitude": -2.0943}, "prices": {"E10": 145.9},
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write_file(*stations, last_updated="30/04/2026 09:15:00", **more):
        path = tmp_path / "retailer.json"
        path.write_text(json.dumps({"last_updated": last_updated, "stations": stations} | more))
        return path

    return write_file


def prices(path) -> dict[str, int]:
    """Thousandths by grade, of what is sold."""
    records = [one for one in UK.prices(path) if isinstance(one, PriceRecord) and not one.absence]
    return {one.report["fuel"]: one.report["price_mills"] for one in records}


def test_a_station(write):
    [record] = UK.stations(write(STATION))
    assert isinstance(record, StationRecord)
    assert record.payload == {
        "external_id": "gcqd4zh2ffzp", "name": "ESSO 1 HIGH ST", "brand": "ESSO",
        "address": {"street": "1 HIGH ST", "post_code": "AB10 1AB"}, "country": "GB", "time_zone": "Europe/London",
        "currency": "GBP", "lat": 57.1497, "lon": -2.0943,
    }  # fmt: skip


def test_coordinates_as_text_are_the_same(write):
    texts = {"location": {"latitude": "57.1497", "longitude": "-2.0943"}}
    assert list(UK.stations(write(STATION))) == list(UK.stations(write(STATION | texts)))


def test_pence_by_grade(write):
    path = write(STATION | {"prices": {"E10": 145.9, "E5": "155.9", "B7": 150, "SDV": 165.0}})
    assert prices(path) == {Fuel.E10: 1459, Fuel.E5: 1559, Fuel.DIESEL_B7: 1500, Fuel.PREMIUM_DIESEL: 1650}


def test_a_grade_that_is_absent_null_or_empty_is_not_sold(write):
    path = write(STATION | {"prices": {"E10": 145.9, "E5": None, "B7": ""}})
    absent = {one.report["fuel"] for one in UK.prices(path) if isinstance(one, PriceRecord) and one.absence}
    assert absent == {Fuel.E5, Fuel.DIESEL_B7, Fuel.PREMIUM_DIESEL}
    assert prices(path) == {Fuel.E10: 1459}


def test_a_price_in_pounds_is_taken_and_told_of(write):
    read = list(UK.prices(write(STATION | {"prices": {"E10": 1.459, "B7": 9.999, "E5": 10.0, "SDV": 0}})))
    told = {
        one.report["fuel"]: (one.report["price_mills"], one.assumed) for one in read if isinstance(one, PriceRecord)
    }
    assert told == {
        Fuel.E10: (1459, (IN_POUNDS,)), Fuel.DIESEL_B7: (9999, (IN_POUNDS,)), Fuel.E5: (100, ()),
        Fuel.PREMIUM_DIESEL: (0, ()),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"prices": {"E10": "n/a"}}, "E10: 'n/a' is not a number"),
        ({"prices": {"E10": 145.95}}, "E10: price 145.95 has more decimals"),
        ({"prices": {"E10": True}}, "E10: 'True' is neither a text nor a number"),
        ({"prices": [145.9]}, "prices is not an object"),
        ({"site_id": None}, "site_id is missing"),
    ],
)
def test_what_cannot_be_read_is_told(write, changed, reason):
    [problem] = [one for one in UK.prices(write(STATION | changed)) if isinstance(one, RowProblem)]
    assert problem.line == 1
    assert reason in problem.reason


def test_grades_outside_the_scheme_are_told_by_name(write):
    read = UK.prices(write(STATION | {"prices": {"E10": 145.9, "XTL": 170.9, "B10": 150.9, "XXL": None}}))
    assert [(one.grade, one.why) for one in read if isinstance(one, RowProblem)] == [
        ("XTL", Why.UNKNOWN_GRADE), ("B10", Why.LEFT_OUT)
    ]  # fmt: skip


@pytest.mark.parametrize("location", [None, [], {}, {"latitude": "", "longitude": 1}])
def test_a_station_without_a_place_is_told(write, location):
    [problem] = UK.stations(write(STATION | {"location": location}))
    assert isinstance(problem, RowProblem)
    assert "is missing" in problem.reason


def test_all_hold_from_the_file_s_time_on_london_s_clock(write):
    assert effective_times(write(STATION, last_updated="30/04/2026 09:15:00")) == {"2026-04-30T08:15:00.000000Z"}
    assert effective_times(write(STATION, last_updated="2026-01-30T09:15:00Z")) == {"2026-01-30T09:15:00.000000Z"}


def effective_times(path):
    return {one.report["effective_at"] for one in UK.prices(path) if isinstance(one, PriceRecord)}


def test_the_time_may_stand_behind_the_stations(tmp_path):
    path = tmp_path / "late.json"
    path.write_text(json.dumps({"stations": [STATION], "last_updated": "30/04/2026 09:15:00"}))
    assert effective_times(path) == {"2026-04-30T08:15:00.000000Z"}


@pytest.mark.parametrize("last_updated", [None, "", "recently", {}])
def test_without_a_time_the_file_s_own_stands_for_it_and_is_told_of(write, last_updated):
    path = write(STATION, last_updated=last_updated)
    written = datetime(2026, 4, 30, 8, 20, tzinfo=UTC).timestamp()
    os.utime(path, (written, written))
    assert effective_times(path) == {"2026-04-30T08:20:00.000000Z"}
    assert {one.assumed for one in UK.prices(path) if isinstance(one, PriceRecord)} == {(NO_TIME,)}


def test_an_empty_list_and_other_fields_are_fine(write):
    assert list(UK.prices(write(licence="x", count=0))) == []
    assert prices(write(STATION | {"amenities": [{"x": 1}]})) == {Fuel.E10: 1459}


def test_an_item_that_is_no_station_costs_no_other(write):
    read = list(UK.stations(write(17, None, STATION)))
    assert [type(one) for one in read] == [RowProblem, RowProblem, StationRecord]
    assert [one.line for one in read] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"), ("{}", "no list at 'stations'"), ('{"stations": {}}', "no list at 'stations'"),
        ("[]", "no list at 'stations'"), ("<html>", "not JSON, or broken off"), ('{"stations": [', "broken off"),
    ],
)  # fmt: skip
def test_another_file_is_refused(tmp_path, content, says):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(FeedError, match=says):
        list(UK.prices(path))


def test_brackets_without_end_are_no_trouble(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text('{"stations": [' + "[" * 50_000 + "]" * 50_000 + "]}")
    [problem] = UK.stations(path)
    assert isinstance(problem, RowProblem)
    assert problem.reason == "not an object"


def test_a_cut_file_gives_what_came_before(write):
    path = write(*[STATION] * 50)
    path.write_bytes(path.read_bytes()[:-100])
    seen = []
    with pytest.raises(FeedError, match="broken off"):
        seen.extend(UK.stations(path))
    assert len(seen) == 49


def test_a_missing_file(tmp_path):
    with pytest.raises(FeedError, match="cannot be opened"):
        list(UK.prices(tmp_path / "absent.json"))
