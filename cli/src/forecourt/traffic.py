"""Drivers who go about their day: each picks a station by its price, fuels and pays, through the public API."""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from feeds.platform import PlatformClient, PlatformError, connected
from forecourt.chaos_drivers import LITTLE_MINOR
from forecourt.chaos_world import CARD_MINOR, SIDE_BY_SIDE, Driver, confirm, new_driver, recharge
from forecourt.clients import ensure_client
from forecourt.fuel_stops import FUEL, PRICE_MILLS, SCOPES, plant_fuel_stops
from forecourt.sign_in import SignIns
from forecourt.simulate_providers import Providers, providers
from local_stack.config import Config
from schemas.base import rfc3339
from servicekit.ids import new_id

STEP_MILLS = 60
"""By how much each next station is dearer."""
CAREFUL_MILLS = 150
"""So much dearer a station gets about a third of the drivers that it would get at the price of the cheapest."""
METHODS = ("fuel_card", "wechat", "alipay")
SHARES = (60, 30, 10)
TANK_ML = (18_000, 52_000)


@dataclass
class Traffic:
    """What came of it."""

    station_ids: Sequence[str]
    orders: Counter[str] = field(default_factory=Counter)
    """By station."""
    gave_up: Counter[str] = field(default_factory=Counter)
    """Refusals, by their kind."""


async def drive(
    config: Config, operator: str, *, stations: int, drivers: int, orders: int, seed: int, advance: Callable[[], object]
) -> Traffic:
    """Lets so many drivers fuel at the operator's first stations until there are so many orders.

    `advance` is called after each of them.
    """
    credentials = await asyncio.to_thread(ensure_client, config, "traffic", SCOPES, [operator], [])
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(connected(config.gateway_url, credentials))
        http = await stack.enter_async_context(aiohttp.ClientSession(config.gateway_url))
        outside = await stack.enter_async_context(providers(config))
        traffic = Traffic(await plant_fuel_stops(system, operator, stations, STEP_MILLS))
        signs_in, turn, numbers = SignIns(config, http), asyncio.Semaphore(SIDE_BY_SIDE), iter(range(orders))

        async def day_of(number: int) -> None:
            async with turn:
                driver = await new_driver(config, stack, signs_in, outside, f"traffic-{seed}-{number}-{new_id()}")
            for order in numbers:
                luck = random.Random(f"{seed}/{order}")  # noqa: S311 - no secret
                try:
                    await _Fill(traffic, system, outside, driver, luck).go()
                except PlatformError as error:
                    traffic.gave_up[error.kind or str(error)] += 1
                advance()

        await asyncio.gather(*map(day_of, range(drivers)))
        return traffic


class _Fill:
    """One order, from the choice of a station to the money."""

    def __init__(
        self, traffic: Traffic, system: PlatformClient, outside: Providers, driver: Driver, luck: random.Random
    ) -> None:
        self._traffic = traffic
        self._system = system
        self._outside = outside
        self._driver = driver
        self._luck = luck

    async def go(self) -> None:
        """Fuel first, then the money."""
        station_id = self._choose()
        body = {
            "station_id": station_id, "pump_id": str(new_id())[-12:], "fuel": FUEL, "mode": "post_pay", "fill_up": True,
        }  # fmt: skip
        order = await self._driver.client.post("/v1/orders", body, str(new_id()))
        path = f"/v1/orders/{order['order_id']}"
        dispense = {
            "dispense_id": str(new_id()), "volume_ml": self._luck.randrange(*TANK_ML),
            "ended_at": rfc3339(datetime.now(UTC)),
        }  # fmt: skip
        await self._system.post(f"{path}/dispenses", dispense, dispense["dispense_id"])
        await self._pay(path)
        self._traffic.orders[station_id] += 1

    def _choose(self) -> str:
        """The cheaper, the likelier."""
        stations = self._traffic.station_ids
        weights = [math.exp(-number * STEP_MILLS / CAREFUL_MILLS) for number in range(len(stations))]
        return self._luck.choices(stations, weights)[0]

    async def _pay(self, path: str) -> None:
        [method] = self._luck.choices(METHODS, SHARES)
        body = {"method": method}
        if method == "fuel_card":
            await self._fill_the_card()
            body["card_id"] = self._driver.card_id
        reply = await self._driver.client.post(f"{path}/pay", body, str(new_id()))
        if client := reply["payment"]["client"]:
            await confirm(self._outside, client)

    async def _fill_the_card(self) -> None:
        card = await self._driver.client.get(f"/v1/fuel-cards/{self._driver.card_id}")
        if (left := card["balance"]["available_minor"]) < max(LITTLE_MINOR, TANK_ML[1] * (PRICE_MILLS + 500) // 10_000):
            await recharge(self._driver, self._outside, CARD_MINOR - left)
