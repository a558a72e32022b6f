"""History by hour and day over HTTP, and its months in the database, on the real stores."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pricing.repository.history import TIMELINE, drop_months_before
from pricing.use_cases.history import keep_months, months_before

from .conftest import Pricing, item, verdicts

DAYS = {"fuel": "e5", "from": "2026-03-28T12:00:00Z", "to": "2026-03-30T12:00:00Z", "bucket": "day"}


def said(station_id: UUID, price_mills: int | None, effective_at: str) -> dict[str, Any]:
    return item(station_id, price_mills, effective_at=effective_at)


async def history(pricing: Pricing, station_id: UUID, **query: str) -> dict[str, Any]:
    reply = await pricing.client.get(f"/v1/stations/{station_id}/prices/history", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def prices_of_year(pricing: Pricing, station_id: UUID, year: int) -> list[int]:
    window = {"from": f"{year}-01-01T00:00:00Z", "to": f"{year + 1}-01-01T00:00:00Z"}
    raw = await history(pricing, station_id, fuel="e5", **window)
    return [entry["price_mills"] for entry in raw["entries"]]


async def months(pricing: Pricing) -> set[str]:
    async with pricing.store.connection() as connection:
        rows = await connection.fetch("SELECT inhrelid::regclass::text FROM pg_inherits")
    return {row[0] for row in rows}


async def test_days_are_the_stations_own_and_carry_the_price_on(pricing: Pricing):
    """Berlin's 29 March has 23 hours; the price of the 27th holds until the evening of the 28th."""
    station_id = await pricing.register()
    await pricing.report(
        said(station_id, 1_700, "2026-03-27T10:00:00Z"), said(station_id, 1_800, "2026-03-28T17:00:00Z"),
        said(station_id, None, "2026-03-29T21:00:00Z"),
    )  # fmt: skip
    told = await history(pricing, station_id, **DAYS)
    assert (told["time_zone"], told["currency"], told["bucket"]) == ("Europe/Berlin", "EUR", "day")
    assert told["buckets"] == [
        {
            "starts_at": "2026-03-27T23:00:00Z", "open_mills": 1_700, "close_mills": 1_800, "min_mills": 1_700,
            "max_mills": 1_800, "mean_mills": 1_725, "changes": 1,
        },
        {
            "starts_at": "2026-03-28T23:00:00Z", "open_mills": 1_800, "close_mills": None, "min_mills": 1_800,
            "max_mills": 1_800, "mean_mills": 1_800, "changes": 1,
        },
        {
            "starts_at": "2026-03-29T22:00:00Z", "open_mills": None, "close_mills": None, "min_mills": None,
            "max_mills": None, "mean_mills": None, "changes": 0,
        },
    ]  # fmt: skip


async def test_a_superseded_price_holds_until_the_price_was_said_again(pricing: Pricing):
    """P at 10:00 and again at 10:20, then word of Q at 10:10; later R, which is when P's last word becomes history."""
    station_id = await pricing.register()
    for price, minute in [(1_700, 0), (1_700, 20), (1_900, 10)]:
        await pricing.report(item(station_id, price, minute))
    window = {"fuel": "e5", "from": "2026-04-30T10:00:00Z", "to": "2026-04-30T11:00:00Z", "bucket": "hour"}
    [before] = (await history(pricing, station_id, **window))["buckets"]
    assert (before["mean_mills"], before["close_mills"], before["changes"]) == (1_733, 1_700, 3)
    assert verdicts(await pricing.report(item(station_id, 1_600, 50))) == ["accepted"]
    [after] = (await history(pricing, station_id, **window))["buckets"]
    assert (after["mean_mills"], after["close_mills"], after["max_mills"]) == (1_717, 1_600, 1_900)


