"""The demo's chapters on what stations and analysts learn: traffic, reports as pages and files, habits, a notebook."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from feeds.platform import PlatformClient, PlatformError
from forecourt.console import out
from forecourt.demo_payments import CHINA, keep, yuan
from forecourt.demo_people import Cast
from forecourt.fuel_stops import OPERATOR
from forecourt.notebook import notebook
from forecourt.traffic import drive
from local_stack.config import Config

STATIONS, DRIVERS, ORDERS = 5, 16, 120
FILLS = 4
"""Of the driver, in the chapters before."""
FOLDED_SECONDS = 30.0
FILES = ("xlsx", "pdf")


async def show_reports(config: Config, cast: Cast) -> None:
    """Drivers fuel; the manager opens the report of the busiest station, and one of all of them."""
    before = await _orders(cast.manager)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=out, transient=True) as bar:
        task = bar.add_task("drivers fuel", total=ORDERS)
        traffic = await drive(
            config, OPERATOR, stations=STATIONS, drivers=DRIVERS, orders=ORDERS, seed=1,
            advance=lambda: bar.advance(task),
        )  # fmt: skip
    fuelled = traffic.orders.total()
    out.print(f"drivers:         {DRIVERS} of them fuel {fuelled} times, the oftener the cheaper the station")
    begun = time.perf_counter()
    while await _orders(cast.manager) < before + fuelled:
        if time.perf_counter() - begun > FOLDED_SECONDS:
            raise PlatformError("the orders did not show in the overview: see `./forecourt logs analytics`")
        await asyncio.sleep(0.02)
    out.print(
        f"analytics:       all of them are in the reports {(time.perf_counter() - begun) * 1000:.0f} ms after the last"
    )
    _print_overview(await cast.manager.get("/v1/reports/overview", _today()))
    [(station_id, _)] = traffic.orders.most_common(1)
    await _open_report(config, cast.manager, station_id)


async def _orders(manager: PlatformClient) -> int:
    """How many of today's the overview knows."""
    shown = await manager.get("/v1/reports/overview", _today())
    return sum(one["totals"]["orders"] for one in shown["currencies"])


def _today() -> dict[str, str | int]:
    day = datetime.now(CHINA).date().isoformat()
    return {"from": day, "to": day, "operator": OPERATOR}


def _print_overview(shown: dict[str, Any]) -> None:
    table = Table("station", "orders", "litres", "revenue", "discounts", "refunds", box=None, padding=(0, 2))
    for one in shown["stations"]:
        table.add_row(
            one["station"], str(one["orders"]), f"{one['volume_ml'] / 1000:,.0f}", yuan(one["paid_minor"]),
            yuan(one["discount_minor"]), yuan(one["refunded_minor"]),
        )  # fmt: skip
    out.print(table)


async def _open_report(config: Config, manager: PlatformClient, station_id: str) -> None:
    """The station's week as JSON, as a workbook and as pages."""
    path, today = f"/v1/reports/stations/{station_id}/days", datetime.now(CHINA).date()
    asked = {"from": (today - timedelta(days=6)).isoformat(), "to": today.isoformat(), "compare": "previous"}
    begun = time.perf_counter()
    report = await manager.get(path, asked)
    took = time.perf_counter() - begun
    totals = report["totals"]
    late = datetime.now(UTC) - datetime.fromisoformat(report["complete_until"])
    out.print(
        f"manager:         GET {path}: {totals['orders']} orders, {totals['volume_ml'] / 1000:,.0f} l, "
        f"{yuan(totals['paid_minor'])} in {took * 1000:.0f} ms; complete until {late.total_seconds():.1f} s ago",
        soft_wrap=True,
    )
    for ending in FILES:
        document = await manager.file(f"{path}.{ending}", asked)
        await keep(config, f"as {ending}", f"days-{today}.{ending}", document)


async def show_habits(cast: Cast) -> None:
    """What the driver's own fills come to."""
    path = "/v1/me/habits"
    begun = time.perf_counter()
    while (habits := await cast.driver.get(path, {"months": 1}))["total"]["fills"] < FILLS:
        if time.perf_counter() - begun > FOLDED_SECONDS:
            raise PlatformError("the driver's fills did not show: see `./forecourt logs analytics`")
        await asyncio.sleep(0.02)
    [money] = habits["total"]["money"]
    litres = sum(one["volume_ml"] for one in habits["total"]["fuels"]) / 1000
    out.print(f"driver:          GET {path}: {money['fills']} fills, {litres:,.1f} l, "
              f"{yuan(money['spent_minor'])} spent, {yuan(money['discount_minor'])} off")  # fmt: skip
    for vehicle in habits["vehicles"]:
        if consumption := vehicle["consumption"]["ml_per_100km"]:
            out.print(f"driver:          by its odometer the car takes {consumption / 1000:.1f} l on 100 km")


async def show_findings(config: Config) -> None:
    """The analysts' notebook, over exports of the day in which drivers are pseudonyms."""
    await asyncio.to_thread(notebook, config.data / "demo" / "notebook", None, False)
