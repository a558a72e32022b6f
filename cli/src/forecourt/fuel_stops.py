"""Stations in Beijing at which one can fuel and pay, made by the public API, for the demo and for trials."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from feeds.platform import PlatformClient, PlatformError
from schemas.base import rfc3339
from servicekit.ids import new_id

OPERATOR = "forecourt"
FUEL, PRICE_MILLS, CURRENCY = "petrol_95", 7_850, "CNY"
SCOPES = ("prices:write", "stations:write", "orders:write", "pumps:write")
KNOWN_SECONDS = 30.0
_PLACES = ((39.9087, 116.3975), (39.9990, 116.2755), (39.8822, 116.4066), (40.0799, 116.6031), (39.9163, 116.3907))


async def plant_fuel_stops(system: PlatformClient, operator: str, count: int, step_mills: int = 0) -> list[str]:
    """The ids of so many stations of the operator, which sell 95 at 7.850 yuan a litre; the same ones each time.

    Each next one is dearer by `step_mills`.
    """
    rows = [_row(operator, number) for number in range(count)]
    results = (await system.post("/v1/station-imports", {"operator": operator, "stations": rows}))["results"]
    station_ids = [result["station_id"] for result in results]
    reports = [
        {
            "report_id": str(new_id()), "station_id": station_id, "fuel": FUEL,
            "price_mills": PRICE_MILLS + number * step_mills, "currency": CURRENCY,
            "effective_at": rfc3339(datetime.now(UTC)),
        }
        for number, station_id in enumerate(station_ids)
    ]  # fmt: skip
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        verdicts = (await system.post("/v1/price-reports", {"reports": reports}))["verdicts"]
        if all(verdict["verdict"] != "rejected" for verdict in verdicts):
            return station_ids
        if time.monotonic() > deadline:
            raise PlatformError(f"the price was not taken: {verdicts[0]['reason']}")
        await asyncio.sleep(0.05)  # pricing hears of a new station by its event


def _row(operator: str, number: int) -> dict[str, Any]:
    lat, lon = _PLACES[number % len(_PLACES)]
    south = 0 if operator == OPERATOR else 1  # trials are held where nobody looks for fuel
    return {
        "external_id": f"{operator}-{number}", "name": f"Forecourt {number + 1}", "brand": "Forecourt",
        "address": {"street": "East Chang'an Avenue", "house_number": str(number + 1), "post_code": "100006",
                    "city": "Beijing"},
        "country": "CN", "time_zone": "Asia/Shanghai", "currency": CURRENCY,
        "lat": lat - south + 0.001 * (number // len(_PLACES)), "lon": lon,
        "fuels": [FUEL, "diesel_b0"], "opening_hours": None, "holiday_region": None,
    }  # fmt: skip
