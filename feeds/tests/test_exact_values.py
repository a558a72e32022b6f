"""Numbers, prices, times and places of feeds that write them in their own ways."""

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.places import place, scaled_place, time_zone
from feeds.values import mills_of, number, plain, wall_time

CENTS, EUROS = 10, 1000


@given(st.integers(-9_999_999, 9_999_999), st.sampled_from([1, CENTS, EUROS]), st.sampled_from(".,"))
def test_a_price_survives_every_way_of_writing_it(mills, mills_per_unit, point):
    text = f"{Decimal(mills) / mills_per_unit:f}".replace(".", point)
    assert mills_of(number(text), mills_per_unit) == mills


@pytest.mark.parametrize(
    ("value", "unit", "mills"),
    [
        ("189.9", CENTS, 1899), (Decimal("145.9"), CENTS, 1459), (146, CENTS, 1460), ("1,459", EUROS, 1459),
        ("1.4590", EUROS, 1459), (".989", EUROS, 989), ("2.", EUROS, 2000), ("0", EUROS, 0), ("-1", EUROS, -1000),
        (" 1,5 ", EUROS, 1500), ("+1.5", EUROS, 1500), ("1689", 1, 1689),
    ],
)  # fmt: skip
def test_prices_are_read_exactly(value, unit, mills):
    assert mills_of(number(value), unit) == mills


@pytest.mark.parametrize(
    "value",
    ["", None, "n/a", "1.4.5", "1,4,5", "1e3", "NaN", "Infinity", "12345678", "१", True, [1], {}, Decimal("1e400")],
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match=r"is not a number|neither a text nor a number"):
        number(value)


def test_more_decimals_than_thousandths_are_refused_and_not_rounded():
    with pytest.raises(ValueError, match="more decimals"):
        mills_of(Decimal("145.95"), CENTS)
    with pytest.raises(ValueError, match="beyond all prices"):
        mills_of(Decimal(9_999_999), EUROS)


def test_json_values_as_text():
    values = [plain(value) for value in (None, " a ", 7, Decimal("1.50"), Decimal("1E+2"))]
    assert values == ["", "a", "7", "1.50", "100"]


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("30/04/2026 10:15:00", "Europe/Madrid", "2026-04-30T08:15:00"),
        ("30/04/2026 9:15", "Europe/London", "2026-04-30T08:15:00"),
        ("30/04/2026 08:15:00 PM", "Australia/Sydney", "2026-04-30T10:15:00"),
        ("30/04/2026 12:15:00 am", "Australia/Sydney", "2026-04-29T14:15:00"),
        ("2026-04-30T10:15:00", "Europe/Paris", "2026-04-30T08:15:00"),
        ("2026-04-30 10:15:00", "Europe/Paris", "2026-04-30T08:15:00"),
        ("2026-04-30T10:15:00+01:00", "Europe/Paris", "2026-04-30T09:15:00"),
        ("2026-01-30T10:15:00Z", "Europe/Paris", "2026-01-30T10:15:00"),
        ("29/03/2026 02:30:00", "Europe/Rome", "2026-03-29T01:30:00"),  # the clock left this hour out
        ("25/10/2026 02:30:00", "Europe/Rome", "2026-10-25T00:30:00"),  # it showed this one twice
        ("04/10/2026 02:30:00", "Australia/Sydney", "2026-10-03T16:30:00"),
    ],
)
def test_times_on_a_zone_s_clock(text, zone, utc):
    assert wall_time(text, zone) == f"{utc}.000000Z"


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "30/04/2026", "31/04/2026 10:00:00", "04/30/2026 10:00:00", "30/04/26 10:00:00",
     "30/04/2026 25:00:00", "30/04/2026 13:00:00 PM x", "30/04/1926 10:00:00", "0001-01-01T00:00:00",
     "01/01/2000 00:30:00", "2099-12-31T23:30:00-02:00", "9999-12-31T23:30:00-02:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is not one such as"):
        wall_time(text, "Europe/Rome")


@given(st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)))
def test_both_ways_of_writing_a_time_agree(moment):
    moment = moment.replace(microsecond=0)
    assert wall_time(f"{moment:%d/%m/%Y %H:%M:%S}", "Europe/Rome") == wall_time(moment.isoformat(), "Europe/Rome")


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("4620114", "519791", (46.20114, 5.19791)), ("4620114.0", "519791.0", (46.20114, 5.19791)),
        ("46.20114", "5.19791", (46.20114, 5.19791)), ("-2088230", "5545040", (-20.8823, 55.4504)),
        ("4932250", "12", (49.3225, 0.00012)), ("49.3225", "12", (49.3225, 12.0)),
    ],
)  # fmt: skip
def test_hundred_thousandths_and_degrees(latitude, longitude, expected):
    assert scaled_place(latitude, longitude) == expected


@given(st.integers(4_000_000, 5_200_000), st.integers(-600_000, 1_000_000))
def test_every_scaled_place_in_france_is_in_france(latitude, longitude):
    at = scaled_place(str(latitude), str(longitude))
    assert (round(at.lat * 100_000), round(at.lon * 100_000)) == (latitude, longitude)


def test_a_missing_coordinate_is_named():
    with pytest.raises(ValueError, match="longitude is missing"):
        place("40,4", "")
    with pytest.raises(ValueError, match="latitude 'north' is not a number"):
        place("north", "1")


@pytest.mark.parametrize(
    ("lat", "lon", "zone"),
    [
        (28.12, -15.43, "Atlantic/Canary"), (40.4, -3.7, "Europe/Madrid"), (35.89, -5.32, "Africa/Ceuta"),
        (43.6, 1.4, "Europe/Madrid"), (0.0, 0.0, "Europe/Madrid"), (999.0, 999.0, "Europe/Madrid"),
    ],
)  # fmt: skip
def test_a_place_has_a_zone_of_its_country(lat, lon, zone):
    zones = ("Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta")
    assert time_zone(place(str(lat), str(lon)), zones, "Europe/Madrid") == zone
