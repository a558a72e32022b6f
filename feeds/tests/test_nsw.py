"""New South Wales' feed: cents, one file or two, three zones."""

import json

import pytest

from feeds import FEEDS
from feeds.base import FeedError, PriceRecord, RowProblem, StationRecord, Why
from schemas.vocabulary import Fuel

NSW = FEEDS["nsw"]
STATION = {
    "brandid": "1", "stationid": "1-12", "brand": "Caltex", "code": "12", "name": "Caltex Sydney",
    "address": "1 Pacific Highway, NORTH SYDNEY NSW 2060", "location": {"latitude": -33.84, "longitude": 151.21},
}  # fmt: skip
PRICE = {"stationcode": "12", "fueltype": "U91", "price": 189.9, "lastupdated": "30/04/2026 10:15:00"}


@pytest.fixture
def write(tmp_path):
    def write_document(document):
        path = tmp_path / "nsw.json"
        path.write_text(json.dumps(document))
        return path

    return write_document


@pytest.fixture
def price(write):
    return lambda **changed: list(NSW.prices(write({"prices": [PRICE | changed]})))


@pytest.fixture
def station(write):
    return lambda **changed: list(NSW.stations(write({"stations": [STATION | changed]})))[0]  # noqa: RUF015


def test_a_station_is_known_by_its_code(station):
    assert station().payload == {
        "external_id": "12", "name": "Caltex Sydney", "brand": "Caltex",
        "address": {"street": "1 Pacific Highway", "city": "NORTH SYDNEY", "post_code": "2060"},
        "country": "AU", "region": "AU-NSW", "time_zone": "Australia/Sydney", "currency": "AUD",
        "lat": -33.84, "lon": 151.21,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [(-31.95, 141.45, "Australia/Broken_Hill"), (-31.55, 159.08, "Australia/Lord_Howe"),
     (-42.88, 147.33, "Australia/Hobart"), (-28.17, 153.54, "Australia/Sydney")],
)  # fmt: skip
def test_zones(station, lat, lon, zone):
    assert station(location={"latitude": str(lat), "longitude": lon}).payload["time_zone"] == zone


@pytest.mark.parametrize(
    ("changed", "region"),
    [({}, "AU-NSW"), ({"address": "2 London Circuit, CANBERRA ACT 2601"}, "AU-ACT"), ({"state": "TAS"}, "AU-TAS"),
     ({"address": "somewhere"}, "AU-NSW"), ({"state": "ZZ"}, "AU-NSW")],
)  # fmt: skip
def test_states(station, changed, region):
    assert station(**changed).payload["region"] == region


def test_an_address_that_does_not_end_as_usual_stays_whole(station):
    assert station(address="Corner of here and there").payload["address"] == {"street": "Corner of here and there"}
    assert station(address=None).payload["address"] == {"street": None}


@pytest.mark.parametrize(
    "shape",
    [
        lambda stations: {"stations": stations, "prices": [PRICE]}, lambda stations: stations,
        lambda stations: {"brands": {"items": []}, "stations": {"items": stations}},
    ],
)  # fmt: skip
def test_every_shape_of_the_station_list(write, shape):
    [record] = NSW.stations(write(shape([STATION])))
    assert isinstance(record, StationRecord)
    assert record.external_id == "12"


@pytest.mark.parametrize("shape", [lambda prices: {"stations": [STATION], "prices": prices}, lambda prices: prices])
def test_every_shape_of_the_prices(write, shape):
    [record] = NSW.prices(write(shape([PRICE])))
    assert isinstance(record, PriceRecord)
    assert record.external_id == "12"


def test_a_file_without_the_list_is_refused_and_an_empty_list_is_not(write):
    with pytest.raises(FeedError, match="no list at 'prices' or the file itself"):
        list(NSW.prices(write({"errorDetails": []})))
    assert list(NSW.prices(write({"prices": []}))) == []
    assert list(NSW.prices(write([]))) == []


@pytest.mark.parametrize(("cents", "mills"), [(189.9, 1899), ("189.9", 1899), (190, 1900), (0, 0), (1899.0, 18_990)])
def test_cents(price, cents, mills):
    [record] = price(price=cents)
    assert record.report["price_mills"] == mills


@pytest.mark.parametrize(
    ("grade", "fuel"),
    [("U91", Fuel.PETROL_92), ("P95", Fuel.PETROL_95), ("P98", Fuel.PETROL_98), ("E10", Fuel.E10), ("E85", Fuel.E85),
     ("DL", Fuel.DIESEL_B7), ("PDL", Fuel.PREMIUM_DIESEL), ("LPG", Fuel.LPG)],
)  # fmt: skip
def test_grades(price, grade, fuel):
    [record] = price(fueltype=grade)
    assert record.report["fuel"] == fuel


@pytest.mark.parametrize(("grade", "why"), [("EV", Why.LEFT_OUT), ("B20", Why.LEFT_OUT), ("P102", Why.UNKNOWN_GRADE)])
def test_names_without_a_grade_are_told(price, grade, why):
    [problem] = price(fueltype=grade)
    assert (problem.grade, problem.why) == (grade, why)


def test_times_on_sydney_s_clock(price):
    for text in ("30/04/2026 08:15:00 PM", "30/04/2026 20:15:00", "2026-04-30T20:15:00"):
        [record] = price(lastupdated=text)
        assert record.report["effective_at"] == "2026-04-30T10:15:00.000000Z"


def test_a_null_price_is_an_absence(price):
    [record] = price(price=None)
    assert (record.report["price_mills"], record.absence) == (None, True)


@pytest.mark.parametrize(
    "changed", [{"price": "N/A"}, {"price": 205.95}, {"lastupdated": ""}, {"stationcode": None}, {"fueltype": ""}]
)
def test_what_cannot_be_read_is_told(price, changed):
    [problem] = price(**changed)
    assert isinstance(problem, RowProblem)
    assert problem.why is Why.UNREADABLE


def test_a_station_without_a_place_is_told(station):
    for location in (None, "here", {"latitude": None}):
        assert isinstance(station(location=location), RowProblem)
