"""The demo's chapters on loyalty: a campaign that is tried before it costs anything, and a price with all its parts."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.table import Table

from feeds.platform import PlatformClient, PlatformError
from forecourt.console import out
from forecourt.demo_payments import Fuelling, yuan
from forecourt.demo_people import Cast
from forecourt.fuel_stops import FUEL, OPERATOR, plant_fuel_stops
from schemas.base import rfc3339
from servicekit.ids import new_id

CAMPAIGNS, QUOTES, POINTS, GIFT_ORDERS = "/v1/campaigns", "/v1/quotes", "/v1/me/points", "/v1/gift-orders"
PATIENCE_SECONDS = 20.0
OFF_MILLS, OFF_MINOR, FROM_MINOR = 300, 1_000, 10_000
GIFT_POINTS, SPENT_POINTS = 300, 120
TANKFUL_ML = 20_000


@dataclass(frozen=True)
class Offered:
    """What the manager offers."""

    station_id: str
    coupons: str
    """The campaign in which drivers claim the coupon."""
    gift_id: str


async def show_a_campaign(cast: Cast) -> Offered:
    """Planned, simulated, published, seen; with a coupon to claim and a gift."""
    [station_id] = await plant_fuel_stops(cast.system, OPERATOR, 1)
    manager = cast.manager
    campaign = await _plan(
        manager, f"{OFF_MILLS / 1000:.2f} off each litre",
        benefit={"kind": "per_litre", "mills": OFF_MILLS}, currency="CNY", budget_minor=5_000_000,
        scope={"fuels": [FUEL]},
    )  # fmt: skip
    path = f"{CAMPAIGNS}/{campaign['campaign_id']}"
    out.print(f"manager:         plans [bold]{campaign['name']}[/] for {FUEL} with a budget of 50,000.00 CNY")
    found = await manager.post(f"{path}/simulate", {})
    out.print(f"simulator:       on the last four weeks: {found['orders_reached']} of {found['orders']} orders, "
              f"{found['drivers_reached']} drivers, {yuan(found['cost_minor'])} off; by tier: "
              f"{_by_tier(found)}")  # fmt: skip
    conflicts = await manager.get(f"{path}/conflicts")
    out.print(f"conflicts:       {len(conflicts['conflicts'])} campaigns overlap with it")
    begun = time.perf_counter()
    await _publish(manager, campaign)
    await _until(lambda: _is_seen(cast.driver, station_id, campaign["campaign_id"]), "the campaign at the station")
    out.print(f"driver:          sees it at the station after {(time.perf_counter() - begun) * 1000:.0f} ms "
              f"(GET {CAMPAIGNS}?station_id=...)")  # fmt: skip
    return Offered(station_id, await _offer_coupons(manager), await _offer_gift(manager))


def _by_tier(found: dict[str, Any]) -> str:
    return ", ".join(f"{one['key']} {yuan(one['cost_minor'])}" for one in found["by_tier"]) or "nobody"


async def _plan(manager: PlatformClient, name: str, **terms: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    standard = {
        "operator": OPERATOR, "name": name, "starts_at": rfc3339(now), "ends_at": rfc3339(now + timedelta(days=1))
    }  # fmt: skip
    return await manager.post(CAMPAIGNS, standard | terms, str(new_id()))


async def _publish(manager: PlatformClient, campaign: dict[str, Any]) -> None:
    body = {"version": campaign["version"]}
    await manager.post(f"{CAMPAIGNS}/{campaign['campaign_id']}/publish", body, str(new_id()))


async def _is_seen(driver: PlatformClient, station_id: str, campaign_id: str) -> bool:
    shown = await driver.get(CAMPAIGNS, {"station_id": station_id})
    return any(one["campaign_id"] == campaign_id for one in shown["campaigns"])


async def _offer_coupons(manager: PlatformClient) -> str:
    name = f"{OFF_MINOR // 100} off {FROM_MINOR // 100}"
    template = {
        "operator": OPERATOR, "name": name, "benefit": {"kind": "per_fill", "amount_minor": OFF_MINOR},
        "scope": {"minimum_minor": FROM_MINOR}, "currency": "CNY", "valid_days": 30, "per_driver": 1,
        "transferable": True,
    }  # fmt: skip
    made = await manager.post("/v1/coupon-templates", template, str(new_id()))
    reward = {"kind": "coupon", "template_id": made["template_id"], "trigger": "claim"}
    campaign = await _plan(manager, f"Take a coupon: {name}", benefit=reward, uses_per_driver=1)
    await manager.post(f"{CAMPAIGNS}/{campaign['campaign_id']}/simulate", {})
    await _publish(manager, campaign)
    out.print(f"manager:         offers a coupon, {name}, that drivers claim in the app")
    return campaign["campaign_id"]


async def _offer_gift(manager: PlatformClient) -> str:
    gift = {"operator": OPERATOR, "name": "Car wash", "points": GIFT_POINTS, "stock": 50}
    made = await manager.post("/v1/gifts", gift, str(new_id()))
    out.print(f"manager:         puts a gift into the catalogue: {made['name']} for {GIFT_POINTS} points")
    return made["gift_id"]


async def show_rewards(cast: Cast, fuelling: Fuelling, offered: Offered) -> None:
    """A coupon and points on an order, points for it, and a gift."""
    driver = cast.driver
    await _until(lambda: _has(driver, SPENT_POINTS + GIFT_POINTS), "the points of the first orders")
    account = await driver.get(POINTS)
    tier = await driver.get("/v1/me/tier")
    out.print(f"driver:          {account['balance']:,} points from the orders before; tier [bold]{tier['tier']}[/]")
    claimed = await driver.post(f"{CAMPAIGNS}/{offered.coupons}/claims", None, str(new_id()))
    await _show_quote(driver, offered, claimed["coupon_id"])
    await _fuel_with_discounts(driver, fuelling, claimed["coupon_id"])
    await _take_a_gift(cast, offered)
    _print_entries((await driver.get(f"{POINTS}/entries"))["entries"])


async def _show_quote(driver: PlatformClient, offered: Offered, coupon_id: str) -> None:
    wish = {
        "station_id": offered.station_id, "fuel": FUEL, "volume_ml": TANKFUL_ML, "coupon_ids": None,
        "points": SPENT_POINTS,
    }  # fmt: skip
    quote = await driver.post(QUOTES, wish)
    table = Table("price of 20 litres", "CNY", box=None, padding=(0, 2))
    table.add_row(f"at the pump, {quote['price_mills'] / 1000:.3f} a litre", f"{quote['gross_minor'] / 100:.2f}")
    for part in quote["breakdown"]:
        table.add_row(part["reason"], f"-{part['amount_minor'] / 100:.2f}")
    table.add_row("[bold]to pay", f"[bold]{quote['paid_minor'] / 100:.2f}")
    table.add_row(f"and it earns {quote['points']['earned']} points", "")
    out.print(table)
    if (best := quote["best_coupon"]) and best["coupon_id"] == coupon_id:
        out.print(f"best coupon:     {best['reason']}")


async def _fuel_with_discounts(driver: PlatformClient, fuelling: Fuelling, coupon_id: str) -> None:
    order = await fuelling.scan("3", mode="post_pay", volume_ml=TANKFUL_ML)
    order = await fuelling.seen(order, lambda seen: seen["status"] == "confirmed")
    paid = await fuelling.pay(order, "wechat", coupon_ids=[coupon_id], points=SPENT_POINTS)
    off = ", ".join(f"{part['reason']} -{yuan(part['amount_minor'])}" for part in paid["breakdown"])
    out.print(f"driver:          {yuan(paid['gross_minor'])}, {off}: {yuan(paid['paid_minor'])} paid")
    begun = time.perf_counter()
    await _until(lambda: _has_earned(driver, order["order_id"]), "the points of the order")
    out.print(f"driver:          has the points for it {(time.perf_counter() - begun) * 1000:.0f} ms after it is paid")


async def _take_a_gift(cast: Cast, offered: Offered) -> None:
    how = {"kind": "pick_up", "station_id": offered.station_id}
    order = await cast.driver.post(GIFT_ORDERS, {"gift_id": offered.gift_id, "how": how}, str(new_id()))
    path = f"{GIFT_ORDERS}/{order['gift_order_id']}"
    code = (await cast.driver.post(f"{path}/code", None, str(new_id())))["code"]
    out.print(f"driver:          orders {order['name']} for {order['points']} points and shows the code {code}")
    given = await cast.manager.post(
        "/v1/gift-hand-overs", {"code": code, "station_id": offered.station_id}, str(new_id())
    )
    out.print(f"crew:            takes the code, hands it over: {given['status'].replace('_', ' ')}")


async def _has(driver: PlatformClient, points: int) -> bool:
    return (await driver.get(POINTS))["spendable"] >= points


async def _has_earned(driver: PlatformClient, order_id: str) -> bool:
    entries = (await driver.get(f"{POINTS}/entries"))["entries"]
    return any(one["order_id"] == order_id and one["kind"] == "accrued" for one in entries)


async def _until(is_so: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await is_so():
        if time.monotonic() > deadline:
            raise PlatformError(f"{what} did not show within {PATIENCE_SECONDS:.0f} s")
        await asyncio.sleep(0.02)


def _print_entries(entries: list[dict[str, Any]]) -> None:
    table = Table("points", "balance", "why", box=None, padding=(0, 2))
    for entry in entries:
        table.add_row(f"{entry['points']:+,}", f"{entry['balance']:,}", entry["text"])
    out.print(table)
