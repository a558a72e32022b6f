"""Gifts as staff keep them, drivers order them, and crews hand them over."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from loyalty.use_cases import points
from servicekit.ids import new_id
from servicekit.testkit import canary_phone

from .conftest import OPERATOR, Loyalty

STAFF = "campaigns:write"
CREW = "rewards:redeem"


def terms(**fields: Any) -> dict[str, Any]:
    """The body of a new gift, which is picked up at all stations."""
    standard = {"operator": OPERATOR, "name": "Umbrella", "points": 500, "stock": 10}
    return standard | fields


async def keep(loyalty: Loyalty, method: str, path: str, body: Any = None, **claims: Any) -> httpx.Response:
    """What somebody gets who keeps gifts."""
    headers = loyalty.staff(STAFF, CREW, **claims) | {"Idempotency-Key": str(new_id())}
    return await loyalty.client.request(method, f"/v1{path}", json=body, headers=headers)


async def crew(loyalty: Loyalty, path: str, body: Any = None, key: str | None = None, **claims: Any) -> httpx.Response:
    """What an attendant gets."""
    headers = loyalty.staff(CREW, role="attendant", **claims) | {"Idempotency-Key": key or str(new_id())}
    return await loyalty.client.post(f"/v1{path}", json=body, headers=headers)


async def drive(
    loyalty: Loyalty, driver: str, method: str, path: str, body: Any = None, key: str | None = None
) -> httpx.Response:  # fmt: skip
    """What a driver gets."""
    headers = loyalty.driver(driver) | {"Idempotency-Key": key or str(new_id())}
    return await loyalty.client.request(method, f"/v1{path}", json=body, headers=headers)


async def gift(loyalty: Loyalty, **fields: Any) -> UUID:
    """A new gift."""
    answer = await keep(loyalty, "POST", "/gifts", terms(**fields))
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["gift_id"])


async def rich(loyalty: Loyalty, owned: int = 1_000) -> str:
    """A driver with points."""
    driver, key, at = str(new_id()), str(new_id()), datetime.now(UTC)
    await loyalty.store.transact(
        lambda tx: points.award(loyalty.process, tx, driver, owned, reason="reward", key=key, at=at)
    )
    return driver


def picked_up(gift_id: UUID, station_id: UUID) -> dict[str, Any]:
    """The body of an order."""
    return {"gift_id": str(gift_id), "how": {"kind": "pick_up", "station_id": str(station_id)}}


def delivered(gift_id: UUID) -> dict[str, Any]:
    """The body of an order that is sent to somebody."""
    who = {"kind": "delivery", "name": "canary-Mei", "phone": canary_phone(), "address": "1 canary-street"}
    return {"gift_id": str(gift_id), "how": who}


async def order(loyalty: Loyalty, driver: str, body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A placed order."""
    answer = await drive(loyalty, driver, "POST", "/gift-orders", body, **fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def code_of(loyalty: Loyalty, driver: str, placed: dict[str, Any]) -> str:
    """A code for the counter."""
    answer = await drive(loyalty, driver, "POST", f"/gift-orders/{placed['gift_order_id']}/code")
    assert answer.status_code == 201, answer.text
    return answer.json()["code"]


async def spendable(loyalty: Loyalty, driver: str) -> int:
    """The driver's points."""
    async with loyalty.store.connection() as connection:
        return await points.spendable(connection, driver)


async def stock(loyalty: Loyalty, gift_id: UUID) -> tuple[int, int]:
    """(stock, ordered) of a gift, which is what its orders say."""
    (row,) = await loyalty.rows("SELECT stock, ordered FROM gifts WHERE gift_id = $1", gift_id)
    waiting = await loyalty.sql(
        "SELECT count(*) FROM gift_orders WHERE gift_id = $1 AND status IN ('placed', 'ready')", gift_id
    )
    assert row["ordered"] == waiting
    return row["stock"], row["ordered"]
