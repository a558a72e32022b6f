"""Coupons as staff make them, drivers have them, and crews take them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from loyalty.domain.coupons import CouponStatus, Template
from loyalty.domain.terms import PerFill, Scope, Stacking
from loyalty.repository import coupon_templates
from loyalty.use_cases import coupons
from schemas.base import Event
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import OPERATOR, Loyalty

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STAFF = "campaigns:write"
CREW = "rewards:redeem"


def template(**fields: Any) -> Template:
    """Coupons that take 20 yuan off, for 30 days."""
    standard: dict[str, Any] = {
        "template_id": new_id(), "version": 1, "operator": OPERATOR, "name": "canary-twenty", "description": "",
        "benefit": PerFill(2_000), "scope": Scope(), "stacking": Stacking("coupon"), "currency": "CNY",
        "valid_days": 30, "ends_at": None, "transferable": False, "most_issued": None, "issued": 0, "per_driver": None,
        "stopped_at": None, "created_by": "staff", "created_at": NOW,
    }  # fmt: skip
    return Template(**standard | fields)


async def stored(loyalty: Loyalty, **fields: Any) -> Template:
    """Such a template in the service's place."""
    one = template(**fields)
    await loyalty.store.transact(lambda tx: coupon_templates.insert(tx, one))
    return one


async def issued(
    loyalty: Loyalty, one: Template, driver_id: str, key: str | None = None, at: datetime | None = None
) -> UUID | None:  # fmt: skip
    """A coupon of a driver's, issued now or at another moment; None where none was."""
    moment, reason = at or datetime.now(UTC), key or str(new_id())
    return await loyalty.store.transact(
        lambda tx: coupons.issue(loyalty.process, tx, one.template_id, driver_id, reason="claim", key=reason, at=moment)
    )


async def held(loyalty: Loyalty, **fields: Any) -> tuple[str, UUID]:
    """(driver, coupon) of a template with these fields."""
    driver_id = str(new_id())
    coupon_id = await issued(loyalty, await stored(loyalty, **fields), driver_id)
    assert coupon_id is not None
    return driver_id, coupon_id


async def driver(loyalty: Loyalty, driver_id: str, method: str, path: str, body: Any = None) -> httpx.Response:
    """What a driver gets."""
    headers = loyalty.driver(driver_id) | {"Idempotency-Key": str(new_id())}
    return await loyalty.client.request(method, f"/v1{path}", json=body, headers=headers)


async def staff(loyalty: Loyalty, method: str, path: str, body: Any = None, **claims: Any) -> httpx.Response:
    """What a manager of the tests' operator gets."""
    return await loyalty.client.request(method, f"/v1{path}", json=body, headers=loyalty.staff(STAFF, **claims))


async def redeem(
    loyalty: Loyalty, code: str, station_id: UUID, *, sale: Any = "a fill", key: str | None = None, **claims: Any
) -> httpx.Response:  # fmt: skip
    """What an attendant gets who is shown a code."""
    sold = {"fuel": "petrol_95", "volume_ml": 30_000, "amount_minor": 23_550} if sale == "a fill" else sale
    headers = loyalty.staff(CREW, role="attendant", **claims) | {"Idempotency-Key": key or str(new_id())}
    body = {"station_id": str(station_id), "sale": sold}
    return await loyalty.client.post(f"/v1/coupons/{code}/redeem", json=body, headers=headers)


async def code_of(loyalty: Loyalty, driver_id: str, coupon_id: UUID, what: str = "code") -> str:
    """A code for the counter, or (`transfer`) for a friend."""
    answer = await driver(loyalty, driver_id, "POST", f"/me/coupons/{coupon_id}/{what}")
    assert answer.status_code == 201, answer.text
    return answer.json()["code"]


async def status_of(loyalty: Loyalty, coupon_id: UUID) -> CouponStatus:
    """What became of it, as it is stored."""
    return CouponStatus(await loyalty.sql("SELECT status FROM coupons WHERE coupon_id = $1", coupon_id))


async def age(loyalty: Loyalty, coupon_id: UUID, by: timedelta = timedelta(days=31)) -> None:
    """Lets so much time pass for a coupon and its codes."""
    await loyalty.sql(
        """UPDATE coupons SET (issued_at, expires_at) = (issued_at - $2::interval, expires_at - $2::interval)
           WHERE coupon_id = $1""",
        coupon_id, by,
    )  # fmt: skip
    await loyalty.sql("UPDATE codes SET expires_at = expires_at - $2::interval WHERE subject = $1", str(coupon_id), by)


async def told(loyalty: Loyalty, coupon_id: UUID) -> list[tuple[str, Event | None]]:
    """(kind, event) of all that was published about a coupon, in order."""
    await eventually(loyalty.outbox_is_empty)
    messages = [one for one in await loyalty.kafka.read("loyalty.coupons") if one.key == str(coupon_id).encode()]
    events = [one.event() for one in messages]
    return [(type(event).__name__, event) for event in events]
