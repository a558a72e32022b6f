"""The orders that views are measured with are orders as payments tells of them."""

import itertools
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from forecourt.bench_views_world import DAY, STATIONS, orders

BEGINS_AT = datetime(2026, 4, 30, tzinfo=UTC)


def test_orders_are_valid_and_come_in_the_order_of_time():
    made: list[Any] = list(itertools.islice(orders(BEGINS_AT), 3_000))
    assert [type(one).model_validate_json(one.to_json()) for one in made] == made
    times = [one.occurred_at for one in made]
    assert times == sorted(times)
    kinds = Counter(type(one).__name__ for one in made)
    assert kinds["OrderPlacedV1"] > kinds["OrderPaidV1"] > 10 * kinds["OrderCancelledV1"] > 0
    assert kinds["OrderConfirmedV1"] >= kinds["OrderPaidV1"] >= kinds["OrderCompletedV1"]


def test_orders_are_the_same_in_each_run_and_spread_over_the_day_and_the_stations():
    some: list[Any] = list(itertools.islice(orders(BEGINS_AT, a_day=2_000), 4_000))
    again = list(itertools.islice(orders(BEGINS_AT, a_day=2_000), 4_000))
    assert some == again
    assert len({one.station_id for one in some}) > STATIONS / 2
    assert some[-1].occurred_at - BEGINS_AT > DAY / 4
