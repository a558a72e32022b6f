"""`demo`: one story through the whole platform, told in the terminal; it leaves the platform running."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
from rich.panel import Panel
from rich.table import Table

from feeds.platform import PlatformClient, PlatformError
from forecourt.console import out
from forecourt.demo_analytics import show_findings, show_habits, show_reports
from forecourt.demo_loyalty import show_a_campaign, show_rewards
from forecourt.demo_payments import fuelling_in_beijing, show_fuelling
from forecourt.demo_people import Cast, people_of, show_a_driver_leave, show_what_nobody_can_fake
from forecourt.demo_prices import VIENNESE_OPERATOR, net_price_table, show_a_planned_change, show_the_law
from forecourt.fuel_stops import OPERATOR as FUEL_STOPS
from forecourt.ledger import trial_balance
from forecourt.lifecycle import addresses, bring_up
from forecourt.replay import print_account
from forecourt.seed import plant
from local_stack.config import Config, StackError
from local_stack.status import status
from schemas.base import rfc3339
from servicekit.ids import new_id

STATIONS, PRICE_ROWS = 1_000, 4_000
BERLIN: dict[str, str | int] = {"lat": "52.52", "lon": "13.405", "radius_m": 15_000, "fuel": "e5", "limit": 8}
OPERATOR = "tankerkoenig"
STREAM_SECONDS = 10.0


def demo() -> None:
    """Start the platform, play a day of prices through it, and show what each of its people sees.

    Example: `./forecourt demo`
    """
    config = Config.from_environment()
    _chapter("The platform starts", "Kafka, Postgres, MongoDB, six services and the gateway, all on this machine.")
    bring_up(config)
    _chapter(
        "A country's day of prices",
        "A station system reports made-up stations and a day of their price changes through the public API. Every "
        "change goes through pricing, its outbox and Kafka to the stations service, and each one is accounted for.",
    )
    print_account(plant(config, STATIONS, PRICE_ROWS))
    try:
        asyncio.run(_live_chapters(config))
    except (PlatformError, aiohttp.ClientError) as error:
        raise StackError(f"the story broke off: {error}. See `./forecourt status`") from error
    _chapter("What it takes", "All of it, in resident memory, and where to find it.")
    parts = status(config)
    out.print(f"{sum(part.resident_mib or 0 for part in parts):,.0f} MiB in {len(parts)} parts")
    out.print(addresses(config))
    out.print("It keeps running. Next: `./forecourt status`, `./forecourt tail pricing.prices`, `./forecourt down`.")


async def _live_chapters(config: Config) -> None:
    _chapter(
        "People sign in",
        "A driver by a code from the phone and by WeChat, a manager by password and authenticator app, a station "
        "system by client credentials. `./forecourt sms` is the screen of every phone, `./forecourt security-matrix` "
        "says who may do what.",
    )
    async with people_of(config, [OPERATOR, VIENNESE_OPERATOR, FUEL_STOPS]) as cast:
        await show_what_nobody_can_fake(config, cast.driver_session)
        await _tell_of_live_prices(config, cast.system)
        await _tell_of_prices_to_trust(config, cast)
        _chapter(
            "Fuel, and pay once",
            "In Beijing: POST /v1/orders at the price of the moment, a pump that gives fuel, WeChat Pay, Alipay and a "
            "fuel card (all simulated, with their real protocols), a refund, and the month's bill.",
        )
        await show_fuelling(config, cast)
        await _tell_of_rewards(config, cast)
        await _tell_of_what_is_learnt(config, cast)
        await _show_the_books(config)
        _chapter(
            "A driver leaves",
            "POST /v1/me/export gathers what every service knows of the driver; DELETE /v1/me makes them forget it.",
        )
        await show_a_driver_leave(config, cast.driver_session)


async def _tell_of_rewards(config: Config, cast: Cast) -> None:
    _chapter(
        "A station steers",
        "A manager plans a campaign, tries it on past orders (POST /v1/campaigns/{id}/simulate), publishes it, and a "
        "driver sees it at the station a moment later. A coupon and a gift come with it.",
    )
    offered = await show_a_campaign(cast)
    _chapter(
        "What is off a price",
        "POST /v1/quotes says every part of a price before it is paid. The driver uses a coupon and points, earns new "
        "ones within a second, and takes a gift home for points.",
    )
    async with fuelling_in_beijing(config, cast) as fuelling:
        await show_rewards(cast, fuelling, offered)


async def _tell_of_what_is_learnt(config: Config, cast: Cast) -> None:
    _chapter(
        "A station learns",
        "Drivers fuel all over Beijing. A Faust processor folds each event into views within a moment; the manager "
        "opens the report of a station (GET /v1/reports/stations/{id}/days) as JSON, as a workbook and as pages.",
    )
    await show_reports(config, cast)
    await show_habits(cast)
    _chapter(
        "Analysts find out",
        "`./forecourt notebook`: topics are exported as Parquet files in which nobody is named, and a notebook asks "
        "DuckDB when fuel is cheapest, what the next station asks, and what drivers make of it.",
    )
    await show_findings(config)


async def _show_the_books(config: Config) -> None:
    _chapter(
        "The books",
        "`./forecourt ledger trial-balance`: every yuan that moved has two sides, and they sum to zero.",
    )
    await asyncio.to_thread(trial_balance)


async def _tell_of_live_prices(config: Config, system: PlatformClient) -> None:
    _chapter(
        "A driver in Berlin",
        f"GET {config.gateway_url}/v1/stations/nearby: the cheapest E5 around Alexanderplatz, with each price's age.",
    )
    nearby = await _near_berlin(system, "price")
    out.print(_stations_table(nearby))
    _chapter(
        "A price changes",
        "The first of these stations lowers its price by a cent. The driver has the live stream open: "
        "GET /v1/prices/stream.",
    )
    await _change_a_price(config, system, nearby[0])


async def _tell_of_prices_to_trust(config: Config, cast: Cast) -> None:
    _chapter(
        "What is really cheapest",
        "The same search with sort=net_price: the pump price, less what everyone gets off it, plus what the way there "
        "and back burns for 40 litres. The nearest price often beats the lowest.",
    )
    nearby = await _near_berlin(cast.driver, "net_price")
    out.print(net_price_table(nearby))
    way = await cast.driver.get(f"/v1/stations/{nearby[0]['station_id']}/navigation", {"provider": "google"})
    out.print(f"navigate there:  {way['links']['web']}", soft_wrap=True)
    _chapter(
        "The law of a region",
        "In Austria prices may rise at noon only. The rule is data with its source: GET /v1/price-rules/AT.",
    )
    await show_the_law(cast.system)
    _chapter(
        "Staff plan, a driver waits",
        "POST /v1/price-changes for a moment ahead, and POST /v1/me/price-alerts: both keep their word.",
    )
    await show_a_planned_change(cast.manager, cast.driver, nearby[0])


async def _near_berlin(client: PlatformClient, sort: str) -> list[dict[str, Any]]:
    nearby = (await client.get("/v1/stations/nearby", BERLIN | {"sort": sort}))["stations"]
    if not nearby:
        raise StackError("no station near Berlin shows a price: see `./forecourt dead-letters list stations`")
    return nearby


async def _change_a_price(config: Config, client: PlatformClient, station: dict[str, Any]) -> None:
    [price] = station["prices"]
    report = {
        "report_id": str(new_id()), "station_id": station["station_id"], "fuel": price["fuel"],
        "price_mills": price["price_mills"] - 10, "currency": price["currency"],
        "effective_at": rfc3339(datetime.now(UTC)),
    }  # fmt: skip
    async with _stream(config, station["station_id"]) as events:
        submitted_at = time.perf_counter()
        [verdict] = (await client.post("/v1/price-reports", {"reports": [report]}))["verdicts"]
        out.print(f"station system:  {price['price_mills'] / 1000:.3f} -> {report['price_mills'] / 1000:.3f} EUR, "
                  f"verdict [green]{verdict['verdict']}[/], version {verdict['version']}")  # fmt: skip
        event = await _event_of(events, verdict["version"])
    milliseconds = (time.perf_counter() - submitted_at) * 1000
    out.print(f"driver:          sees {event['price_mills'] / 1000:.3f} EUR after {milliseconds:.0f} ms")


async def _event_of(events: AsyncIterator[dict[str, Any]], version: int) -> dict[str, Any]:
    """The stream's event of a version of the price."""
    try:
        async with asyncio.timeout(STREAM_SECONDS):
            async for event in events:
                if event["version"] == version:
                    return event
    except TimeoutError:
        pass
    raise StackError("the live stream did not show the change: see `./forecourt logs gateway`")


@asynccontextmanager
async def _stream(config: Config, station_id: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """The live prices of one station."""
    url = f"{config.gateway_url}/v1/prices/stream"
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, params={"station_id": station_id}, raise_for_status=True) as response,
    ):

        async def events() -> AsyncIterator[dict[str, Any]]:
            async for line in response.content:
                if line.startswith(b"data:"):
                    yield json.loads(line.removeprefix(b"data:"))

        yield events()


def _stations_table(stations: list[dict[str, Any]]) -> Table:
    table = Table("station", "brand", "distance", "E5", "price holds since", "open now", box=None, padding=(0, 2))
    for station in stations:
        [price] = station["prices"]
        table.add_row(
            station["name"], station["brand"] or "-", f"{station['distance_m'] / 1000:.1f} km",
            f"{price['price_mills'] / 1000:.3f} EUR", _age(price["age_seconds"]),
            {True: "yes", False: "no", None: "unknown"}[station["open_now"]],
        )  # fmt: skip
    return table


def _age(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} s"


def _chapter(title: str, text: str) -> None:
    out.print()
    out.print(Panel(text, title=f"[bold]{title}", title_align="left", width=min(out.width, 100)))
