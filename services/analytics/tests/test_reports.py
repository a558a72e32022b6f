"""Reports of hours and days: what a station sold, by its own clock, beside other days, for its own staff."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from analytics.http_models.reports import answer_of
from analytics.use_cases.report_kinds import REPORT_BY_NAME
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import completed, open_station, paid, refunded
from .view_kit import take

DRIVERS = [f"driver-{number}" for number in range(6)]
NEW = [f"new-{number}" for number in range(5)]


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, day, hour, minute, tzinfo=UTC)


async def read(analytics: Analytics, station: UUID, report: str, /, **query: str) -> dict[str, Any]:
    """A report, which is as its model says."""
    path = f"/v1/reports/stations/{station}/{report}"
    answer = await analytics.client.get(path, params=query, headers=analytics.manager())
    assert answer.status_code == 200, answer.text
    answer_of(report, REPORT_BY_NAME[report].shape).model_validate_json(answer.content, extra="forbid")
    return answer.json()


def rows_of(report: Mapping[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in report["rows"]]


async def test_a_day_is_one_of_the_stations_own_time(analytics: Analytics):
    station = await open_station(analytics)
    await take(analytics, paid(station, utc(30, 15, 59)), paid(station, utc(30, 16, 1)), paid(station, utc(29, 16)))
    report = await read(analytics, station, "days", **{"from": "2026-04-30", "to": "2026-05-01"})
    assert rows_of(report, "day", "orders") == [("2026-04-30", 2), ("2026-05-01", 1)]
    assert (report["totals"]["orders"], report["totals"]["paid_minor"]) == (3, 84_000)
    assert (report["time_zone"], report["currency"], report["station"]) == (
        "Asia/Shanghai",
        "CNY",
        "Forecourt Chaoyang",
    )


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-30", 24)])
async def test_a_day_on_which_clocks_change_has_its_own_number_of_hours(analytics: Analytics, day: str, hours: int):
    station = await open_station(analytics, time_zone="Europe/Berlin", currency="EUR", country="DE")
    report = await read(analytics, station, "hours", **{"from": day, "to": day})
    assert len(report["rows"]) == hours
    assert (report["totals"]["orders"], report["totals"]["average_volume_ml"]) == (0, None)


async def test_hours_tell_what_was_sold_and_what_went_back(analytics: Analytics):
    station = await open_station(analytics)
    off = [{"kind": "coupon", "amount_minor": 1_500, "reason": "5 off", "reference": str(new_id())}]
    await take(
        analytics,
        paid(station, utc(10, 2), DRIVERS[0], breakdown=off, paid_minor=26_500),
        paid(station, utc(10, 2, 30), DRIVERS[1], fuel="diesel_b0", method="alipay"),
        paid(station, utc(10, 2, 40), mode="prepaid", volume_ml=0),
        completed(station, utc(10, 3, 10), mode="prepaid", volume_ml=30_000, used_minor=21_000),
        refunded(station, utc(10, 3, 20), 7_000, mode="prepaid", volume_ml=10_000, unused=True),
        refunded(station, utc(10, 4), 7_000, volume_ml=10_000),
    )
    report = await read(analytics, station, "hours", **{"from": "2026-04-10", "to": "2026-04-10"})
    happened = [row for row in report["rows"] if row["orders"] or row["volume_ml"]]
    assert [(row["hour"], row["orders"], row["volume_ml"]) for row in happened] == [
        ("2026-04-10T02:00:00Z", 2, 80_000), ("2026-04-10T03:00:00Z", 1, 30_000), ("2026-04-10T04:00:00Z", 0, -10_000)
    ]  # fmt: skip
    totals = report["totals"]
    assert (totals["gross_minor"], totals["discount_minor"], totals["paid_minor"]) == (77_000, 1_500, 75_500)
    assert (totals["refunds"], totals["refunded_minor"], totals["volume_ml"]) == (1, 7_000, 100_000)
    assert (totals["average_volume_ml"], totals["average_paid_minor"]) == (33_333, 25_167)
    assert totals["discount_basis_points"] == 195
    assert [(one["fuel"], one["volume_ml"]) for one in totals["fuels"]] == [
        ("diesel_b0", 40_000), ("petrol_95", 60_000)
    ]  # fmt: skip
    assert totals["discounts"] == [{"discount": "coupon", "orders": 1, "discount_minor": 1_500}]
    assert [(one["hour_of_day"], one["orders"]) for one in report["profile"] if one["orders"]] == [
        (10, 2), (11, 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "change"),
    [("Europe/Berlin", (2026, 3, 29)), ("Europe/Berlin", (2025, 10, 26)), ("Asia/Kolkata", (2026, 1, 1))],
)  # fmt: skip
async def test_the_database_adds_up_days_as_the_clock_shows_them(
    analytics: Analytics, zone: str, change: tuple[int, int, int]
):
    station = await open_station(analytics, time_zone=zone)
    noon = datetime(*change, 12, tzinfo=UTC)
    times = [noon + timedelta(hours=number, minutes=7 * number) for number in range(-30, 31)]
    fuels = ("petrol_95", "diesel_b0")
    await take(analytics, *[paid(station, at, fuel=fuels[number % 2]) for number, at in enumerate(times)])
    days = {"from": f"{noon.date() - timedelta(days=2)}", "to": f"{noon.date() + timedelta(days=2)}"}
    by_day, by_hour = await read(analytics, station, "days", **days), await read(analytics, station, "hours", **days)
    expected = Counter[str]()
    for row in by_hour["rows"]:
        local = datetime.fromisoformat(row["hour"]).astimezone(ZoneInfo(zone))
        expected[f"{local.date()}"] += row["orders"]
        expected.update({f"{local.date()}|{one['fuel']}": one["volume_ml"] for one in row["fuels"]})
    found = Counter({row["day"]: row["orders"] for row in by_day["rows"]})
    found.update({f"{row['day']}|{one['fuel']}": one["volume_ml"] for row in by_day["rows"] for one in row["fuels"]})
    assert +found == +expected
    assert by_day["totals"] == by_hour["totals"]


async def test_drivers_are_counted_once_a_day_and_new_ones_once_ever(analytics: Analytics):
    station = await open_station(analytics)
    first = [paid(station, utc(1, 2), driver) for driver in DRIVERS[:5]]
    second = [paid(station, utc(2, hour), driver) for driver in (*DRIVERS[:5], *NEW) for hour in (3, 9)]
    await take(analytics, *second, *first)
    report = await read(analytics, station, "days", **{"from": "2026-04-01", "to": "2026-04-02"})
    assert rows_of(report, "drivers", "new_drivers", "returning_drivers", "suppressed") == [
        (5, 5, 0, False), (10, 5, 5, False)
    ]  # fmt: skip
    assert [report["totals"][name] for name in ("orders", "drivers", "new_drivers")] == [25, 10, 10]


async def test_a_new_driver_is_of_the_day_of_the_hour_that_the_books_count(analytics: Analytics):
    """In Kolkata a day begins at half past an hour of UTC: that hour is of the day in which it begins."""
    station = await open_station(analytics, time_zone="Asia/Kolkata")
    await take(analytics, *[paid(station, utc(9, 18, 45), driver) for driver in DRIVERS])
    for report in ("days", "hours"):
        for day, count in (("2026-04-09", 6), ("2026-04-10", 0)):
            totals = (await read(analytics, station, report, **{"from": day, "to": day}))["totals"]
            assert (totals["drivers"], totals["new_drivers"]) == (count, count)
    both = await read(analytics, station, "days", **{"from": "2026-04-09", "to": "2026-04-10"})
    assert rows_of(both, "drivers", "new_drivers", "returning_drivers") == [(6, 6, 0), (0, 0, 0)]


async def test_two_periods_do_not_tell_of_a_small_day_by_their_difference(analytics: Analytics):
    station = await open_station(analytics)
    await take(analytics, *[paid(station, utc(1, 2), driver) for driver in DRIVERS], paid(station, utc(2, 2), "one"))
    await take(analytics, *[paid(station, utc(3, 2), driver) for driver in (*DRIVERS, *NEW)])
    for report in ("days", "hours"):
        told = [
            (await read(analytics, station, report, **{"from": first, "to": last}))["totals"]
            for first, last in (
                ("2026-04-01", "2026-04-03"),
                ("2026-04-02", "2026-04-03"),
                ("2026-04-03", "2026-04-03"),
            )
        ]
        assert [one["orders"] for one in told] == [18, 12, 11], "the books are never left out"
        names = ("drivers", "new_drivers", "returning_drivers", "methods")
        assert told[0] != told[1]
        assert [[one[name] for name in names] for one in told] == [[told[2][name] for name in names]] * 3
        assert (told[2]["drivers"], told[2]["new_drivers"]) == (11, 5)


async def test_few_drivers_are_left_out_and_the_books_are_not(analytics: Analytics):
    station = await open_station(analytics)
    many = [paid(station, utc(1, 2), driver, method="alipay") for driver in DRIVERS[:5]]
    await take(analytics, *many, *[paid(station, utc(2, 2), driver) for driver in DRIVERS[:4]])
    report = await read(analytics, station, "days", **{"from": "2026-04-02", "to": "2026-04-02"})
    [row] = report["rows"]
    assert (row["suppressed"], report["totals"]["suppressed"]) == (True, True)
    assert (row["drivers"], row["new_drivers"], row["methods"]) == (None, None, [])
    assert (row["orders"], row["paid_minor"]) == (4, 112_000)
    both = await read(analytics, station, "days", **{"from": "2026-04-01", "to": "2026-04-02"})
    assert [row["suppressed"] for row in both["rows"]] == [True, True], "the first day would tell of the second"
    assert (both["totals"]["suppressed"], both["totals"]["methods"], both["totals"]["orders"]) == (True, [], 9)


async def test_days_are_compared_with_those_before(analytics: Analytics):
    station = await open_station(analytics)
    await take(analytics, paid(station, utc(1, 2)), *[paid(station, utc(3, 2)) for _ in range(3)])
    report = await read(analytics, station, "days", **{"from": "2026-04-03", "to": "2026-04-04"}, compare="previous")
    compared = report["comparison"]
    assert (compared["first_day"], compared["last_day"]) == ("2026-04-01", "2026-04-02")
    assert (compared["totals"]["orders"], compared["changes"]["orders"]) == (1, 20_000)
    assert [(one["before"]["day"], one["changes"]["orders"]) for one in compared["rows"]] == [
        ("2026-04-01", 20_000), ("2026-04-02", None)
    ]  # fmt: skip
    assert compared["changes"]["drivers"] is None, "too few of them"


async def test_hours_are_compared_with_the_same_time_by_the_clock_last_year(analytics: Analytics):
    station = await open_station(analytics, time_zone="Europe/Berlin", currency="EUR", country="DE")
    in_winter, in_summer = datetime(2025, 3, 29, 8, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)
    await take(analytics, *[paid(station, at, currency="EUR") for at in (in_winter, in_summer, in_summer)])
    report = await read(analytics, station, "hours", **{"from": "2026-03-29", "to": "2026-03-29"}, compare="last_year")
    compared = {
        row["hour"]: one["before"]["hour"]
        for row, one in zip(report["rows"], report["comparison"]["rows"], strict=True)
    }
    assert compared["2026-03-29T07:00:00Z"] == "2025-03-29T08:00:00Z"
    assert report["comparison"]["changes"]["orders"] == 10_000


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from": "2026-04-02", "to": "2026-04-01"}, "before `from`"),
        ({"from": "2024-01-01", "to": "2026-04-01"}, "at most 400 days"),
        ({"to": "2999-01-01"}, "Days to come"),
        ({"from": "2999-01-01"}, "Days to come"),
        ({"from": "1900-01-01", "to": "1900-01-02"}, "nothing from before 2000"),
    ],
)
async def test_days_of_which_there_is_no_report_are_refused(analytics: Analytics, query: dict[str, str], problem: str):
    station = await open_station(analytics)
    path = f"/v1/reports/stations/{station}/days"
    answer = await analytics.client.get(path, params=query, headers=analytics.manager())
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:forecourt:problem:bad-period")
    assert problem in answer.json()["detail"]


@pytest.mark.parametrize("query", [{"from": "yesterday"}, {"compare": "next_year"}, {"to": "2026-02-30"}])
async def test_what_is_no_day_is_refused(analytics: Analytics, query: dict[str, str]):
    path = f"/v1/reports/stations/{new_id()}/days"
    answer = await analytics.client.get(path, params=query, headers=analytics.manager())
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:forecourt:problem:invalid-input")


async def test_a_station_of_others_is_as_one_that_is_not_there(analytics: Analytics):
    station = await open_station(analytics, operator="canary-other-oil")
    for asked in (station, new_id()):
        for report in REPORT_BY_NAME:
            answer = await analytics.client.get(f"/v1/reports/stations/{asked}/{report}", headers=analytics.manager())
            assert (answer.status_code, answer.json()["type"]) == (404, "urn:forecourt:problem:no-such-station")


async def test_a_manager_of_one_station_reads_that_one(analytics: Analytics):
    one, other = await open_station(analytics), await open_station(analytics)
    grants = [{"role": "manager", "operators": [], "stations": [str(one)]}]
    header = analytics.manager(operators=[], stations=[str(one)], grants=grants)
    codes = [
        (await analytics.client.get(f"/v1/reports/stations/{station}/days", headers=header)).status_code
        for station in (one, other)
    ]
    assert codes == [200, 404]


async def test_drivers_read_no_reports(analytics: Analytics):
    station = await open_station(analytics)
    path = f"/v1/reports/stations/{station}/days"
    assert (await analytics.client.get(path, headers=analytics.driver())).status_code == 403
    assert (await analytics.client.get(path)).status_code == 401


async def test_what_is_asked_by_default_is_thirty_days_until_today(analytics: Analytics):
    station = await open_station(analytics)
    report = await read(analytics, station, "days")
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Shanghai")).date()
    assert (report["first_day"], report["last_day"]) == (f"{today - timedelta(days=29)}", f"{today}")
    assert len(report["rows"]) == 30


async def test_anybody_reads_what_figures_mean_and_staff_how_fresh_they_are(analytics: Analytics):
    metrics = (await analytics.client.get("/v1/reports/metrics")).json()["metrics"]
    assert {"paid_minor", "volume_ml", "new_drivers"} <= {one["name"] for one in metrics}
    path = "/v1/reports/days/freshness"
    fresh = (await analytics.client.get(path, headers=analytics.manager())).json()
    assert [one["topic"] for one in fresh["topics"]] == ["payments.orders"]
    missing = await analytics.client.get("/v1/reports/weeks/freshness", headers=analytics.manager())
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:forecourt:problem:no-such-report")
