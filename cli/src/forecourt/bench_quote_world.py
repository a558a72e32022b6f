"""What `bench loyalty` quotes: an operator with 200 live campaigns, its stations, and drivers with coupons.

It is put into loyalty's own database, as if staff, drivers and events had made it, and taken out again afterwards.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from local_stack.config import Config
from local_stack.environment import service_environment
from loyalty.domain.terms import (
    Benefit,
    Hours,
    Percentage,
    PerFill,
    PerLitre,
    PointsMultiplier,
    PriceLock,
    Scope,
    Stacking,
    stored,
)
from servicekit.ids import new_id

OPERATOR = "bench-quotes"
STATIONS, CAMPAIGNS, TEMPLATES = 50, 200, 25
COUPONS = 10
"""Of each driver."""
STRANGERS = 2_000
"""Drivers who have coupons too, and ask for nothing."""
FUELS = ("e5", "e10", "diesel_b7")
PRICE_MILLS = 1_859


@asynccontextmanager
async def quote_world(config: Config, drivers: Sequence[str]) -> AsyncIterator[list[UUID]]:
    """The stations; all of it is gone afterwards."""
    connection = await asyncpg.connect(service_environment(config, "loyalty")["LOYALTY_POSTGRES_DSN"])
    try:
        await _take_out(connection)
        stations = [new_id() for _ in range(STATIONS)]
        async with connection.transaction():
            await _put_in(connection, stations, [*drivers, *(f"{OPERATOR}-{number}" for number in range(STRANGERS))])
            await connection.execute("NOTIFY campaigns")
        await connection.execute("ANALYZE")
        yield stations
    finally:
        await _take_out(connection)
        await connection.close()


async def _put_in(connection: asyncpg.Connection, stations: Sequence[UUID], drivers: Sequence[str]) -> None:
    now = datetime.now(UTC)
    await _copy(connection, "stations", ({
        "station_id": one, "operator": OPERATOR, "name": "Bench", "country": "DE", "time_zone": "Europe/Berlin",
        "currency": "EUR", "fuels": list(FUELS), "closed": False, "version": 1,
    } for one in stations))  # fmt: skip
    await _copy(connection, "prices", ({
        "station_id": one, "fuel": fuel, "price_mills": PRICE_MILLS, "currency": "EUR", "version": 1,
        "effective_at": now,
    } for one in stations for fuel in FUELS))  # fmt: skip
    campaigns = [_campaign(number, stations, now) for number in range(CAMPAIGNS)]
    await _copy(connection, "campaigns", campaigns)
    await _copy(connection, "campaign_use", (
        {"campaign_id": one["campaign_id"], "used_minor": 10_000, "uses": 50} for one in campaigns
    ))  # fmt: skip
    templates = [_template(number) for number in range(TEMPLATES)]
    await _copy(connection, "coupon_templates", templates)
    await _copy(connection, "coupons", _coupons(drivers, templates, now))


async def _copy(connection: asyncpg.Connection, table: str, rows: Any) -> None:
    listed: list[dict[str, Any]] = list(rows)
    await connection.copy_records_to_table(table, records=[tuple(row.values()) for row in listed], columns=[*listed[0]])


def _campaign(number: int, stations: Sequence[UUID], now: datetime) -> dict[str, Any]:
    """Of all kinds: for some stations, grades, hours, tiers and ways of paying, with a budget or a limit for each."""
    return {
        "campaign_id": new_id(), "status": "live", "operator": OPERATOR, "name": f"Bench {number}",
        "benefit": stored(_benefit(number)), "scope": stored(_scope(number, stations)),
        "stacking": stored(Stacking(("campaign", "campaign", "extra", None)[number % 4], 50 + number % 3 * 50)),
        "currency": "EUR", "starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=30),
        "budget_minor": 100_000_000 if number % 2 else None, "uses_per_driver": None if number % 3 else 1_000,
        "created_by": OPERATOR,
    }  # fmt: skip


def _benefit(number: int) -> Benefit:
    return (
        Percentage(100 + number, 500), PerLitre(10 + number % 30), PerFill(100 + number),
        PriceLock(PRICE_MILLS - number % 40), PointsMultiplier(11_000 + number * 10),
    )[number % 5]  # fmt: skip


def _scope(number: int, stations: Sequence[UUID]) -> Scope:
    """One in three holds at every station; the others at a part of them."""
    return Scope(
        station_ids=None if number % 3 == 0 else tuple(str(one) for one in stations[number % 7 :: 3]),
        fuels=None if number % 2 else (FUELS[number % 3],), tiers=("gold",) if number % 11 == 0 else None,
        methods=("fuel_card",) if number % 13 == 0 else None, minimum_volume_ml=20_000 if number % 17 == 0 else None,
        hours=(Hours((1, 2, 3, 4, 5, 6, 7), "06:00", "20:00"),) if number % 5 == 0 else None,
    )  # fmt: skip


def _template(number: int) -> dict[str, Any]:
    return {
        "template_id": new_id(), "operator": OPERATOR, "name": f"Bench {number}",
        "benefit": stored(PerFill(100 + number * 10) if number % 2 else Percentage(100 + number * 10)),
        "scope": stored(Scope(minimum_minor=3_000 if number % 3 else None)),
        "stacking": stored(Stacking("coupon", 100)), "currency": "EUR", "valid_days": 30, "created_by": OPERATOR,
    }  # fmt: skip


def _coupons(
    drivers: Sequence[str], templates: Sequence[dict[str, Any]], now: datetime
) -> Iterator[dict[str, Any]]:  # fmt: skip
    for place, driver in enumerate(drivers):
        for number in range(COUPONS):
            coupon_id = new_id()
            yield {
                "coupon_id": coupon_id, "template_id": templates[(place + number) % TEMPLATES]["template_id"],
                "driver_id": driver, "issued_to": driver, "key": str(coupon_id), "reason": "bench", "issued_at": now,
                "expires_at": now + timedelta(days=1 + number),
            }  # fmt: skip


async def _take_out(connection: asyncpg.Connection) -> None:
    """What this benchmark, or one that died, put in. No event told of it, so nobody else has any of it."""
    own = f"operator = '{OPERATOR}'"
    campaigns, templates, stations = (
        f"(SELECT {name}_id FROM {table} WHERE {own})"  # noqa: S608 - constants
        for name, table in (("campaign", "campaigns"), ("template", "coupon_templates"), ("station", "stations"))
    )
    async with connection.transaction():
        for table, which in (
            ("coupons", f"template_id IN {templates}"), ("coupon_templates", own),
            ("campaign_use", f"campaign_id IN {campaigns}"), ("campaigns", own),
            ("prices", f"station_id IN {stations}"), ("stations", own),
        ):  # fmt: skip
            await connection.execute(f"DELETE FROM {table} WHERE {which}")  # noqa: S608 - constants
