"""The views of stations and of their prices: what holds, in whatever order it is told."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.domain.folds.station_prices import NOT_SOLD, StationPrices, key_of, milliseconds
from analytics.domain.folds.stations import Stations
from analytics.domain.timelines import timeline
from schemas.events import (
    PriceChangedV1,
    PriceConfirmedV1,
    StationClosedV1,
    StationRegisteredV1,
    StationUpdatedV1,
)
from schemas.vocabulary import Fuel

from .view_kit import folded

STATION = UUID("0199a000-0000-7000-8000-000000000001")
NOON = datetime(2026, 4, 30, 12, tzinfo=UTC)
STATE: dict[str, Any] = {
    "station_id": STATION, "operator": "anna-oil", "external_id": "1", "name": "Anna", "country": "DE",
    "time_zone": "Europe/Berlin", "currency": "EUR", "lat": 52.52, "lon": -13.4, "occurred_at": NOON,
}  # fmt: skip


def changed(at: datetime, version: int, mills: int | None, currency: str = "EUR") -> PriceChangedV1:
    return PriceChangedV1(
        station_id=STATION, fuel=Fuel.E5, version=version, price_mills=mills, previous_price_mills=None,
        currency=currency, report_id=str(version), effective_at=at, submitted_at=at, received_at=at,
    )  # fmt: skip


def confirmed(at: datetime) -> PriceConfirmedV1:
    return PriceConfirmedV1(station_id=STATION, fuel=Fuel.E5, version=1, confirmed_at=at)


def test_a_station_is_what_its_highest_version_says():
    closed_at = NOON + timedelta(microseconds=1_234_567)
    events = [
        StationRegisteredV1(**STATE | {"version": 1, "name": "Berta"}),
        StationUpdatedV1(**STATE | {"version": 2, "brand": "Anna & Co", "region": "DE-BE"}),
        StationClosedV1(**STATE | {"version": 3, "occurred_at": closed_at, "reason": "The lease ended"}),
    ]
    [open_still] = folded(Stations(), *events[:2]).values()
    assert open_still["closed_at"] is None
    assert open_still["brand"] == "Anna & Co"
    [station] = folded(Stations(), *events).values()
    assert (station["version"], station["name"], station["brand"]) == (3, "Anna", None)
    assert station["closed_at"] == NOON + timedelta(microseconds=1_234_000)
    assert (station["lat_e6"], station["lon_e6"]) == (52_520_000, -13_400_000)


def test_a_change_belongs_to_the_utc_day_from_which_it_holds():
    midnight = datetime(2026, 5, 1, tzinfo=UTC)
    events = [changed(midnight - timedelta(microseconds=1), 1, 1_700), changed(midnight, 2, None), confirmed(midnight)]
    days = folded(StationPrices(), *events)
    before, after = (days[key_of(STATION, "e5", at)] for at in (midnight - timedelta(hours=1), midnight))
    assert before["changes"] == [[milliseconds(midnight) - 1, 1, 1_700, "EUR"]]
    assert after["changes"] == [[milliseconds(midnight), 2, NOT_SOLD, "EUR"]]
    assert (before["confirmations"], after["confirmations"]) == (0, 1)
    assert after["day"] == midnight == StationPrices().begins_at(key_of(STATION, "e5", midnight))


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(1, 9)), max_size=12))
def test_the_last_to_be_effective_holds_and_of_equal_ones_the_highest_version(said: list[tuple[int, int | None]]):
    """As pricing publishes: no version speaks of a time before the one before it."""
    said.sort(key=lambda one: one[0])
    events = [changed(NOON + timedelta(hours=at), 1 + n, mills) for n, (at, mills) in enumerate(said)]
    documents = folded(StationPrices(), *events).values()
    line = timeline([change for day in documents for change in day["changes"]], "EUR")
    moments = [NOON + timedelta(hours=hour) for hour in range(-1, 11)]
    holding = [[mills for at, mills in said if NOON + timedelta(hours=at) <= moment] for moment in moments]
    held = line.at(np.array([milliseconds(moment) for moment in moments]))
    assert held.tolist() == [(mills[-1] if mills else None) or NOT_SOLD for mills in holding]


def test_another_currency_and_a_closed_station_sell_nothing():
    noon = milliseconds(NOON)
    changes = [[noon, 1, 1_700, "EUR"], [noon + 10, 2, 7_800, "CNY"], [noon + 20, 3, 1_800, "EUR"]]
    line = timeline(changes, "EUR", NOON + timedelta(milliseconds=30))
    assert line.at(np.array([noon - 1, noon, noon + 10, noon + 20, noon + 30])).tolist() == [0, 1_700, 0, 1_800, 0]
