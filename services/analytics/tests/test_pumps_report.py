"""The report of pumps over HTTP, on the real database: how busy they are, and how long drivers wait and stay."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.folds.station_prices import milliseconds
from analytics.domain.metrics import METRICS
from analytics.domain.periods import Period
from analytics.domain.pump_times import SECOND, UNKNOWN, PumpTimes, Spans, Visits
from analytics.domain.pumps import HourOfDayUse, PumpHour, PumpsReport, PumpTotals, PumpUse, pumps_report
from schemas.base import Event
from schemas.events import PumpStatusChangedV1
from schemas.orders import OrderAuthorisedV1, OrderCancelledV1, OrderCompletedV1, OrderConfirmedV1, OrderPlacedV1
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import open_station, order, paid
from .test_reports import read
from .view_kit import take

SPRING = Period(date(2026, 3, 28), date(2026, 3, 30), ZoneInfo("Europe/Berlin"))
"""With the night in which clocks jump ahead."""
MINUTE = 60 * SECOND
NOTHING = np.zeros(0, np.int64)


def times(visits: Sequence[tuple[int, int, int]], out: Sequence[tuple[int, int]] = ()) -> PumpTimes:
    """A pump at which somebody was from so many minutes on for so many, and waited for so many of them."""
    table = np.array(visits, np.int64).reshape(-1, 3) * MINUTE
    spans = np.array(out, np.int64).reshape(-1, 2) * MINUTE + milliseconds(SPRING.starts_at)
    sold = np.ones(len(visits), np.bool_)
    return PumpTimes(
        Visits(table[:, 0] + milliseconds(SPRING.starts_at), table[:, 1], table[:, 2], sold, ~sold),
        Spans(spans[:, 0], spans[:, 1]), NOTHING, NOTHING,
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 71 * 60 - 1), st.integers(0, 60), st.integers(0, 60)), max_size=20))
@settings(max_examples=20)
def test_utilisation_is_the_share_of_the_minutes_in_which_somebody_was_there(visits: list[tuple[int, int, int]]):
    report = pumps_report(SPRING, SPRING.ends_at, {"1": times(visits), "2": times([], [(120, 600)])})
    busy, lasts = [0] * 24, [0] * 24
    for minute in range(71 * 60):
        hour = (SPRING.starts_at + timedelta(minutes=minute)).astimezone(SPRING.zone).hour
        busy[hour] += any(begins <= minute < begins + stayed for begins, stayed, _ in visits)
        lasts[hour] += 2 - (120 <= minute < 600)
    for hour, row in enumerate(report.hours_of_day):
        assert row.utilisation_per_mille == (2_000 * busy[hour] + lasts[hour]) // (2 * lasts[hour])
    assert [row.out_of_service_seconds for row in report.rows] == [0, 480 * 60]
    assert sum(row.pump_orders for row in report.hours_of_day) == len(visits) == report.totals.pump_orders


def test_nine_of_ten_and_means_are_those_of_a_list():
    visits = [(10 * number, number, number) for number in range(1, 21)]
    report = pumps_report(SPRING, SPRING.ends_at, {"10": times(visits), "9": times([])})
    assert [row.pump_id for row in report.rows] == ["9", "10"]
    totals = report.totals
    assert (totals.waiting_seconds, totals.waiting_p90_seconds) == (630, 18 * 60)
    assert (totals.pumps, totals.turns_per_day_hundredths) == (2, round(100 * 20 * 24 / 71 / 2))
    assert (report.rows[0].waiting_seconds, report.rows[0].utilisation_per_mille) == (None, 0)


def test_what_is_to_come_is_not_idle():
    until = SPRING.starts_at + timedelta(minutes=90)
    report = pumps_report(SPRING, until, {"1": times([(0, 45, UNKNOWN)])})
    assert report.totals.utilisation_per_mille == 500
    assert [row.utilisation_per_mille for row in report.hours_of_day[:3]] == [750, 0, None]
    nothing = pumps_report(SPRING, SPRING.starts_at, {})
    assert (nothing.totals.pumps, nothing.totals.utilisation_per_mille, nothing.rows) == (0, None, ())


def step(kind: type[Event], said: dict[str, Any], at: datetime, **more: Any) -> Event:
    known = {**said, **more, "occurred_at": at, "price_version": 1, "measure": "fill_up"}
    return kind.model_validate({name: value for name, value in known.items() if name in kind.model_fields})


def status(station: UUID, pump: str, version: int, word: str, at: datetime, waiting: int | None = None) -> Event:
    return PumpStatusChangedV1.model_validate({
        "station_id": station, "pump_id": pump, "version": version, "status": word, "fuels": [],
        "waiting_vehicles": waiting, "occurred_at": at,
    })  # fmt: skip


NOON = datetime(2026, 4, 10, 4, tzinfo=UTC)
"""In Shanghai."""
TENTH = {"from": "2026-04-10", "to": "2026-04-10"}


async def test_orders_tell_how_long_drivers_waited_and_stayed(analytics: Analytics):
    station = await open_station(analytics)
    midnight = NOON - timedelta(hours=12)
    first, held, gone = (order(station, NOON, pump_id=pump) for pump in ("1", "1", "2"))
    late = order(station, NOON, pump_id="1")
    await take(
        analytics,
        step(OrderPlacedV1, first, NOON), step(OrderConfirmedV1, first, NOON + timedelta(minutes=4)),
        paid(station, NOON + timedelta(minutes=5), pump_id="1", order_id=first["order_id"]),
        step(OrderCompletedV1, first, NOON + timedelta(minutes=6)),
        step(OrderPlacedV1, held, NOON + timedelta(minutes=30)),
        step(OrderAuthorisedV1, held, NOON + timedelta(minutes=32), authorised_minor=30_000),
        step(OrderCompletedV1, held, NOON + timedelta(minutes=36)),
        step(OrderPlacedV1, gone, NOON),
        step(OrderCancelledV1, gone, NOON + timedelta(minutes=3), how="cancelled", reason="by_driver"),
        step(OrderPlacedV1, late, midnight - timedelta(minutes=2)),
        step(OrderConfirmedV1, late, midnight + timedelta(minutes=1)),
        step(OrderCompletedV1, late, midnight + timedelta(minutes=4)),
    )  # fmt: skip
    report = await read(analytics, station, "pumps", **TENTH)
    one, two = report["rows"]
    assert (one["pump_id"], one["pump_orders"], one["cancelled_orders"]) == ("1", 2, 0)
    assert (one["waiting_seconds"], one["waiting_p90_seconds"]) == (180, 240)
    assert (one["occupied_seconds"], one["turns_per_day_hundredths"]) == (360, 200)
    assert (two["pump_orders"], two["cancelled_orders"], two["waiting_seconds"]) == (0, 1, None)
    assert one["utilisation_per_mille"] == round(1_000 * 16 / 1_440), "with what is left of the order before midnight"
    by_hour = {row["hour_of_day"]: row for row in report["hours_of_day"]}
    assert (by_hour[12]["pump_orders"], by_hour[12]["utilisation_per_mille"]) == (2, 125)
    assert (by_hour[0]["pump_orders"], by_hour[0]["utilisation_per_mille"]) == (0, round(1_000 * 4 / 120))
    assert report["totals"]["busiest_hour_of_day"] == 12
    yesterday = await read(analytics, station, "pumps", **{"from": "2026-04-09", "to": "2026-04-09"})
    assert yesterday["totals"]["pump_orders"] == 1
    assert (yesterday["totals"]["waiting_seconds"], yesterday["totals"]["occupied_seconds"]) == (180, 360)


async def test_pumps_tell_when_they_are_out_of_service_and_who_waits(analytics: Analytics):
    station = await open_station(analytics)
    await take(
        analytics,
        status(station, "1", 1, "out_of_order", NOON - timedelta(days=9)),
        status(station, "1", 2, "free", NOON),
        status(station, "2", 1, "in_use", NOON, 3), status(station, "2", 2, "in_use", NOON + timedelta(minutes=5), 2),
        status(station, "2", 3, "out_of_order", NOON + timedelta(hours=1)),
        status(station, "2", 4, "free", NOON + timedelta(hours=3), 0),
    )  # fmt: skip
    report = await read(analytics, station, "pumps", compare="previous", **TENTH)
    one, two = report["rows"]
    assert [row["out_of_service_seconds"] for row in (one, two)] == [12 * 3_600, 2 * 3_600]
    assert (two["most_waiting_vehicles"], two["waiting_vehicles_hundredths"]) == (3, 167)
    assert one["most_waiting_vehicles"] is None
    by_hour = {row["hour_of_day"]: row for row in report["hours_of_day"]}
    assert (by_hour[12]["waiting_vehicles_hundredths"], by_hour[15]["most_waiting_vehicles"]) == (250, 0)
    assert by_hour[13]["utilisation_per_mille"] == 0
    assert report["comparison"]["totals"]["out_of_service_seconds"] == 24 * 3_600
    for ending, first in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        path = f"/v1/reports/stations/{station}/pumps.{ending}"
        answer = await analytics.client.get(path, params=TENTH, headers=analytics.manager())
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(first)


async def test_a_station_of_which_nothing_is_known_has_no_pumps(analytics: Analytics):
    station = await open_station(analytics)
    report = await read(analytics, station, "pumps", **TENTH)
    assert (report["rows"], report["totals"]["pump_orders"], report["totals"]["busiest_hour_of_day"]) == ([], 0, None)
    for path in (f"/v1/reports/stations/{station}/pumps", f"/v1/reports/stations/{new_id()}/pumps"):
        answer = await analytics.client.get(path, headers=analytics.manager(operators=["berta-oil"]))
        assert (answer.status_code, "no-such-station" in answer.text) == (404, True)


def test_every_figure_is_defined():
    for kind in (PumpUse, HourOfDayUse, PumpHour, PumpTotals):
        assert {field.name for field in fields(kind)} <= METRICS.keys()
    assert {field.name for field in fields(PumpsReport)} == {"totals", "rows", "hours_of_day", "pump_hours"}
