"""Datums: known places, round trips everywhere in mainland China, and nothing moved elsewhere."""

from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stations.domain.datum import Datum, Place, from_datum, is_in_mainland_china, to_datum

MOVED = [Datum.GCJ02, Datum.BD09]
LATS, LONS = st.floats(18, 54), st.floats(73, 136)
OUTSIDE = {
    "Hong Kong": (22.2819, 114.1581), "Sheung Shui": (22.5012, 114.1280), "Macau": (22.1570, 113.5590),
    "Taipei": (25.0330, 121.5654), "Kinmen": (24.4321, 118.3171),
    "Seoul": (37.5665, 126.9780), "Pyongyang": (39.0392, 125.7625), "Sinuiju": (40.0900, 124.4100),
    "Ulaanbaatar": (47.9185, 106.9176), "Hanoi": (21.0285, 105.8542), "Almaty": (43.2389, 76.8897),
    "Vladivostok": (43.1155, 131.8855), "Kathmandu": (27.7172, 85.3240), "Tokyo": (35.6762, 139.6503),
    "Delhi": (28.6139, 77.2090), "Berlin": (52.52, 13.405), "Null Island": (0.0, 0.0), "the North Pole": (90.0, 0.0),
    "the antimeridian": (-17.0, -180.0),
}  # fmt: skip


def metres(one: Place, other: Place) -> float:
    """The great-circle distance."""
    (lat, lon), (lat2, lon2) = one, other
    half = sin(radians(lat2 - lat) / 2) ** 2
    half += cos(radians(lat)) * cos(radians(lat2)) * sin(radians(lon2 - lon) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(half))


def test_a_place_in_beijing_lies_where_other_implementations_put_it() -> None:
    """The figures that the widely used coordtransform gives in its README."""
    gcj02 = (39.91640428150164, 116.41024449916938)
    assert to_datum(39.915, 116.404, Datum.GCJ02) == pytest.approx(gcj02, abs=1e-9)
    there = to_datum(*from_datum(39.915, 116.404, Datum.GCJ02), Datum.BD09)
    assert there == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-9)
    back = to_datum(*from_datum(39.915, 116.404, Datum.BD09), Datum.GCJ02)
    assert back == pytest.approx((39.90865673957631, 116.39762729119315), abs=2e-6)  # its way back is approximate


@pytest.mark.parametrize("datum", MOVED)
@given(LATS, LONS)
def test_every_place_in_mainland_china_comes_back(datum: Datum, lat: float, lon: float) -> None:
    assume(is_in_mainland_china(lat, lon))
    there = to_datum(lat, lon, datum)
    assert 20 < metres((lat, lon), there) < 2_000
    assert metres(from_datum(*there, datum), (lat, lon)) < 0.001


@pytest.mark.parametrize("datum", MOVED)
@pytest.mark.parametrize("place", OUTSIDE.values(), ids=OUTSIDE)
def test_a_place_outside_mainland_china_stays(datum: Datum, place: Place) -> None:
    assert to_datum(*place, datum) == place
    assert from_datum(*place, datum) == place


@pytest.mark.parametrize("datum", MOVED)
@given(st.floats(-90, 90), st.floats(-180, 180))
def test_every_place_elsewhere_stays(datum: Datum, lat: float, lon: float) -> None:
    if not is_in_mainland_china(lat, lon):
        assert to_datum(lat, lon, datum) == (lat, lon)


@pytest.mark.parametrize("datum", MOVED)
@given(
    st.sampled_from([(22.53, 114.1), (40.1, 124.39), (43.68, 111.95), (21.54, 107.97), (22.2, 113.54), (24.45, 118.2)]),
    st.floats(-0.03, 0.03), st.floats(-0.03, 0.03),
)  # fmt: skip
def test_at_a_border_what_comes_back_is_a_place_that_lies_there(
    datum: Datum, near: Place, lat_off: float, lon_off: float
) -> None:
    """Two places may share coordinates there; never does the way back end at a third."""
    lat, lon = near[0] + lat_off, near[1] + lon_off
    there = to_datum(lat, lon, datum)
    back = from_datum(*there, datum)
    assert metres(to_datum(*back, datum), there) < 0.001
    if is_in_mainland_china(lat, lon):
        assert metres(back, (lat, lon)) < 0.001


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_wgs84_is_never_touched(lat: float, lon: float) -> None:
    assert to_datum(lat, lon, Datum.WGS84) == from_datum(lat, lon, Datum.WGS84) == (lat, lon)
