"""Who takes part in a trial of payments: stations, their system, a manager, and drivers who can pay in every way."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from feeds.platform import PlatformClient, connected
from forecourt.chaos_loyalty import end_campaigns, plant_campaign
from forecourt.clients import ensure_client
from forecourt.fuel_stops import SCOPES, plant_fuel_stops
from forecourt.sign_in import Session, SignIns
from forecourt.simulate_providers import Providers, providers, trade_on_the_phone
from forecourt.staff import ensure_staff
from local_stack.config import Config, StackError
from servicekit.ids import new_id

OPERATOR = "chaos"
STATIONS, DRIVERS = 5, 24
CARD_MINOR = 90_000
"""What a driver puts on a card; an anonymous one in China holds 1,000 yuan at most."""
RENEW_SECONDS = 400.0
SIDE_BY_SIDE = 6
RECHARGE_SECONDS = 40.0


@dataclass
class Person:
    """Somebody signed in, whose access token is renewed before it ends."""

    client: PlatformClient
    signs_in: SignIns
    session: Session
    renewed_at: float = field(default_factory=time.monotonic)

    async def present(self) -> PlatformClient:
        """The client, with a token that is good for some minutes."""
        if time.monotonic() - self.renewed_at > RENEW_SECONDS:
            self.session = await self.signs_in.refresh(self.session)
            self.client.use(self.session.access_token)
            self.renewed_at = time.monotonic()
        return self.client


@dataclass
class Driver(Person):
    """A driver with a fuel card, known at WeChat Pay and Alipay."""

    card_id: str = ""


@dataclass(frozen=True)
class World:
    """Everybody."""

    station_ids: list[str]
    system: PlatformClient
    manager: Person
    drivers: list[Driver]
    outside: Providers


@asynccontextmanager
async def chaos_world(config: Config, seed: int, *, campaign: bool = True) -> AsyncIterator[World]:
    """All of them, on a platform that is up; with a campaign that is off each fill, or without."""
    credentials = await asyncio.to_thread(ensure_client, config, "chaos", SCOPES, [OPERATOR], [])
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(connected(config.gateway_url, credentials))
        http = await stack.enter_async_context(aiohttp.ClientSession(config.gateway_url))
        outside = await stack.enter_async_context(providers(config))
        station_ids = await plant_fuel_stops(system, OPERATOR, STATIONS)
        signs_in, turn = SignIns(config, http), asyncio.Semaphore(SIDE_BY_SIDE)
        manager = await _manager(config, stack, signs_in)
        await (plant_campaign(manager.client, OPERATOR) if campaign else end_campaigns(manager.client, OPERATOR))

        async def driver(number: int) -> Driver:
            async with turn:
                return await new_driver(config, stack, signs_in, outside, f"chaos-{seed}-{number}-{new_id()}")

        drivers = await asyncio.gather(*map(driver, range(DRIVERS)))
        yield World(station_ids, system, manager, list(drivers), outside)


async def _manager(config: Config, stack: AsyncExitStack, signs_in: SignIns) -> Person:
    email, password = "manager@chaos.forecourt.example", secrets.token_urlsafe(18)
    who = await asyncio.to_thread(ensure_staff, config, email, password, ["manager"], [OPERATOR], name="Chaos")
    session = await signs_in.staff(who)
    client = await stack.enter_async_context(connected(config.gateway_url, access_token=session.access_token))
    return Person(client, signs_in, session)


async def new_driver(config: Config, stack: AsyncExitStack, signs_in: SignIns, outside: Providers, name: str) -> Driver:
    """Somebody who was never here before: signed in by a code, known to both providers, with money on a card."""
    session = await signs_in.driver(f"+8619900{secrets.randbelow(10**6):06}")
    client = await stack.enter_async_context(connected(config.gateway_url, access_token=session.access_token))
    await client.put("/v1/me/payers/wechat", {"code": await signs_in.wechat_code(name)})
    await client.put("/v1/me/payers/alipay", {"code": await signs_in.alipay_code(name)})
    card = await client.post("/v1/fuel-cards", {"kind": "virtual", "currency": "CNY"}, str(new_id()))
    driver = Driver(client, signs_in, session, card_id=card["card_id"])
    await recharge(driver, outside, CARD_MINOR)
    return driver


async def confirm(outside: Providers, client: Mapping[str, str], *, late: bool = False) -> None:
    """The payer confirms what the phone asks for; nothing, or too late, and nothing happens."""
    if not client:
        return
    with suppress(StackError):
        await outside.pay(*trade_on_the_phone(client), decline=False, late=late)


async def recharge(driver: Driver, outside: Providers, amount_minor: int) -> None:
    """Puts money on the driver's card by WeChat Pay, and waits for it."""
    client, path = await driver.present(), f"/v1/fuel-cards/{driver.card_id}/recharges"
    begun = await client.post(path, {"amount_minor": amount_minor, "method": "wechat"}, str(new_id()))
    deadline = time.monotonic() + RECHARGE_SECONDS
    while time.monotonic() < deadline:
        seen = await client.get(f"{path}/{begun['recharge_id']}")
        if seen["client"]:
            await confirm(outside, seen["client"])
        if seen["status"] not in {"waiting", "unknown"}:
            return
        await asyncio.sleep(0.2)
