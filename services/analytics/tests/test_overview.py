"""The overview: all stations of somebody, by currency, each by its own clock, the one with the most revenue first."""

from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.http_models.overview import OverviewShown
from schemas.events import StationClosedV1
from servicekit.ids import new_id

from .conftest import Analytics
from .sales_kit import open_station, paid, refunded
from .view_kit import take

NOON = datetime(2026, 4, 10, 4, tzinfo=UTC)
DAY = {"from": "2026-04-10", "to": "2026-04-10"}


async def read(analytics: Analytics, header: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    path = "/v1/reports/overview"
    answer = await analytics.client.get(path, params=DAY | query, headers=header or analytics.manager())
    assert answer.status_code == 200, answer.text
    OverviewShown.model_validate_json(answer.content, extra="forbid")
    return answer.json()


def names(report: dict[str, Any]) -> list[str]:
    return [row["station"] for row in report["stations"]]


async def test_stations_stand_in_the_order_of_their_revenue_by_currency(analytics: Analytics):
    small, large = [await open_station(analytics, name=name) for name in ("Small", "Large")]
    berlin = await open_station(analytics, name="Berlin", currency="EUR", time_zone="Europe/Berlin", country="DE")
    await open_station(analytics, name="Idle")
    await take(
        analytics, paid(small, NOON), *[paid(large, NOON) for _ in range(3)], refunded(large, NOON, 1_000),
        paid(berlin, NOON, currency="EUR", paid_minor=6_000, gross_minor=6_000),
    )  # fmt: skip
    report = await read(analytics)
    assert names(report) == ["Large", "Small", "Idle", "Berlin"]
    assert [row["revenue_share_basis_points"] for row in report["stations"]] == [7_500, 2_500, 0, 10_000]
    totals = [(one["currency"], one["stations"], one["totals"]["paid_minor"]) for one in report["currencies"]]
    assert totals == [("CNY", 3, 112_000), ("EUR", 1, 6_000)]
    assert report["currencies"][0]["totals"]["refunded_minor"] == 1_000


async def test_a_day_is_one_of_each_stations_own_time(analytics: Analytics):
    at = datetime(2026, 4, 9, 20, tzinfo=UTC)  # the 10th in Shanghai, the 9th in Berlin
    for name, zone in (("Shanghai", "Asia/Shanghai"), ("Berlin", "Europe/Berlin")):
        await take(analytics, paid(await open_station(analytics, name=name, time_zone=zone), at))
    report = await read(analytics)
    assert [(row["station"], row["orders"]) for row in report["stations"]] == [("Shanghai", 1), ("Berlin", 0)]


async def test_it_is_compared_with_other_days(analytics: Analytics):
    station = await open_station(analytics)
    await take(analytics, paid(station, NOON), paid(station, NOON), paid(station, NOON.replace(day=9)))
    report = await read(analytics, compare="previous")
    assert report["compared_with"] == {"first_day": "2026-04-09", "last_day": "2026-04-09"}
    [row], [currency] = report["stations"], report["currencies"]
    assert (row["comparison"]["before"]["orders"], row["comparison"]["changes"]["orders"]) == (1, 10_000)
    assert currency["comparison"]["changes"]["paid_minor"] == 10_000


async def test_it_comes_in_pages(analytics: Analytics):
    stations = [await open_station(analytics, name=f"Station {number}") for number in range(5)]
    await take(analytics, *[paid(stations[number], NOON) for number in range(5) for _ in range(number)])
    page = await read(analytics, limit=2)
    seen = names(page)
    while page["next_cursor"]:
        page = await read(analytics, limit=2, cursor=page["next_cursor"])
        seen += names(page)
    assert seen == [f"Station {number}" for number in (4, 3, 2, 1, 0)]


async def test_each_sees_the_stations_that_are_theirs(analytics: Analytics):
    other = f"operator-{new_id()}"
    mine = await open_station(analytics, name="Mine")
    await open_station(analytics, name="Beside it")
    await open_station(analytics, name="Another operator's", operator=other)
    grants = [{"role": "manager", "operators": [], "stations": [str(mine)]}]
    bound_to_one = analytics.manager(operators=[], stations=[str(mine)], grants=grants)
    assert names(await read(analytics, bound_to_one)) == ["Mine"]
    assert names(await read(analytics, bound_to_one, operator=analytics.operator)) == ["Mine"]
    both = analytics.manager(operators=[analytics.operator, other])
    assert len(names(await read(analytics, both))) == 3
    assert names(await read(analytics, both, operator=other)) == ["Another operator's"]
    for unknown in (other, "nobody"):
        path = f"/v1/reports/overview?operator={unknown}"
        answer = await analytics.client.get(path, headers=analytics.manager())
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:forecourt:problem:no-such-operator")


async def test_somebody_without_stations_sees_none(analytics: Analytics):
    report = await read(analytics)
    assert (report["stations"], report["currencies"], report["next_cursor"]) == ([], [], None)


async def test_a_closed_station_is_seen_where_it_sold(analytics: Analytics):
    station = await open_station(analytics)
    closed = {
        "station_id": station, "version": 2, "operator": analytics.operator, "external_id": "1", "name": "Closed",
        "country": "CN", "time_zone": "Asia/Shanghai", "currency": "CNY", "lat": 39.9, "lon": 116.4,
        "occurred_at": NOON,
    }  # fmt: skip
    await take(analytics, StationClosedV1.model_validate(closed), paid(station, NOON))
    assert names(await read(analytics)) == ["Closed"]
    assert names(await read(analytics, None, **{"from": "2026-04-11", "to": "2026-04-11"})) == []


@pytest.mark.parametrize("ending", ["csv", "xlsx", "pdf"])
async def test_it_comes_as_a_file(analytics: Analytics, ending: str):
    await take(analytics, paid(await open_station(analytics, name="Forecourt East"), NOON))
    path = f"/v1/reports/overview.{ending}"
    answer = await analytics.client.get(
        path, params=DAY | {"compare": "previous", "language": "en"}, headers=analytics.manager()
    )
    assert answer.status_code == 200, answer.text
    assert f"forecourt-overview-{analytics.operator}"[:30] in answer.headers["content-disposition"]
    if ending == "csv":
        assert "Forecourt East" in answer.text


async def test_a_cursor_that_was_not_made_here_is_refused(analytics: Analytics):
    answer = await analytics.client.get("/v1/reports/overview?cursor=abc", headers=analytics.manager())
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:forecourt:problem:bad-cursor")
