"""The demo's chapters on fuelling: scan the nozzle, fuel, pay in three ways, get a part back, keep the bill."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import aiohttp
from rich.table import Table

from feeds.platform import PlatformError
from forecourt.console import out
from forecourt.demo_people import Cast
from forecourt.fuel_stops import FUEL, OPERATOR, plant_fuel_stops
from forecourt.sign_in import SignIns
from forecourt.simulate_providers import Providers, providers, trade_on_the_phone
from forecourt.simulate_station import run_station
from local_stack.config import Config, StackError
from servicekit.ids import new_id
from simulators.pump_dispenses import Habits

PAYERS, CARDS, ORDERS = "/v1/me/payers", "/v1/fuel-cards", "/v1/orders"
PATIENCE_SECONDS = 30.0
PUMP_SPEED = 60.0
"""A pump gives 0.6 litres a second; nobody watches a demo for a minute."""
CHINA = ZoneInfo("Asia/Shanghai")
RECHARGE_MINOR = 50_000
VEHICLE = {"plate": "京A12345", "fuel": FUEL, "tank_ml": 50_000}
ODOMETER_KM, TRIP_KM = 52_000, 260


class Fuelling:
    """A driver at a station in Beijing, whose pumps are simulated, as the payment providers are."""

    def __init__(self, cast: Cast, outside: Providers, station_id: str) -> None:
        self._driver = cast.driver
        self._manager = cast.manager
        self._outside = outside
        self.station_id = station_id

    async def bind_payers(self, signs_in: SignIns) -> None:
        """WeChat Pay and Alipay learn who pays, by a code of the phone."""
        name = f"demo-{new_id()}"
        for provider, code in (
            ("wechat", await signs_in.wechat_code(name)),
            ("alipay", await signs_in.alipay_code(name)),
        ):
            await self._driver.put(f"{PAYERS}/{provider}", {"code": code})

    async def scan(self, pump_id: str, **wanted: Any) -> dict[str, Any]:
        """What the code on a nozzle says becomes an order at the price of the moment."""
        body = {"station_id": self.station_id, "pump_id": pump_id, "fuel": FUEL, **wanted}
        order = await self._driver.post(ORDERS, body, str(new_id()))
        out.print(f"driver:          scans nozzle {pump_id}: {order['mode'].replace('_', ' ')}, {order['fuel']} at "
                  f"{order['price_mills'] / 1000:.3f} CNY a litre, frozen from now on")  # fmt: skip
        return order

    async def pay(self, order: dict[str, Any], method: str, **how: Any) -> dict[str, Any]:
        """Pays, and confirms on the phone where the provider asks for it."""
        reply = await self._driver.post(f"{ORDERS}/{order['order_id']}/pay", {"method": method, **how}, str(new_id()))
        begun = time.perf_counter()
        if client := reply["payment"]["client"]:
            await self._outside.pay(*trade_on_the_phone(client), decline=False, late=False)
        paid = await self.seen(order, lambda seen: seen["status"] in {"authorised", "paid", "completed"})
        out.print(f"driver:          {paid['status']} by {method.replace('_', ' ')} "
                  f"{(time.perf_counter() - begun) * 1000:.0f} ms after the confirmation")  # fmt: skip
        return paid

    async def seen(self, order: dict[str, Any], is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The order once it is so, as the driver's app looks at it. Raises PlatformError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so(found := await self._driver.get(f"{ORDERS}/{order['order_id']}")):
            if time.monotonic() > deadline:
                raise PlatformError(f"order {order['order_id']} is still {found['status']}")
            await asyncio.sleep(0.05)
        return found

    async def open_card(self) -> str:
        """A virtual fuel card, recharged by WeChat Pay; its id."""
        card = await self._driver.post(CARDS, {"kind": "virtual", "currency": "CNY"}, str(new_id()))
        path = f"{CARDS}/{card['card_id']}"
        asked = {"amount_minor": RECHARGE_MINOR, "method": "wechat"}
        recharge = await self._driver.post(f"{path}/recharges", asked, str(new_id()))
        await self._outside.pay(*trade_on_the_phone(recharge["client"]), decline=False, late=False)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (await self._driver.get(f"{path}/recharges/{recharge['recharge_id']}"))["status"] != "paid":
            if time.monotonic() > deadline:
                raise PlatformError("the recharge of the fuel card was not paid in time")
            await asyncio.sleep(0.05)
        shown = await self._driver.get(path)
        out.print(f"driver:          a fuel card {shown['number']} with {yuan(shown['balance']['available_minor'])}")
        return card["card_id"]

    async def refund_a_part(self, order: dict[str, Any]) -> None:
        """Staff gives back what two litres cost."""
        body = {"volume_ml": 2_000, "reason": "under_dispensed"}
        refund = await self._manager.post(f"{ORDERS}/{order['order_id']}/refunds", body, str(new_id()))
        found = await self.seen(order, lambda seen: seen["refunded_minor"] == refund["amount_minor"])
        out.print(f"manager:         2 litres did not come: {yuan(refund['amount_minor'])} went back, "
                  f"{yuan(found['paid_minor'] - found['refunded_minor'])} are paid")  # fmt: skip


@asynccontextmanager
async def fuelling_in_beijing(config: Config, cast: Cast) -> AsyncIterator[Fuelling]:
    """The driver at the station, while its pumps run."""
    [station_id] = await plant_fuel_stops(cast.system, OPERATOR, 1)
    async with providers(config) as outside, _pumps(config, UUID(station_id)):
        yield Fuelling(cast, outside, station_id)


async def show_fuelling(config: Config, cast: Cast) -> None:
    """Three orders, a refund and the bill."""
    async with aiohttp.ClientSession(config.gateway_url) as http, fuelling_in_beijing(config, cast) as fuelling:
        await fuelling.bind_payers(SignIns(config, http))
        vehicle_id = (await cast.driver.post("/v1/me/vehicles", VEHICLE, str(new_id())))["vehicle_id"]
        first = await _fuel_first(fuelling, vehicle_id=vehicle_id, odometer_km=ODOMETER_KM)
        await _money_first(fuelling)
        await _by_card(fuelling, vehicle_id=vehicle_id, odometer_km=ODOMETER_KM + TRIP_KM)
        await fuelling.refund_a_part(first)
        await _show_bill(config, cast)


async def _fuel_first(fuelling: Fuelling, **car: Any) -> dict[str, Any]:
    order = await fuelling.scan("3", mode="post_pay", amount_minor=20_000, **car)
    order = await fuelling.seen(order, lambda seen: seen["status"] == "confirmed")
    out.print(f"pump 3:          gave {order['volume_ml'] / 1000:.2f} l, {yuan(order['gross_minor'])}")
    return await fuelling.pay(order, "wechat")


async def _money_first(fuelling: Fuelling) -> None:
    order = await fuelling.scan("4", mode="pre_auth", fill_up=True, max_amount_minor=60_000)
    await fuelling.pay(order, "alipay")
    order = await fuelling.seen(order, lambda seen: seen["may_leave"])
    hold = order["hold"]
    out.print(f"pump 4:          unlocked, gave {order['volume_ml'] / 1000:.2f} l: {yuan(hold['authorised_minor'])} "
              f"held, {yuan(hold['captured_minor'])} charged, {yuan(hold['released_minor'])} released")  # fmt: skip


async def _by_card(fuelling: Fuelling, **car: Any) -> None:
    card_id = await fuelling.open_card()
    order = await fuelling.scan("3", mode="post_pay", volume_ml=20_000, **car)
    order = await fuelling.seen(order, lambda seen: seen["status"] == "confirmed")
    await fuelling.pay(order, "fuel_card", card_id=card_id)


async def _show_bill(config: Config, cast: Cast) -> None:
    """The month as JSON and as a PDF to keep."""
    month = f"{datetime.now(CHINA):%Y-%m}"
    _print_records(await cast.driver.get("/v1/records"))
    await keep(config, "bill", f"bill-{month}.pdf", await cast.driver.file(f"/v1/bills/{month}.pdf"))


async def keep(config: Config, what: str, name: str, document: bytes) -> None:
    """A file of the demo, and where it lies."""
    file = config.data / "demo" / name
    file.parent.mkdir(exist_ok=True)
    await asyncio.to_thread(file.write_bytes, document)
    out.print(f"{what + ':':<16} {_short(file)} ({len(document) / 1024:.0f} KiB)", soft_wrap=True)


def _print_records(page: dict[str, Any]) -> None:
    table = Table("fuelled", "litres", "paid", "refunded", "by", box=None, padding=(0, 2))
    for record in page["records"]:
        table.add_row(
            record["fuel"], f"{record['volume_ml'] / 1000:.2f}", yuan(record["paid_minor"]),
            yuan(record["refunded_minor"]), record["method"].replace("_", " "),
        )  # fmt: skip
    out.print(table)


@asynccontextmanager
async def _pumps(config: Config, station_id: UUID) -> AsyncIterator[None]:
    """The station's pumps, until the block ends."""
    driven = asyncio.create_task(
        run_station(config, station_id, OPERATOR, Habits(speed=PUMP_SPEED, seed=1), lambda _: None)
    )
    try:
        yield
        if driven.done():
            raise StackError("the station's pumps stopped") from driven.exception()
    finally:
        driven.cancel()
        await asyncio.wait([driven])


def yuan(minor: int) -> str:
    """An amount in fen, for people."""
    return f"{minor / 100:,.2f} CNY"


def _short(file: Path) -> str:
    """The path as a person would type it here."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
