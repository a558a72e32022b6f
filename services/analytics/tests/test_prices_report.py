"""The report of prices over HTTP, and the averages around a station, on the real database."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from analytics.domain.metrics import METRICS
from analytics.domain.prices import Neighbour, PriceDay, PriceHour, PriceResponse, PriceWhole
from analytics.repository.stations import Stations
from analytics.use_cases.regional_prices import averages
from analytics.use_cases.report_kinds import REPORT_BY_NAME
from analytics.use_cases.reporting import Asked, read_report
from schemas.events import StationClosedV1, StationRegisteredV1
from schemas.vocabulary import Fuel
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Analytics
from .price_kit import confirmed, priced
from .sales_kit import open_station, paid
from .test_reports import read
from .view_kit import take

BERLIN: dict[str, Any] = {"time_zone": "Europe/Berlin", "country": "DE"}
PLACES = Random("places for tests of prices")  # noqa: S311 - places are no secret


def somewhere() -> dict[str, float]:
    """A place of a test's own, far from those of the others; 0.01 degrees of latitude are 1.1 km."""
    return {"lat": PLACES.uniform(-60, 60), "lon": PLACES.uniform(-179, 179)}


async def region(analytics: Analytics, stations: int, **profile: Any) -> list[UUID]:
    """Stations in a line to the north, 1.1 km apart."""
    place = somewhere()
    return [
        await open_station(analytics, **profile, **place | {"lat": place["lat"] + number / 100})
        for number in range(stations)
    ]


