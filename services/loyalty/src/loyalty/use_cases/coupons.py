"""Coupons of drivers: how they come to them, what they look like, codes for the counter and for a friend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from loyalty.domain.coupons import TRANSFER, Coupon, CouponStatus, Template
from loyalty.repository import codes as codes_repository
from loyalty.repository import coupon_templates, members
from loyalty.repository import coupons as repository
from loyalty.use_cases import codes
from loyalty.use_cases.context import Loyalty
from servicekit.erasures import require_present
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem

COUNTER = "coupon_counter"
"""The purpose of a code that the crew is shown."""
GIVEN = "coupon_transfer"
"""The purpose of a code that another driver claims the coupon by."""
COUNTER_LIFE = timedelta(minutes=5)
GIVEN_LIFE = timedelta(days=7)
NOT_ACTIVE = {
    CouponStatus.RESERVED: "The coupon is set aside for a payment; cancel that, or wait until it has ended.",
    CouponStatus.REDEEMED: "The coupon was used already.",
    CouponStatus.EXPIRED: "The coupon's time is over.",
    CouponStatus.CANCELLED: "The coupon was withdrawn.",
}


@dataclass(frozen=True, slots=True)
class Held:
    """A driver's coupon, what it is of, and until when somebody else may claim it."""

    coupon: Coupon
    template: Template
    offered_until: datetime | None
    at: datetime

    @property
    def may_be_given(self) -> bool:
        """Whether its driver may give it away: what was a present itself stays."""
        is_active = self.coupon.status_at(self.at) is CouponStatus.ACTIVE
        return is_active and self.template.transferable and self.coupon.reason != TRANSFER


async def issue(
    _: Loyalty, tx: Connection, template_id: UUID, driver_id: str, *, reason: str, key: str, at: datetime,
    campaign_id: UUID | None = None,
) -> UUID | None:  # fmt: skip
    """A new coupon, or the one that was issued under the key before; the caller has the person's turn.

    None where nothing is issued of the template any more, all are taken, or the driver had as many as one may.
    """
    await members.lock(tx, driver_id)
    if known := await repository.of_key(tx, key):
        return known
    template = await coupon_templates.take_one(tx, template_id, driver_id, at)
    if template is None:
        return None
    coupon = Coupon(
        new_id(), 1, template_id, driver_id, driver_id, CouponStatus.ACTIVE, reason, campaign_id, at, None,
        template.expiry(at), None, None, None, None, None,
    )  # fmt: skip
    await repository.insert(tx, template, coupon, key)
    return coupon.coupon_id


async def list_coupons(
    tx: Connection, driver_id: str, status: CouponStatus | None, before: UUID | None, limit: int
) -> list[Held]:  # fmt: skip
    """A driver's coupons, the newest first, from before one of them on."""
    now = datetime.now(UTC)
    return await _held(tx, await repository.of_driver(tx, driver_id, status, before, limit, now), now)


async def own_coupon(tx: Connection, driver_id: str, coupon_id: UUID) -> Held:
    """One of a driver's coupons. Raises Problem 404: another driver's is not to be seen."""
    coupon = await repository.find(tx, coupon_id)
    if coupon is None or coupon.driver_id != driver_id:
        raise Problem(404, "no-such-coupon", "You have no coupon with this id; GET /v1/me/coupons lists yours.")
    (held,) = await _held(tx, [coupon], datetime.now(UTC))
    return held


async def make_counter_code(loyalty: Loyalty, tx: Connection, driver_id: str, coupon_id: UUID) -> tuple[str, datetime]:
    """A code to show at a counter, and until when it is good; one that was made before is good no more.

    Raises Problem 401, 404, 409.
    """
    held = await _own_active(loyalty, tx, driver_id, coupon_id)
    return await _make_code(loyalty, tx, COUNTER, held, COUNTER_LIFE)


