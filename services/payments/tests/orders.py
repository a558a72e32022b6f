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
