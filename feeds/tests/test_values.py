"""Texts as values."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.values import degrees, mills, price_text, utc
from schemas.base import rfc3339


@given(st.integers(-9_999_999, 9_999_999))
def test_a_price_survives_its_text(price_mills):
    assert mills(price_text(price_mills)) == price_mills


@given(st.decimals(0, 9999, places=3))
def test_mills_are_exact(price):
    assert mills(str(price)) == price * 1000


@pytest.mark.parametrize(
    ("text", "price_mills"),
    [("1.329", 1329), ("1.3", 1300), ("2", 2000), ("1.32900", 1329), ("0.000", 0), ("-0.001", -1), ("007.5", 7500)],
)
def test_prices_with_fewer_or_needless_decimals(text, price_mills):
    assert mills(text) == price_mills


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1.329",
        "1,329",
        "1.3291",
        "1.",
        ".5",
        "1e3",
        "+1",
        "--1",
        "inf",
        "1_0",
        "\N{ARABIC-INDIC DIGIT ONE}.3",
        "1.3\n",
    ],
)
def test_other_texts_are_no_price(text):
    with pytest.raises(ValueError, match="is not a number below 10000"):
        mills(text)


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2099, 12, 30)).map(lambda moment: moment.replace(microsecond=0)),
    st.integers(-12, 14),
)
def test_moments_move_to_utc(moment, hours):
    local = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert utc(f"{moment:%Y-%m-%d %H:%M:%S}{hours:+03}") == rfc3339(local.astimezone(UTC))


@pytest.mark.parametrize("text", ["1999-12-31 23:59:59+00", "2000-01-01 00:30:00+02", "2100-01-01 00:00:00+00"])
def test_a_time_that_no_report_may_speak_of_is_refused(text):
    with pytest.raises(ValueError, match="a year outside"):
        utc(text)


@given(st.decimals(-180, 180, places=7))
def test_degrees_are_the_nearest_number(value):
    assert degrees(f"{value:f}", "latitude") == float(Decimal(value))