async def offer(loyalty: Loyalty, tx: Connection, driver_id: str, coupon_id: UUID) -> tuple[str, datetime]:
    """A code by which another driver gets the coupon, and until when; until then it can still be used here.

    Raises Problem 401, 404, 409.
    """
    held = await _own_active(loyalty, tx, driver_id, coupon_id)
    if not held.may_be_given:
        why = "was given to you already" if held.template.transferable else "is for you alone"
        raise Problem(409, "coupon-stays", f"The coupon cannot be given away: it {why}.")
    return await _make_code(loyalty, tx, GIVEN, held, GIVEN_LIFE)


async def withdraw_offer(loyalty: Loyalty, tx: Connection, driver_id: str, coupon_id: UUID) -> None:
    """Nobody can claim the coupon any more. Raises Problem 401, 404: somebody has it already."""
    await require_present(loyalty.erasures, tx, driver_id)
    await members.lock(tx, driver_id)
    await own_coupon(tx, driver_id, coupon_id)
    await codes_repository.withdraw(tx, GIVEN, [str(coupon_id)])


async def _own_active(loyalty: Loyalty, tx: Connection, driver_id: str, coupon_id: UUID) -> Held:
    await require_present(loyalty.erasures, tx, driver_id)
    await members.lock(tx, driver_id)
    held = await own_coupon(tx, driver_id, coupon_id)
    status = held.coupon.status_at(held.at)
    if status is not CouponStatus.ACTIVE:
        raise Problem(409, "coupon-not-active", NOT_ACTIVE[status], reason=status)
    return held


async def _make_code(
    loyalty: Loyalty, tx: Connection, purpose: str, held: Held, life: timedelta
) -> tuple[str, datetime]:  # fmt: skip
    expires_at = min(held.at + life, held.coupon.expires_at)
    code = await codes.make(loyalty, tx, purpose, str(held.coupon.coupon_id), expires_at=expires_at)
    return code, expires_at


async def _held(tx: Connection, coupons: Sequence[Coupon], at: datetime) -> list[Held]:
    if not coupons:
        return []
    templates = await coupon_templates.by_ids(tx, [one.template_id for one in coupons])
    offered = await codes_repository.good_until(tx, GIVEN, [str(one.coupon_id) for one in coupons], at)
    return [Held(one, templates[one.template_id], offered.get(str(one.coupon_id)), at) for one in coupons]


async def collect(_: Loyalty, tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """See people.COLLECTS: those that were given away, too, without what became of them."""
    found = await repository.all_of(tx, driver_id)
    templates = await coupon_templates.by_ids(tx, [one.template_id for one in found])
    return [_told(one, templates[one.template_id], driver_id) for one in found]


async def erase(_: Loyalty, tx: Connection, driver_id: str) -> int:
    """See people.ERASES: nobody can use the coupons, or claim them by a code; the books keep that they were issued."""
    cancelled = await repository.cancel_all(tx, driver_id)
    for purpose in (COUNTER, GIVEN):
        await codes_repository.withdraw(tx, purpose, [str(coupon_id) for coupon_id in cancelled])
    await codes_repository.forget_tries(tx, driver_id)
    return len(cancelled)


async def move(_: Loyalty, tx: Connection, driver_id: str, into: str) -> None:
    """See people.MOVES."""
    await members.lock(tx, driver_id, into)
    await repository.move(tx, driver_id, into)
    await codes_repository.forget_tries(tx, driver_id)


def _told(coupon: Coupon, template: Template, driver_id: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "coupon_id": coupon.coupon_id, "name": template.name, "operator": template.operator,
        "issued_at": coupon.issued_at, "expires_at": coupon.expires_at,
    }  # fmt: skip
    if coupon.driver_id != driver_id:
        return facts | {"given_away_at": coupon.given_at}
    return facts | {
        "status": coupon.status, "reason": coupon.reason, "campaign_id": coupon.campaign_id,
        "order_id": coupon.order_id, "station_id": coupon.station_id, "redeemed_at": coupon.redeemed_at,
        "amount_minor": coupon.amount_minor,
    }  # fmt: skip
