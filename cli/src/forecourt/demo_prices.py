"""The demo's chapters on prices people can trust: what is really cheapest, what the law says, what staff plan."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from feeds.platform import PlatformClient
from forecourt.console import out
from local_stack.config import StackError
from schemas.base import rfc3339
from servicekit.ids import new_id

VIENNA = ZoneInfo("Europe/Vienna")
VIENNESE_OPERATOR = "demo-wien"
VIENNESE_STATION = {
    "external_id": "ring-1", "name": "Demo am Ring", "brand": None, "country": "AT", "region": "AT-9",
    "time_zone": "Europe/Vienna", "currency": "EUR", "lat": 48.2035, "lon": 16.3690, "fuels": ["e5"],
    "address": {"street": "Opernring", "house_number": "1", "post_code": "1010", "city": "Wien"},
}  # fmt: skip
MORNING_MILLS, NOON_MILLS = 1_589, 1_629
PLANNED_IN = timedelta(seconds=3)
ALERT_RADIUS_M = 500
PATIENCE_SECONDS = 20.0


def net_price_table(stations: list[dict[str, Any]]) -> Table:
    """Stations by what a litre really costs, each part shown."""
    table = Table("station", "distance", "pump price", "campaign", "detour", "really costs", box=None, padding=(0, 2))
    for station in stations:
        net = station["net_price"]
        campaign = net["campaign"]
        table.add_row(
            station["name"], f"{station['distance_m'] / 1000:.1f} km", _euros(net["pump_price_mills"]),
            f"-{_euros(campaign['discount_mills'])}" if campaign else "-",
            f"+{_euros(net['detour_mills_per_litre'])}", f"[bold]{_euros(net['net_price_mills'])}[/]",
        )  # fmt: skip
    return table


async def show_the_law(staff: PlatformClient) -> None:
    """A station in Vienna raises its price a second too early, and then at noon."""
    listed = await staff.post("/v1/station-imports", {"operator": VIENNESE_OPERATOR, "stations": [VIENNESE_STATION]})
    station_id = listed["results"][0]["station_id"]
    noon = _last_noon()
    table = Table("Vienna time", "E5", "verdict", "by which rule", box=None, padding=(0, 2))
    for at, mills in (
        (noon - timedelta(hours=6), MORNING_MILLS), (noon - timedelta(seconds=1), NOON_MILLS), (noon, NOON_MILLS),
    ):  # fmt: skip
        report = {
            "report_id": f"demo-{at:%Y%m%dT%H%M%S}", "station_id": station_id, "fuel": "e5", "price_mills": mills,
            "currency": "EUR", "effective_at": rfc3339(at),
        }  # fmt: skip
        verdict = await _verdict_once_known(staff, report)
        colour = "red" if verdict["verdict"] == "rejected" else "green"
        table.add_row(
            f"{at:%a %H:%M:%S}", _euros(mills), f"[{colour}]{verdict['verdict']}[/]", verdict.get("rule") or "-"
        )
    out.print(table)


def _last_noon() -> datetime:
    """The last 12:00 in Vienna."""
    now = datetime.now(VIENNA)
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    return noon if noon <= now else noon - timedelta(days=1)


async def _verdict_once_known(staff: PlatformClient, report: dict[str, Any]) -> dict[str, Any]:
    """The verdict; a station that was registered a moment ago reaches pricing through Kafka."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        [verdict] = (await staff.post("/v1/price-reports", {"reports": [report]}))["verdicts"]
        if verdict["reason"] != "unknown_station" or asyncio.get_running_loop().time() > deadline:
            return verdict
        await asyncio.sleep(0.1)


async def show_a_planned_change(staff: PlatformClient, driver: PlatformClient, station: dict[str, Any]) -> None:
    """Staff plan a lower price; a driver waits for just that."""
    [price] = station["prices"]
    lower, due_at = price["price_mills"] - 20, datetime.now(UTC) + PLANNED_IN
    await driver.delete("/v1/me/price-alerts")
    alert = {
        "fuel": price["fuel"], "lat": station["lat"], "lon": station["lon"], "radius_m": ALERT_RADIUS_M,
        "threshold_mills": lower, "currency": price["currency"],
    }  # fmt: skip
    await driver.post("/v1/me/price-alerts", alert)
    out.print(f"driver:          tell me when E5 costs {_euros(lower)} within {ALERT_RADIUS_M} m of {station['name']}")
    order = {
        "station_ids": [station["station_id"]], "fuel": price["fuel"], "price_mills": lower,
        "currency": price["currency"], "effective_at": rfc3339(due_at), "reason": "the demo's happy hour",
    }  # fmt: skip
    [change] = (await staff.post("/v1/price-changes", order, str(new_id())))["price_changes"]
    out.print(f"staff:           plan {_euros(lower)} for {due_at:%H:%M:%S} UTC, status [green]{change['status']}[/]")
    fired = await _until(lambda: _fired(staff, change["change_id"]), "the planned change did not fire")
    late = datetime.fromisoformat(fired["fired_at"]) - due_at
    out.print(
        f"pricing:         fired {late.total_seconds() * 1000:.0f} ms after its time, version {fired['price_version']}"
    )
    met = await _until(lambda: _met(driver), "the price alert did not fire")
    out.print(f"driver:          alert fired, {met['stations_met']} station(s) at or below {_euros(lower)}")


async def _fired(staff: PlatformClient, change_id: str) -> dict[str, Any] | None:
    change = await staff.get(f"/v1/price-changes/{change_id}")
    return change if change["status"] == "fired" else None


async def _met(driver: PlatformClient) -> dict[str, Any] | None:
    [alert] = (await driver.get("/v1/me/price-alerts"))["price_alerts"]
    return alert if alert["fired"] else None


async def _until(probe: Any, otherwise: str) -> dict[str, Any]:
    """The first answer of the probe. Raises StackError."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while (found := await probe()) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise StackError(f"{otherwise} within {PATIENCE_SECONDS:.0f} s: see `./forecourt logs pricing`")
        await asyncio.sleep(0.05)
    return found


def _euros(mills: int) -> str:
    return f"{mills / 1000:.3f} EUR"
