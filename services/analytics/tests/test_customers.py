"""A station's customers: who is new, who comes back and how often; and nobody is to be found among them."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.domain.cohorts import CohortRow, Cohorts, cohorts_of, retention_of
from analytics.domain.customers import CustomersReport, customers_report, history_from
from analytics.domain.documents import SUPPRESSED
from analytics.domain.folds.driver_months import DriverMonths
from analytics.domain.folds.station_drivers import StationDrivers
from analytics.domain.metrics import LEAST_DRIVERS
from analytics.domain.months import month_of, months_between, months_later, shifted, starts_at
from analytics.domain.periods import Period
from analytics.domain.visits import Customer, Visit, customers_of
from analytics.repository.customers import Customers
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import completed, open_station, paid, refunded
from .test_reports import read
from .view_kit import folded, take

ZONE = ZoneInfo("Asia/Shanghai")
APRIL = Period(date(2026, 4, 1), date(2026, 4, 30), ZONE)
DAY = timedelta(days=1)
MONTHS = months_between("2025-05", "2026-04")


def at(day: int, month: int = 4) -> datetime:
    """Noon at the station."""
    return datetime(2026, month, day, 12, tzinfo=ZONE).astimezone(UTC)


def customer(*moments: datetime, paid_minor: int = 28_000) -> Customer:
    return Customer(tuple(Visit(moment, paid_minor, 40_000) for moment in sorted(moments)))


# --- the view ---------------------------------------------------------------------------------------------------


@settings(max_examples=40)  # each folds its events four times
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 90), st.booleans(), st.booleans()), max_size=8))
def test_what_is_known_of_visits_follows_from_the_set_of_events(told: list[tuple[int, int, bool, bool]]):
    """The kit folds shuffled, repeated and cut into batches; here, what comes out is the naive sum."""
    station, events, expected = new_id(), list[Any](), Counter[str]()
    for driver, day, prepaid, back in told:  # what was paid before fuelling is dispensed, but for what goes back
        order: dict[str, Any] = {"order_id": new_id(), "driver": f"driver-{driver}"}
        order["mode"] = "prepaid" if prepaid else "post_pay"
        when = at(1) + day * DAY
        events.append(paid(station, when, **order))
        if prepaid and back:
            events.append(refunded(station, when + DAY, 28_000, **order, unused=True))
            continue
        if prepaid:
            events.append(completed(station, when + DAY, **order, volume_ml=30_000, used_minor=21_000))
            events.append(refunded(station, when + DAY, 7_000, **order, volume_ml=10_000, unused=True))
        if back:
            events.append(refunded(station, when + 40 * DAY, 1_000, **order))
        expected.update(
            orders=1, paid_minor=21_000 if prepaid else 28_000, volume_ml=30_000 if prepaid else 40_000, refunds=back
        )
    documents = folded(StationDrivers(), *events).values()
    assert sum(one["orders"] for one in documents) == expected["orders"]
    visits = [visit for one in documents for visit in one["visits"].values()]
    assert sum(visit["paid_minor"] for visit in visits) == expected["paid_minor"]
    assert sum(visit["volume_ml"] for visit in visits) == expected["volume_ml"]
    assert all("vehicle_id" not in str(one) for one in documents)
    months = folded(DriverMonths(), *events).values()
    fills = [fill for month in months for fill in month["fills"].values()]
    assert sum(fill.get("paid_minor", 0) for fill in fills) == expected["paid_minor"]
    assert sum(len(fill.get("refunds", {})) for fill in fills) == expected["refunds"]


def test_who_paid_before_fuelling_was_there_when_the_pump_gave_it():
    station, order = new_id(), new_id()
    before = paid(station, at(1), "a", order_id=order, mode="prepaid")
    assert folded(StationDrivers(), before) == {}
    dispensed = completed(station, at(2), order_id=order, driver="a", mode="prepaid", volume_ml=1)
    [document] = folded(StationDrivers(), before, dispensed).values()
    assert (document["orders"], document["first_at"], document["last_at"]) == (1, at(2), at(2))


# --- the report -------------------------------------------------------------------------------------------------


def test_new_returning_and_lapsed_are_by_the_first_and_the_last_order():
    new = [customer(at(3), at(9)) for _ in range(6)]
    returning = [customer(at(1, month=2), at(10), paid_minor=10_000) for _ in range(5)]
    lapsed = [customer(at(20, month=2)) for _ in range(5)]
    later = [customer(at(2, month=5)) for _ in range(9)]
    report = customers_report(APRIL, [*new, *returning, *lapsed, *later])
    totals = report.totals
    assert (totals.drivers, totals.new_drivers, totals.returning_drivers, totals.lapsed_drivers) == (11, 6, 5, 5)
    assert (totals.orders, totals.paid_minor, totals.average_paid_minor) == (17, 386_000, 22_706)
    assert (totals.median_orders, totals.median_days_between) == (2, 6)
    assert [(row.driver_group, row.orders, row.average_paid_minor) for row in report.rows] == [
        ("new", 12, 28_000), ("returning", 5, 10_000)
    ]  # fmt: skip
    assert [(row.fills, row.drivers) for row in report.frequency][:3] == [("1", 5), ("2", 6), ("3", 0)]


def test_who_would_lapse_has_been_there_again_or_has_not():
    there = [customer(at(20, month=2), at(29)) for _ in range(5)]
    assert customers_report(APRIL, there).totals.lapsed_drivers == 0
    march = Period(date(2026, 3, 1), date(2026, 3, 31), ZONE)
    assert customers_report(march, there).totals.lapsed_drivers == 0


def test_nobody_makes_a_report_of_nothing():
    report = customers_report(APRIL, [])
    totals = report.totals
    assert (totals.drivers, totals.average_paid_minor, totals.top_decile_basis_points) == (0, None, None)
    assert (report.cohorts, report.retention) == ((), ())
    assert [row.drivers for row in report.rows] == [0, 0]


def test_the_top_tenth_is_told_of_five_drivers_at_least():
    spenders = [customer(at(3), paid_minor=100_000) for _ in range(5)]
    others = [customer(at(3), paid_minor=10_000) for _ in range(45)]
    assert customers_report(APRIL, spenders + others).totals.top_decile_basis_points == 5_263
    assert customers_report(APRIL, spenders + others[:35]).totals.top_decile_basis_points is SUPPRESSED


def test_a_month_begins_with_the_stations_own_midnight():
    before_midnight = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    people = [customer(before_midnight, before_midnight + timedelta(minutes=2)) for _ in range(5)]
    rows = customers_report(APRIL, people).cohorts
    assert [(row.cohort, row.months_later, row.retained_drivers) for row in rows] == [
        ("2026-03", 0, 5), ("2026-03", 1, 5)
    ]  # fmt: skip


def test_who_is_left_out_by_the_time_of_the_last_order_is_no_matter():
    old = [customer(history_from(APRIL) - DAY) for _ in range(5)]
    assert customers_report(APRIL, old) == customers_report(APRIL, [])


def test_months_go_on_over_a_new_year():
    assert (shifted("2025-12", 1), shifted("2026-01", -1), shifted("2026-04", -12)) == ("2026-01", "2025-12", "2025-04")
    assert (months_later("2026-02", "2025-11"), month_of(date(2026, 4, 30))) == (3, "2026-04")
    assert starts_at("2026-04", ZONE) == datetime(2026, 3, 31, 16, tzinfo=UTC)


# --- cohorts ----------------------------------------------------------------------------------------------------

THEIRS = st.lists(st.sampled_from(months_between("2025-03", "2026-04")), min_size=1, max_size=6)


@given(st.lists(THEIRS, max_size=60))
def test_cohorts_count_what_a_naive_count_counts(everybody: list[list[str]]):
    attendance = [sorted(theirs) for theirs in everybody]
    for row in cohorts_of(attendance, MONTHS).rows():
        month = shifted(row.cohort, row.months_later)
        of_cohort = [theirs for theirs in attendance if theirs[0] == row.cohort]
        there = [theirs for theirs in of_cohort if month in theirs]
        assert row.suppressed or (row.cohort_drivers, row.retained_drivers) == (len(of_cohort), len(there))


def crowded(seed: int) -> Cohorts:
    """Cohorts of some size, so that not all is left out."""
    random = Random(seed)  # noqa: S311 - made-up drivers
    attendance = []
    for _ in range(random.randrange(20, 400)):
        first = random.randrange(14)
        back = [month for month in range(first + 1, 14) if random.random() < random.choice((0.1, 0.5, 0.9))]
        attendance.append([shifted("2025-03", month) for month in (first, *back)])
    return cohorts_of(attendance, MONTHS)


@given(st.integers(0, 10**6))
def test_nobody_is_found_in_cohorts_by_a_difference(seed: int):
    """An attacker knows how many drivers there were in each month, and all rows that are shown."""
    table = crowded(seed)
    rows = table.rows()
    _expect_small_hidden(rows)
    for month in MONTHS:
        column = [row for row in rows if shifted(row.cohort, row.months_later) == month]
        known = sum(table.counts.get((cohort, month), 0) for cohort in MONTHS) + table.earlier.get(month, 0)
        unseen = [row for row in column if row.suppressed]
        rest = known - sum(row.retained_drivers for row in column if isinstance(row.retained_drivers, int))
        everything_hidden = not any(row.retained_drivers for row in column if not row.suppressed)
        if unseen and not everything_hidden:
            assert rest >= LEAST_DRIVERS
            assert len(unseen) + bool(table.earlier.get(month)) > 1, "a single hidden cell is the difference"


def _expect_small_hidden(rows: Sequence[CohortRow]) -> None:
    whole = {row.cohort for row in rows if row.months_later == 0 and row.suppressed}
    for row in rows:
        if row.cohort in whole:
            assert row.suppressed
        if isinstance(row.cohort_drivers, int) and isinstance(row.retained_drivers, int):
            gone = row.cohort_drivers - row.retained_drivers
            assert not any(0 < count < LEAST_DRIVERS for count in (row.cohort_drivers, row.retained_drivers, gone))


def test_the_test_would_find_a_driver_and_most_is_shown():
    shown = [row for seed in range(40) for row in crowded(seed).rows()]
    assert sum(not row.suppressed for row in shown) > len(shown) / 3
    table = cohorts_of([["2026-03", "2026-04"]] * 20 + [["2026-04"]] * 3 + [["2026-02", "2026-04"]] * 9, MONTHS)
    assert {cell for cell in table.hidden() if cell[1] == "2026-04"} == {("2026-04", "2026-04"), ("2026-02", "2026-04")}


def test_those_who_did_not_come_back_are_a_group_too():
    """18 of 20 came back: the 2 others are hidden with them, and so is a cell by which one could work the 18 out."""
    march = [["2026-03", "2026-04"]] * 18 + [["2026-03"]] * 2
    table = cohorts_of([*march, *[["2026-02", "2026-04"]] * 15, *[["2026-02"]] * 15, *[["2026-04"]] * 30], MONTHS)
    assert table.hidden() == {("2026-03", "2026-04"), ("2026-02", "2026-04")}


@given(st.integers(0, 10**6))
def test_what_cohorts_say_together_is_what_they_show_one_by_one(seed: int):
    rows = crowded(seed).rows()
    together = retention_of(rows)
    assert retention_of([row for row in rows if not row.suppressed]) == together
    for row in together:
        shown = [one for one in rows if one.months_later == row.months_later and not one.suppressed]
        assert row.cohort_drivers == sum(one.cohort_drivers for one in shown if isinstance(one.cohort_drivers, int))


PEOPLE = st.lists(st.lists(st.integers(-120, 29), min_size=1, max_size=12), max_size=40)


@given(PEOPLE)
def test_nobody_is_found_in_groups_and_frequencies_by_a_difference(everybody: list[list[int]]):
    """An attacker knows the sum over groups: the orders and the revenue of a station are in its books."""
    report = customers_report(APRIL, [customer(*(at(1) + day * DAY for day in days)) for days in everybody])
    here = [days for days in everybody if max(days) >= 0]
    for groups in (report.rows, report.frequency):
        counts = [row.drivers for row in groups if isinstance(row.drivers, int)]
        assert not any(0 < count < LEAST_DRIVERS for count in counts)
        unseen = [row for row in groups if row.suppressed]
        if unseen and any(counts):
            assert len(unseen) > 1
            assert len(here) - sum(counts) >= LEAST_DRIVERS
    _expect_gaps(report, everybody)


def _expect_gaps(report: CustomersReport, everybody: list[list[int]]) -> None:
    gaps = sorted(
        after - before for days in everybody for before, after in pairwise(sorted(days)) if after >= 0
    )  # fmt: skip
    if isinstance(report.totals.median_days_between, int):
        assert report.totals.median_days_between == gaps[(len(gaps) - 1) // 2]


# --- through the API --------------------------------------------------------------------------------------------


async def test_of_visits_of_all_times_only_what_a_report_needs_is_read(analytics: Analytics):
    """What the database leaves out makes no difference: the report of everything is the same."""
    station, random = await open_station(analytics), Random(8)  # noqa: S311 - made-up drivers
    visits = [
        (f"driver-{number}", at(1) + random.randrange(-900 * 24, 40 * 24) * timedelta(hours=1))
        for number in range(40) for _ in range(random.randrange(1, 9))
    ]  # fmt: skip
    events = [paid(station, moment, driver, paid_minor=random.randrange(28_000)) for driver, moment in visits]
    await take(analytics, *events, paid(station, at(2), "driver-1", currency="EUR"))
    since = history_from(APRIL)
    found = await Customers(analytics.process.views).visits(station, "CNY", since, APRIL.ends_at)
    assert sum(len(one["visits"]) for one in found) == sum(since <= moment < APRIL.ends_at for _, moment in visits)
    assert any(one["last_before"] not in (None, one["first_at"]) for one in found), "of some there is more than is read"
    kept = [document["visits"].values() for document in folded(StationDrivers(), *events).values()]
    everything = [
        Customer(tuple(sorted(Visit(one["at"], one["paid_minor"], one["volume_ml"]) for one in theirs)))
        for theirs in kept
    ]
    assert customers_report(APRIL, customers_of(found)) == customers_report(APRIL, everything)


async def test_the_report_is_read_by_the_stations_own_staff(analytics: Analytics):
    station, drivers = await open_station(analytics), [f"driver-{number}" for number in range(6)]
    await take(analytics, *(paid(station, at(2, month=3), driver) for driver in drivers))
    await take(analytics, *(paid(station, at(9), driver) for driver in drivers), paid(station, at(9), "driver-new"))
    report = await read(analytics, station, "customers", **{"from": "2026-04-01", "to": "2026-04-30"})
    assert (report["totals"]["orders"], report["totals"]["drivers"]) == (7, 7)
    assert [row["suppressed"] for row in report["rows"]] == [True, True]
    assert {row["drivers"] for row in report["rows"]} == {None}
    before = await read(
        analytics, station, "customers", **{"from": "2026-04-01", "to": "2026-04-30", "compare": "previous"}
    )  # fmt: skip
    assert before["comparison"]["totals"]["orders"] == 6


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_the_report_comes_as_files_too(analytics: Analytics, language: str):
    station, drivers = await open_station(analytics), [f"driver-{number}" for number in range(60)]
    visits = [(at(1 + number % 28, month), one) for number, one in enumerate(drivers) for month in (3, 4)]
    await take(analytics, *(paid(station, *visit) for visit in visits))
    days = {"from": "2026-04-01", "to": "2026-04-30", "compare": "previous", "language": language}
    for ending in ("csv", "xlsx", "pdf"):
        path = f"/v1/reports/stations/{station}/customers.{ending}"
        answer = await analytics.client.get(path, params=days, headers=analytics.manager())
        assert answer.status_code == 200, answer.text
