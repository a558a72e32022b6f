"""Orders as tests make them."""

from typing import Any
from uuid import UUID

import httpx

from servicekit.ids import new_id

from .conftest import Payments


def wish(station_id: UUID, **fields: Any) -> dict[str, Any]:
    """What a driver asks for at pump 3 of the station."""
    return {"station_id": str(station_id), "pump_id": "3", "fuel": "petrol_95", "mode": "post_pay"} | fields


async def place(
    payments: Payments, driver: dict[str, str], asked: dict[str, Any], key: str | None = ""
) -> httpx.Response:
    """The reply to an order; a key of its own unless one is given, none where it is None."""
    headers = driver if key is None else driver | {"Idempotency-Key": key or str(new_id())}
    return await payments.client.post("/v1/orders", json=asked, headers=headers)


async def placed(payments: Payments, driver: dict[str, str], station_id: UUID, **fields: Any) -> dict[str, Any]:
    """A new order."""
    reply = await place(payments, driver, wish(station_id, **fields))
    assert reply.status_code == 201, reply.text
    return reply.json()


async def post(payments: Payments, who: dict[str, str], order_id: str, action: str, **body: Any) -> httpx.Response:
    """The reply to what somebody does with an order."""
    return await payments.client.post(f"/v1/orders/{order_id}/{action}", json=body or None, headers=who)


async def done(payments: Payments, who: dict[str, str], order_id: str, action: str, **body: Any) -> dict[str, Any]:
    """The order after what somebody did with it."""
    reply = await post(payments, who, order_id, action, **body)
    assert reply.status_code in {200, 201}, reply.text
    return reply.json()


def dispense(volume_ml: int, dispense_id: str = "pump-3-1", **fields: Any) -> dict[str, Any]:
    """A pump's report."""
    return {"dispense_id": dispense_id, "volume_ml": volume_ml, "ended_at": "2026-05-01T12:00:00Z"} | fields


def slug_of(reply: httpx.Response) -> str:
    """What is wrong, in short; empty where nothing is."""
    return str(reply.json().get("type", "")).rpartition(":")[2]


async def kinds(payments: Payments) -> list[str]:
    """The exceptions that were raised."""
    return [row["kind"] for row in await payments.rows("SELECT kind FROM exceptions ORDER BY exception_id")]