def utc(day: int, hour: int = 0, month: int = 4) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def figures(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


async def test_a_day_tells_where_the_price_stood(analytics: Analytics):
    own, cheap, dear = await region(analytics, 3)
    await take(
        analytics,
        priced(own, utc(1), 7_000), priced(own, utc(10, 4), 7_100), confirmed(own, utc(10, 9)),
        priced(cheap, utc(1), 6_900), priced(dear, utc(1), 7_300), priced(dear, utc(1), 9_000, Fuel.DIESEL_B0),
    )  # fmt: skip
    report = await read(analytics, own, "prices", **{"from": "2026-04-10", "to": "2026-04-10"})
    [row] = report["rows"]
    assert figures(row, "day", "fuel", "price_changes", "confirmations") == ("2026-04-10", "petrol_95", 1, 1)
    assert figures(row, "price_mills", "neighbour_price_mills") == (7_050, 7_100)  # from 12:00 in Shanghai on
    assert figures(row, "price_difference_mills", "price_difference_per_mille") == (-50, -7)
    assert figures(row, "price_rank", "neighbours", "cheapest_per_mille") == (2, 2, 0)
    assert figures(row, "sold_seconds", "compared_seconds") == (86_400, 86_400)
    profile = {one["hour_of_day"]: one["price_mills"] for one in report["hours_of_day"]}
    assert (profile[11], profile[12]) == (7_000, 7_100)
    assert [one["distance_m"] for one in report["compared_stations"]] == [1_113, 2_226]
    assert report["fuels"] == [{name: value for name, value in row.items() if name not in ("day", "confirmations")}]


async def closure(analytics: Analytics, station_id: UUID, at: datetime) -> StationClosedV1:
    """The end of a station, whose place is as it was."""
    station = await Stations(analytics.process.views).station(station_id)
    assert station
    said = {name: getattr(station, name) for name in StationClosedV1.model_fields if hasattr(station, name)}
    return StationClosedV1.model_validate(said | {"version": 2, "occurred_at": at})


async def test_what_closes_or_begins_in_the_period_counts_for_its_time(analytics: Analytics):
    own, other = await region(analytics, 2)
    closed = await closure(analytics, other, utc(10, 10))
    await take(analytics, priced(own, utc(10, 4), 7_000), priced(other, utc(1), 6_000), closed)
    report = await read(analytics, own, "prices", **{"from": "2026-04-10", "to": "2026-04-12"})
    first, second, _ = report["rows"]
    assert figures(first, "sold_seconds", "compared_seconds", "price_changes") == (12 * 3_600, 6 * 3_600, 0)
    assert figures(second, "price_mills", "price_rank", "neighbours", "compared_seconds") == (7_000, None, 0, 0)
    later = await read(analytics, own, "prices", **{"from": "2026-04-12", "to": "2026-04-12"})
    assert later["compared_stations"] == []


async def test_a_day_on_which_clocks_change_is_as_long_as_it_is(analytics: Analytics):
    [own] = await region(analytics, 1, **BERLIN, currency="EUR")
    await take(
        analytics, priced(own, utc(1, month=1), 1_700, currency="EUR"),
        priced(own, utc(29, month=3) + timedelta(hours=10, minutes=30), 1_922, currency="EUR"),
    )  # fmt: skip
    report = await read(analytics, own, "prices", **{"from": "2026-03-29", "to": "2026-03-29"})
    [row] = report["rows"]
    assert row["sold_seconds"] == 23 * 3_600
    assert row["price_mills"] == 1_700 + 222 // 2  # from 12:30 on, by the clocks of Berlin
    profile = {one["hour_of_day"]: one for one in report["hours_of_day"]}
    assert [profile[hour]["sold_seconds"] for hour in (1, 2, 3)] == [3_600, 0, 3_600]
    assert profile[12]["price_mills"] == (1_700 + 1_922) // 2


async def test_a_station_without_prices_has_a_report_without_rows(analytics: Analytics):
    [own] = await region(analytics, 1)
    report = await read(analytics, own, "prices", **{"from": "2026-04-10", "to": "2026-04-10"})
    assert (report["rows"], report["fuels"], report["responses"], report["totals"]) == ([], [], [], None)
    await take(analytics, priced(own, utc(12), 7_000))
    report = await read(analytics, own, "prices", **{"from": "2026-04-10", "to": "2026-04-10"})
    assert report["rows"] == [], "it was not sold yet"


async def test_of_what_is_to_come_nothing_is_said(analytics: Analytics):
    [own] = await region(analytics, 1, time_zone="UTC")
    await take(analytics, priced(own, utc(1), 7_000))
    before = datetime.now(UTC)
    report = await read(analytics, own, "prices", **{"from": f"{before.date()}"})
    so_far = (before - before.replace(hour=0, minute=0, second=0)).seconds
    assert report["rows"][0]["sold_seconds"] <= so_far + 60


async def test_days_are_compared_fuel_by_fuel(analytics: Analytics):
    [own] = await region(analytics, 1)
    diesel = priced(own, utc(1), 6_000, Fuel.DIESEL_B0)
    await take(analytics, diesel, priced(own, utc(1), 7_000), priced(own, utc(9, 16), 7_700))
    query = {"from": "2026-04-10", "to": "2026-04-10"}
    report = await read(analytics, own, "prices", **query, compare="previous")
    compared = [(one["before"]["fuel"], one["changes"]["price_mills"]) for one in report["comparison"]["rows"]]
    assert compared == [("diesel_b0", 0), ("petrol_95", 1_000)]


def demand(station: UUID, prices: Sequence[int]) -> list[Any]:
    """A price for each week, and orders of the days before it and after, hour by hour: 1 % dearer sells 2 % less."""
    events: list[Any] = []
    for number, mills in enumerate(prices):
        at = utc(1, month=5) + timedelta(days=7 * number)
        events.append(priced(station, at, mills))
        for hour in range(-24, 24):
            asked = mills if hour >= 0 else prices[max(number - 1, 0)]
            litres = round(40_000 * (7_000 / asked) ** 2)
            events.append(paid(station, at + timedelta(hours=hour, minutes=5), volume_ml=litres))
    return events


async def test_the_response_of_demand_is_told_and_too_little_is_said_to_be_too_little(analytics: Analytics):
    own, other = await region(analytics, 2)
    prices = [7_000 + 70 * (number * 7 % 5) for number in range(9)]
    await take(analytics, priced(other, utc(1), 7_000), *demand(own, prices))
    report = await read(analytics, own, "prices", **{"from": "2026-05-01", "to": "2026-06-27"})
    for response, kind in zip(report["responses"], ("own", "relative"), strict=True):
        assert figures(response, "fuel", "price_kind", "counted_changes") == ("petrol_95", kind, 8)
        assert response["counted_orders"] == 8 * 48
        assert abs(response["price_effect_basis_points"] + 200) <= 2
        assert response["finding"].startswith("For a price 1 % higher about 2.0 % less litres (between ")
    part = await read(analytics, own, "prices", **{"from": "2026-05-01", "to": "2026-05-23"})
    assert [one["price_effect_basis_points"] for one in part["responses"]] == [None, None]
    assert part["responses"][0]["finding"].startswith("Not enough data: 3 changes of price counted, needed 8;")


async def test_files_show_a_sheet_of_days_and_one_of_hours_for_each_fuel(analytics: Analytics):
    own, other = await region(analytics, 2)
    diesel = priced(own, utc(1), 6_000, Fuel.DIESEL_B0)
    await take(analytics, diesel, priced(own, utc(1), 7_000), priced(other, utc(1), 1))
    station = await Stations(analytics.process.views).station(own)
    assert station
    days = Asked(date(2026, 4, 10), date(2026, 4, 11))
    document = (await read_report(analytics.process, REPORT_BY_NAME["prices"], station, days)).document
    names = [sheet.name for sheet in document.sheets]
    assert names == [
        "grades", "diesel_b0-days", "diesel_b0-hours", "petrol_95-days", "petrol_95-hours", "response", "neighbours",
    ]  # fmt: skip
    for sheet in document.sheets:
        assert set(sheet.columns) <= METRICS.keys()
        assert all(len(row) == len(sheet.columns) for row in sheet.rows)
    assert len(document.sheets[1].rows) == 2
    notes = [english for english, _ in document.notes]
    assert any(one.startswith("Diesel 0#, own price: Not enough data: 0 changes of price counted") for one in notes)


async def test_stations_and_prices_come_from_their_topics(analytics: Analytics):
    standard = {"external_id": "1", "name": "Anna", "country": "CN", "time_zone": "Asia/Shanghai", "currency": "CNY"}
    own = StationRegisteredV1.model_validate(
        standard | somewhere() | {"station_id": new_id(), "version": 1, "operator": analytics.operator,
                                  "occurred_at": utc(1)}
    )  # fmt: skip
    price = priced(own.station_id, utc(1), 7_000)
    for event in (own, price, price, confirmed(own.station_id, utc(10, 9))):
        await analytics.kafka.publish(event)
    path, query = f"/v1/reports/stations/{own.station_id}/prices", {"from": "2026-04-10", "to": "2026-04-10"}

    async def shown() -> list[dict[str, Any]]:
        answer = await analytics.client.get(path, params=query, headers=analytics.manager())
        rows = answer.json()["rows"] if answer.status_code == 200 else []
        return [row for row in rows if row["confirmations"]]

    [row] = await eventually(shown)
    assert figures(row, "price_mills", "sold_seconds", "confirmations") == (7_000, 86_400, 1)


def test_each_figure_is_defined():
    for row in (PriceDay, PriceHour, PriceWhole, PriceResponse, Neighbour):
        assert {field.name for field in fields(row)} <= METRICS.keys()


async def test_averages_are_of_the_station_and_its_neighbours(analytics: Analytics):
    own, near, gone = await region(analytics, 3)
    far = await open_station(analytics, **somewhere())
    await take(
        analytics, await closure(analytics, gone, utc(9)), priced(gone, utc(1), 1),
        priced(own, utc(1), 7_000), priced(near, utc(1), 7_300), priced(near, utc(10, 18), 7_500),
        priced(near, utc(11), None), priced(far, utc(11, 12), 6_001),
    )  # fmt: skip
    wanted = [(own, "petrol_95", date(2026, 4, day)) for day in (10, 11)]
    wanted += [(far, "petrol_95", date(2026, 4, day)) for day in (11, 10)]
    wanted += [(own, "lpg", date(2026, 4, 11)), (new_id(), "petrol_95", date(2026, 4, 11))]
    wanted += [(own, "petrol_95", date(2026, month, 1)) for month in (3, 5)]
    found = await averages(analytics.process, [*wanted, wanted[0]])
    assert [found[one] for one in wanted] == [7_175, 7_000, 6_001, None, None, None, None, 7_000]
    assert await averages(analytics.process, []) == {}
