"""A driver's habits: what was spent, where, and what was saved; by months, and through accounts that became one."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.fills import fills_of
from analytics.domain.folds.driver_months import DriverMonths
from analytics.domain.habits import Habits, cost, habits_of
from schemas.events import PriceChangedV1
from schemas.vocabulary import Fuel
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import completed, open_station, paid, refunded
from .test_people import erased, merged, tell
from .view_kit import folded, take

NOON = datetime(2026, 4, 10, 4, tzinfo=UTC)
DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
APRIL = {"from": "2026-04", "to": "2026-04"}


def habits(*events: Any, months: tuple[str, ...] = ("2026-04",), averages: Any = None) -> Habits:
    documents = folded(DriverMonths(), *events).values()
    return habits_of(fills_of(documents), months, SHANGHAI, averages or {})


async def ask(analytics: Analytics, driver: UUID, **query: Any) -> httpx.Response:
    return await analytics.client.get("/v1/me/habits", params=query, headers=analytics.driver(driver))


async def read(analytics: Analytics, driver: UUID, **query: Any) -> dict[str, Any]:
    answer = await ask(analytics, driver, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def priced(station: UUID, mills: int, at: datetime, version: int = 1) -> PriceChangedV1:
    return PriceChangedV1(
        station_id=station, fuel=Fuel.PETROL_95, version=version, price_mills=mills, previous_price_mills=None,
        currency="CNY", report_id=f"canary-{version}", effective_at=at, submitted_at=at, received_at=at,
    )  # fmt: skip


# --- pure -------------------------------------------------------------------------------------------------------


def test_a_prepaid_purchase_is_what_the_fuel_took():
    order: dict[str, Any] = {"order_id": new_id(), "mode": "prepaid"}
    station = new_id()
    asked = paid(station, NOON, "a", **order, paid_minor=30_000, gross_minor=30_000, volume_ml=42_000)
    given_out = completed(station, NOON, driver="a", **order, volume_ml=30_000, used_minor=21_000, paid_minor=30_000)
    rest = refunded(station, NOON, 9_000, driver="a", **order, volume_ml=12_000, unused=True)
    [money], [fuel] = habits(asked, given_out, rest).total.money, habits(asked, given_out, rest).total.fuels
    assert (money.paid_minor, money.spent_minor, money.discount_minor, fuel.volume_ml) == (21_000, 21_000, 0, 30_000)
    assert habits(asked).total.fills == 0, "nothing is bought before the pump has given it"
    nothing = refunded(station, NOON, 30_000, driver="a", **order, unused=True)
    assert habits(asked, nothing).total.money == ()


def test_what_nobody_had_to_pay_is_not_saved():
    over = [{"kind": "over_dispensed", "amount_minor": 700, "reason": "More than was authorised"}]
    more = paid(new_id(), NOON, "a", mode="pre_auth", gross_minor=28_700, breakdown=over)
    assert [one.discount_minor for one in habits(more).total.money] == [0]


def test_a_refund_counts_in_the_month_in_which_it_came():
    station, order = new_id(), new_id()
    events = [
        paid(station, NOON, "a", order_id=order),
        refunded(station, NOON + 40 * DAY, 7_000, driver="a", order_id=order, volume_ml=10_000),
    ]
    found = habits(*events, months=("2026-04", "2026-05"))
    spent = {month: [(one.spent_minor, one.fills) for one in habit.money] for month, habit in found.months}
    assert spent == {"2026-04": [(28_000, 1)], "2026-05": [(-7_000, 0)]}
    assert [one.volume_ml for one in found.total.fuels] == [30_000]
    [alone] = habits(*events, months=("2026-05",)).total.money
    assert (alone.refunded_minor, alone.average_paid_minor) == (7_000, None)


def test_a_month_begins_by_the_clocks_of_the_zone():
    last_evening = datetime(2026, 3, 31, 16, 30, tzinfo=UTC)
    assert habits(paid(new_id(), last_evening, "a")).total.fills == 1
    assert habits(paid(new_id(), last_evening - timedelta(hours=1), "a")).total.fills == 0


def test_saved_is_by_price_and_by_discounts_and_of_what_was_kept():
    station = new_id()
    key = (station, "petrol_95", date(2026, 4, 10))
    off = [{"kind": "coupon", "amount_minor": 1_500, "reason": "5 off", "reference": str(new_id())}]
    cheap = paid(station, NOON, "a", breakdown=off, paid_minor=26_500)
    returned = new_id()
    gone = [
        paid(station, NOON, "a", order_id=returned),
        refunded(station, NOON, 28_000, driver="a", order_id=returned),
    ]
    unknown = paid(new_id(), NOON, "a")
    [money] = habits(cheap, *gone, unknown, averages={key: 7_500}).total.money
    assert (money.compared_fills, money.saved_by_price_minor, money.discount_minor) == (1, 2_000, 1_500)
    assert money.saved_minor == 3_500
    [dear] = habits(cheap, averages={key: 6_900}).total.money
    assert (dear.saved_by_price_minor, dear.saved_minor) == (-400, 1_100)


def test_currencies_are_kept_apart_and_stations_ranked():
    stations = [new_id() for _ in range(4)]
    events = [paid(station, NOON, "a") for number, station in enumerate(stations) for _ in range(number + 1)]
    found = habits(*events, paid(stations[0], NOON, "a", currency="EUR")).total
    assert [(one.currency, one.fills) for one in found.money] == [("CNY", 10), ("EUR", 1)]
    assert [(one.station_id, one.fills) for one in found.stations] == [
        (stations[3], 4), (stations[2], 3), *sorted([(stations[1], 2), (stations[0], 2)], key=str)[:1]
    ]  # fmt: skip


@pytest.mark.parametrize(("currency", "expected"), [("CNY", 23_550), ("JPY", 236), ("KWD", 235_500)])
def test_fuel_costs_what_a_pump_would_show(currency: str, expected: int):
    assert cost(30_000, 7_850, currency) == expected


@settings(max_examples=40)  # each folds its events four times
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 3), st.booleans()), max_size=8))
def test_months_add_up_to_the_total(told: list[tuple[int, int, bool]]):
    stations, events = [new_id() for _ in range(4)], list[Any]()
    for day, station, back in told:
        order = new_id()
        events.append(paid(stations[station], NOON + day * DAY, "a", order_id=order))
        if back:
            events.append(refunded(stations[station], NOON + (day + 9) * DAY, 900, driver="a", order_id=order))
    months = ("2026-04", "2026-05", "2026-06", "2026-07", "2026-08")
    found = habits(*events, months=months)
    assert found.total.fills == sum(habit.fills for _, habit in found.months) == len(told)
    whole = sum(one.spent_minor for one in found.total.money)
    assert whole == sum(one.spent_minor for _, habit in found.months for one in habit.money)
    assert whole == len(told) * 28_000 - 900 * sum(back for _, _, back in told)


# --- through the API --------------------------------------------------------------------------------------------


async def test_a_driver_reads_habits_and_nobody_elses(analytics: Analytics):
    driver, vehicle, station = (
        new_id(),
        new_id(),
        await open_station(analytics, lat=30.9),
    )  # where no other test has any
    near = await open_station(analytics, lat=30.901, external_id="2")
    await take(
        analytics,
        priced(station, 7_000, NOON - DAY),
        priced(near, 8_000, NOON - DAY),
        paid(station, NOON, driver, vehicle_id=vehicle, odometer_km=52_000),
        paid(station, NOON + 7 * DAY, driver, vehicle_id=vehicle, odometer_km=52_500),
        paid(station, NOON, new_id()),
    )
    found = await read(analytics, driver, **APRIL)
    assert (found["first_month"], found["last_month"], found["time_zone"]) == ("2026-04", "2026-04", "Asia/Shanghai")
    [money] = found["total"]["money"]
    assert (money["spent_minor"], money["fills"], money["average_paid_minor"]) == (56_000, 2, 28_000)
    assert (money["compared_fills"], money["saved_by_price_minor"]) == (2, 4_000)
    assert found["total"]["stations"] == [{"station_id": str(station), "name": "Forecourt Chaoyang", "fills": 2}]
    [car] = found["vehicles"]
    assert (car["vehicle_id"], car["consumption"]["ml_per_100km"]) == (str(vehicle), 8_000)
    assert (await read(analytics, new_id(), **APRIL))["total"]["fills"] == 0
    assert len((await read(analytics, driver))["months"]) == 12


async def test_habits_go_on_through_a_merge_and_end_with_an_erasure(analytics: Analytics):
    before, now = new_id(), new_id()
    await take(analytics, paid(new_id(), NOON, before), paid(new_id(), NOON + DAY, now))
    await tell(analytics, merged(before, now))
    await take(analytics, paid(new_id(), NOON + 2 * DAY, before))
    assert (await read(analytics, now, **APRIL))["total"]["fills"] == 3
    gone = await ask(analytics, before, **APRIL)
    assert (gone.status_code, gone.json()["type"]) == (401, "urn:forecourt:problem:account-gone")
    await tell(analytics, erased(now))
    assert (await ask(analytics, now, **APRIL)).status_code == 401


@pytest.mark.parametrize("query", [
    {"from": "2026-05", "to": "2026-04"}, {"from": "2026-04", "months": "3"}, {"to": "2099-01"}, {"months": "0"},
    {"from": "2020-01", "to": "2026-04"}, {"from": "2026-13"}, {"from": "$gt"}, {"time_zone": "Mars/Base"},
    {"time_zone": "../etc/passwd"}, {"time_zone": ""}, {"months": "37"},
])  # fmt: skip
async def test_months_that_cannot_be_are_refused_with_words(analytics: Analytics, query: dict[str, str]):
    answer = await ask(analytics, new_id(), **query)
    assert answer.status_code == 422
    assert answer.json()["type"] in {"urn:forecourt:problem:bad-months", "urn:forecourt:problem:invalid-input"}


async def test_habits_are_for_drivers(analytics: Analytics):
    assert (await analytics.client.get("/v1/me/habits")).status_code == 401
    assert (await analytics.client.get("/v1/me/habits", headers=analytics.manager())).status_code == 403