async def test_prices_in_another_currency_are_not_mixed_in(pricing: Pricing):
    station_id = await pricing.register(currency="HRK")
    await pricing.report(said(station_id, 11_000, "2026-03-28T01:00:00Z") | {"currency": "HRK"})
    await pricing.report(said(station_id, 11_000, "2026-03-28T02:00:00Z") | {"currency": "HRK"})
    await pricing.register(station_id=station_id, version=2)
    await pricing.report(said(station_id, 1_500, "2026-03-28T11:00:00Z"))
    first = (await history(pricing, station_id, **DAYS))["buckets"][0]
    assert (first["open_mills"], first["min_mills"], first["max_mills"]) == (None, 1_500, 1_500)


async def test_what_was_never_sold_is_null_everywhere(pricing: Pricing):
    station_id = await pricing.register()
    buckets = (await history(pricing, station_id, **DAYS, limit="1"))["buckets"]
    assert len(buckets) == 3
    assert {bucket[field] for bucket in buckets for field in bucket if field.endswith("_mills")} == {None}


@pytest.mark.parametrize(
    "window",
    [
        {"from": "2025-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, {"from": "2099-01-01T00:00:00Z"},
        {"from": "2026-02-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}, {"bucket": "week"},
    ],
)  # fmt: skip
async def test_a_window_without_end_or_sense_is_refused(pricing: Pricing, window: dict[str, str]):
    station_id = await pricing.register()
    params = {"fuel": "e5", "bucket": "day"} | window
    reply = await pricing.client.get(f"/v1/stations/{station_id}/prices/history", params=params)
    assert reply.status_code == 422, reply.text


async def test_a_year_of_hours_is_one_page(pricing: Pricing):
    station_id = await pricing.register(time_zone="UTC")
    for price, moment in [(1_700, "2023-12-31T23:30:00Z"), (1_800, "2024-07-01T00:30:00Z")]:
        await pricing.report(said(station_id, price, moment))
    window = {"fuel": "e5", "from": "2024-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z", "bucket": "hour"}
    buckets = (await history(pricing, station_id, **window))["buckets"]
    assert len(buckets) == 8_784
    assert [b["mean_mills"] for b in buckets[24 * 182 - 1 : 24 * 182 + 2]] == [1_700, 1_750, 1_800]


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows of the history a plan read."""
    is_read = plan.get("Relation Name", "").startswith("price_history")
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if is_read else 0
    return int(own) + sum(map(rows_read, plan.get("Plans", [])))


async def test_a_month_costs_the_same_however_many_years_there_are(pricing: Pricing):
    """Ten changes a day for two years; February alone is read, with the change before it and the one after."""
    station_id = await pricing.register()
    async with pricing.store.connection() as connection, connection.transaction():
        for month in range(24):
            moment = datetime(2007 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
            await connection.execute("SELECT make_history_month($1)", moment)
        await connection.execute(
            """INSERT INTO price_history (station_id, fuel, effective_at, report_id, price_mills, currency, version,
                                          submitted_at, received_at)
               SELECT $1, 'e5', at, at, 1700, 'EUR', 1, at, at
               FROM generate_series(timestamptz '2007-01-01Z', '2008-12-31Z', '2.4 hours') AS at""",
            station_id,
        )
        await connection.execute("ANALYZE price_history")
        window = datetime(2008, 2, 1, tzinfo=UTC), datetime(2008, 3, 1, tzinfo=UTC)
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {TIMELINE}"
        for mode in ("force_custom_plan", "force_generic_plan"):
            await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
            told = await connection.fetchval(explain, station_id, "e5", *window, "EUR")
            assert 290 <= rows_read(json.loads(str(told))[0]["Plan"]) <= 295


async def test_reports_of_any_time_find_or_make_their_month(pricing: Pricing):
    """Many at once make the same months at once; each takes part in the history."""
    ids = [await pricing.register() for _ in range(6)]
    dates = ["2003-02-28T23:59:59Z", "2003-03-01T00:30:00+01:00", "2003-03-01T00:00:00Z"]
    batches = [[said(station_id, 1_700 + n, date) for n, date in enumerate(dates)] for station_id in ids]
    replies = await asyncio.gather(*(pricing.report(*batch) for batch in batches))
    assert [verdicts(reply) for reply in replies] == [["accepted", "superseded", "accepted"]] * len(ids)
    assert {"price_history_2003_02", "price_history_2003_03"} <= await months(pricing)
    for station_id in ids:
        assert await prices_of_year(pricing, station_id, 2003) == [1_702, 1_700, 1_701]


async def test_a_rejected_report_makes_no_month(pricing: Pricing):
    station_id = await pricing.register()
    assert verdicts(await pricing.report(said(station_id, 17, "2001-01-01T00:00:00Z"))) == ["outside_sane_bounds"]
    assert "price_history_2001_01" not in await months(pricing)


async def test_old_months_are_dropped_while_others_write_and_are_made_again_when_needed(pricing: Pricing):
    station_id, other = await pricing.register(), await pricing.register()
    for price, moment in [(1_700, "2002-05-31T12:00:00Z"), (1_800, "2002-06-01T12:00:00Z")]:
        await pricing.report(said(station_id, price, moment))
    async with pricing.store.connection() as writer, writer.transaction():
        await writer.execute("INSERT INTO price_history SELECT * FROM price_history WHERE false")  # it holds its lock
        dropping = asyncio.create_task(drop_before(pricing, datetime(2002, 6, 1, tzinfo=UTC)))
        assert verdicts(await pricing.report(said(other, 1_700, "2002-06-01T12:00:00Z"))) == ["accepted"]
    assert await dropping == ["price_history_2002_05"]
    assert await prices_of_year(pricing, station_id, 2002) == [1_800]
    assert verdicts(await pricing.report(said(other, 1_600, "2002-05-01T00:00:00Z"))) == ["superseded"]
    assert "price_history_2002_05" in await months(pricing)


async def test_a_month_that_another_replica_dropped_is_made_again(pricing: Pricing):
    station_id = await pricing.register()
    for day in (1, 2):  # the second time the month is known to be there
        await pricing.report(said(station_id, 1_700 + day, f"2004-08-0{day}T12:00:00Z"))
    async with pricing.store.connection() as connection:
        await connection.execute("DROP TABLE price_history_2004_08")
    assert verdicts(await pricing.report(said(station_id, 1_700, "2004-08-03T12:00:00Z"))) == ["accepted"]


async def test_what_a_replica_left_half_dropped_is_dropped_to_the_end(pricing: Pricing):
    station_id = await pricing.register()
    await pricing.report(said(station_id, 1_700, "2000-05-31T12:00:00Z"))
    async with pricing.store.connection() as connection:
        await connection.execute("ALTER TABLE price_history DETACH PARTITION price_history_2000_05")
    assert await drop_before(pricing, datetime(2000, 6, 1, tzinfo=UTC)) == ["price_history_2000_05"]
    assert await drop_before(pricing, datetime(2000, 6, 1, tzinfo=UTC)) == []


async def test_the_next_month_is_made_ahead_however_many_replicas_do_it(pricing: Pricing):
    await asyncio.gather(*(keep_months(pricing.store, None) for _ in range(3)))
    ahead = datetime.now(UTC) + timedelta(days=31)
    assert f"price_history_{ahead:%Y_%m}" in await months(pricing)


def test_months_are_counted_over_the_turn_of_years():
    moment = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert [f"{months_before(moment, n):%Y-%m-%d}" for n in (0, 2, 3, 120)] == [
        "2026-03-01", "2026-01-01", "2025-12-01", "2016-03-01",
    ]  # fmt: skip


async def drop_before(pricing: Pricing, horizon: datetime) -> list[str]:
    async with pricing.store.connection() as connection:
        return await drop_months_before(connection, horizon)
