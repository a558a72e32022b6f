"""Campaigns, pumps' days and stations' points are what their events say, in whatever order and however often."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.folds.campaigns import Campaigns
from analytics.domain.folds.pump_days import NOT_COUNTED, PLACES, PumpDays
from analytics.domain.folds.station_points import StationPoints
from schemas.base import Event
from schemas.events import (
    CampaignEndedV1,
    CampaignPublishedV1,
    OrderAuthorisedV1,
    OrderCancelledV1,
    OrderCompletedV1,
    OrderConfirmedV1,
    OrderPaidV1,
    OrderPlacedV1,
    PointsAccruedV1,
    PumpStatusChangedV1,
)

from .view_kit import folded

STATION = UUID("0199a000-0000-7000-8000-000000000001")
CAMPAIGN = UUID("0199a000-0000-7000-8000-00000000c0de")
MIDNIGHT = datetime(2026, 4, 30, tzinfo=UTC)


def published(version: int = 1, at: datetime = MIDNIGHT, **fields: Any) -> CampaignPublishedV1:
    standard: dict[str, Any] = {
        "campaign_id": CAMPAIGN, "version": version, "name": f"canary-{version}", "audience": "some",
        "discount": None, "operators": ["anna-oil"], "starts_at": MIDNIGHT, "occurred_at": at,
    }  # fmt: skip
    return CampaignPublishedV1.model_validate(standard | fields)


def ended(version: int, at: datetime) -> CampaignEndedV1:
    return CampaignEndedV1(campaign_id=CAMPAIGN, version=version, occurred_at=at)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**8)), min_size=1, max_size=8))
@settings(max_examples=25)
def test_a_campaign_is_what_its_highest_version_says(changes: list[tuple[bool, int]]):
    events: list[Event] = []
    for version, (holds, microseconds) in enumerate(changes, 1):
        at = MIDNIGHT + timedelta(microseconds=microseconds)
        events.append(published(version, at) if holds else ended(version, at))
    [document] = folded(Campaigns(), *events).values()
    highest = max((version for version, (holds, _) in enumerate(changes, 1) if holds), default=0)
    assert document["name"] == (f"canary-{highest}" if highest else None)
    assert document["terms_version"] == highest
    assert [one["holds"] for one in document["changes"]] == [holds for holds, _ in changes]


def test_a_version_told_twice_changed_when_it_was_told_first():
    later = MIDNIGHT + timedelta(hours=1)
    [document] = folded(Campaigns(), published(1, MIDNIGHT), published(1, later), ended(2, later)).values()
    assert [one["at"] for one in document["changes"]] == [MIDNIGHT, later]


def order(kind: type[Event], at: datetime, number: int = 1, **fields: Any) -> Event:
    standard: Mapping[str, Any] = {
        "order_id": uuid5(STATION, str(number)), "version": 1, "driver_id": f"driver-{number}",
        "station_id": STATION, "operator": "anna-oil", "pump_id": "1|a", "fuel": "e5", "mode": "post_pay",
        "price_mills": 1_700, "currency": "EUR", "occurred_at": at, "price_version": 1, "measure": "fill_up",
        "volume_ml": 40_000, "gross_minor": 6_800, "breakdown": [], "paid_minor": 6_800, "method": "wechat",
        "authorised_minor": 9_000, "how": "cancelled", "reason": "by_driver",
    }  # fmt: skip
    return kind.model_validate({**standard, **fields})


KINDS = {
    OrderPlacedV1: "placed", OrderConfirmedV1: "ready", OrderAuthorisedV1: "ready", OrderPaidV1: "paid",
    OrderCompletedV1: "left", OrderCancelledV1: "cancelled",
}  # fmt: skip
STEPS = st.tuples(st.sampled_from(list(KINDS)), st.integers(0, 2 * 86_400_000), st.integers(1, 3))


@given(st.lists(STEPS, min_size=1, max_size=12))
@settings(max_examples=25)
def test_an_orders_steps_are_the_earliest_of_their_day(steps: list[tuple[type[Event], int, int]]):
    documents = folded(PumpDays(), *[order(kind, MIDNIGHT + timedelta(milliseconds=ms), n) for kind, ms, n in steps])
    expected: dict[tuple[int, str, str], int] = {}
    for kind, ms, number in steps:
        where = (ms // 86_400_000, uuid5(STATION, str(number)).hex, KINDS[kind])
        expected[where] = min(expected.get(where, 10**9), ms % 86_400_000)
    found = {
        ((one["day"] - MIDNIGHT).days, order_id, PLACES[place]): at
        for one in documents.values()
        for order_id, times in one["orders"].items()
        for place, at in enumerate(times)
        if at is not None
    }
    assert found == expected


def test_what_a_pump_said_stays_in_the_order_of_its_versions():
    said = [("in_use", 2), ("out_of_order", None), ("free", 0)]
    events = [
        PumpStatusChangedV1.model_validate({
            "station_id": STATION, "pump_id": "1|a", "version": version, "status": status, "fuels": [],
            "waiting_vehicles": waiting, "occurred_at": MIDNIGHT + timedelta(seconds=version),
        })
        for version, (status, waiting) in enumerate(said, 1)
    ]  # fmt: skip
    view = PumpDays()
    [(key, document)] = folded(view, *events).items()
    assert view.begins_at(key) == MIDNIGHT
    assert document["statuses"] == [
        [1, 1_000, "in_use", 2], [2, 2_000, "out_of_order", NOT_COUNTED], [3, 3_000, "free", 0]
    ]  # fmt: skip


def accrued(points: int, at: datetime, **fields: Any) -> PointsAccruedV1:
    standard: dict[str, Any] = {
        "driver_id": "driver", "version": 1, "entry_id": STATION, "points": points, "balance": 0, "occurred_at": at,
        "reason": "order", "expires_at": at, "station_id": STATION,
    }  # fmt: skip
    return PointsAccruedV1.model_validate(standard | fields)


def test_points_of_a_station_add_up_by_hour_and_campaign():
    other = uuid5(CAMPAIGN, "other")
    events = [
        accrued(10, MIDNIGHT),
        accrued(20, MIDNIGHT + timedelta(minutes=59), campaign_ids=[CAMPAIGN, other]),
        accrued(30, MIDNIGHT + timedelta(minutes=60), campaign_ids=[CAMPAIGN, CAMPAIGN]),
        accrued(40, MIDNIGHT, station_id=None, reason="reward"),
    ]
    documents = folded(StationPoints(), *events)
    first, second = (documents[f"{STATION}|2026-04-30T{hour}Z"] for hour in ("00", "01"))
    assert [one["begins_at"] for one in (first, second)] == [MIDNIGHT, MIDNIGHT + timedelta(hours=1)]
    assert (first["points"], first["accruals"]) == (30, 2)
    assert first["campaigns"] == {str(one): {"points": 20, "accruals": 1} for one in (CAMPAIGN, other)}
    assert second["campaigns"] == {str(CAMPAIGN): {"points": 30, "accruals": 1}}
