"""Drivers as members: what they fuelled and when, whom they invited, and what staff decided."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from loyalty.domain.tiers import month_of, months_after
from loyalty.use_cases import misuse, referrals
from loyalty.use_cases.people import PeopleData
from loyalty.use_cases.referrals import Due
from schemas.events import UserErasedV1, UserMergedV1, UserRegisteredV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.personal_data import PeopleDesk

from .conftest import Loyalty, any_message
from .purchase_kit import paid, take

NOW = datetime.now(UTC)
MONTH = month_of(NOW)
REVIEW = "rewards:review"


def in_month(ago: int, day: int = 1) -> datetime:
    """A moment in the month so many months ago."""
    first = months_after(MONTH, -ago)
    return datetime(first.year, first.month, day, 12, tzinfo=UTC)


async def fuel(loyalty: Loyalty, driver_id: str, litres: int, at: datetime = NOW, **fields: Any) -> UUID:
    """A paid fill; its order's id."""
    order = paid(driver_id, volume_ml=litres * 1_000, occurred_at=at, **fields)
    await take(loyalty, [order])
    return order.order_id


async def months(loyalty: Loyalty, driver_id: str) -> dict[date, int]:
    """What counts of a driver's fuel, by month."""
    rows = await loyalty.rows("SELECT month, volume_ml FROM member_months WHERE driver_id = $1", driver_id)
    return {row["month"]: row["volume_ml"] for row in rows}


async def tier(loyalty: Loyalty, driver_id: str) -> str:
    """A driver's tier."""
    return await loyalty.sql("SELECT tier FROM members WHERE driver_id = $1", driver_id)


def desk(loyalty: Loyalty) -> PeopleDesk:
    """What handles events about people."""
    return PeopleDesk("loyalty", PeopleData(loyalty.process), loyalty.process.erasures)


async def erase(loyalty: Loyalty, driver_id: str) -> None:
    """Lets identity say that somebody is to be forgotten."""
    event = UserErasedV1(user_id=UUID(driver_id), version=2, occurred_at=NOW)
    await loyalty.store.transact(lambda tx: desk(loyalty).take_erasures(tx, [Received(event, any_message())]))


async def merge(loyalty: Loyalty, driver_id: str, into: str) -> None:
    """Lets identity say that two accounts are one person's."""
    event = UserMergedV1(user_id=UUID(driver_id), into_user_id=UUID(into), version=2, occurred_at=NOW)
    await loyalty.store.transact(lambda tx: desk(loyalty).take_merges(tx, [Received(event, any_message())]))


def registered(driver_id: str, at: datetime = NOW, kind: str = "driver") -> Received:
    """That somebody has an account now."""
    event = UserRegisteredV1.model_validate(
        {"user_id": driver_id, "version": 1, "occurred_at": at, "kind": kind}
    )  # fmt: skip
    return Received(event, any_message())


async def invite(loyalty: Loyalty, driver_id: str, device: str = "device-of-inviter") -> str:
    """The driver's code."""
    answer = await loyalty.client.post(
        "/v1/me/invitation", json={"device_id": device}, headers=loyalty.driver(driver_id)
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()["code"]


async def come(loyalty: Loyalty, friend_id: str, code: str, device: str | None = None) -> tuple[int, Any]:
    """Status and document of somebody's giving a code."""
    body = {"code": code, "device_id": device or f"device-{friend_id}"}
    answer = await loyalty.client.post("/v1/referrals", json=body, headers=loyalty.driver(friend_id))
    return answer.status_code, answer.json()


async def friends(loyalty: Loyalty, driver_id: str) -> list[dict[str, Any]]:
    """Who came by the driver's code, as the driver sees it."""
    answer = await loyalty.client.get("/v1/me/invitation", headers=loyalty.driver(driver_id))
    return answer.json()["friends"]


async def due(loyalty: Loyalty, order_id: UUID) -> Due | None:
    """What the giver of rewards is told of an order."""
    return await loyalty.store.transact(lambda tx: referrals.due(loyalty.process, tx, order_id))


async def look(loyalty: Loyalty, order_id: UUID) -> misuse.Verdict:
    """What the giver of rewards is told of a fill."""
    return await loyalty.store.transact(lambda tx: misuse.look_at_fill(loyalty.process, tx, order_id))


def reviewer(loyalty: Loyalty) -> dict[str, str]:
    """The header of somebody who decides."""
    return loyalty.staff(REVIEW, role="agent", operators=[], grants=[])


def drivers(count: int) -> list[str]:
    """New ids."""
    return [str(new_id()) for _ in range(count)]
