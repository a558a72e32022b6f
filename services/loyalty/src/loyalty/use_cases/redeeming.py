"""The crew of a station takes a coupon at the counter: the driver shows a code, which is good once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from loyalty.domain.coupons import Coupon, Template
from loyalty.domain.redeeming import CannotUse, Sale, worth
from loyalty.domain.terms import Purchase
from loyalty.repository import coupon_templates, members
from loyalty.repository import coupons as repository
from loyalty.use_cases import codes
from loyalty.use_cases.codes import CodeNotGood
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.coupons import COUNTER
from servicekit import price_book
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class Taken:
    """A coupon that was used now."""

    coupon: Coupon
    template: Template
    amount_minor: int
    currency: str


async def redeem(
    loyalty: Loyalty, tx: Connection, principal: Principal, code: str, station_id: UUID, sale: Sale
) -> Taken:  # fmt: skip
    """Uses the coupon that the code stands for, at a station of the principal's; call it inside `codes.trying`.

    What does not hold leaves code and coupon as they are. Raises CodeNotGood, Problem 404, 409, 429.
    """
    at = datetime.now(UTC)
    station = await price_book.station_for(tx, principal, station_id, Permission.REWARDS_REDEEM)
    found = await codes.find(loyalty, tx, [COUNTER], code, caller=principal.subject, at=at)
    coupon, template = await _locked(tx, UUID(found.subject))
    purchase = await _purchase(tx, coupon, station, sale, at)
    try:
        amount_minor = worth(coupon, template, purchase, at)
    except CannotUse as error:
        refused = error.refusal
        raise Problem(409, "coupon-refused", refused.detail, reason=refused.reason) from error
    await codes.spend(tx, found, at)
    redeemed = await repository.redeem_at_counter(
        tx, coupon.coupon_id, station_id=station_id, amount_minor=amount_minor, currency=station["currency"], at=at
    )
    if redeemed is None:
        raise CodeNotGood
    return Taken(redeemed, template, amount_minor, station["currency"])


async def _locked(tx: Connection, coupon_id: UUID) -> tuple[Coupon, Template]:
    """The coupon as it is once its driver is locked. Raises CodeNotGood where somebody else has it meanwhile."""
    before = await repository.find(tx, coupon_id)
    if before is None:
        raise CodeNotGood
    await members.lock(tx, before.driver_id)
    coupon = await repository.find(tx, coupon_id)
    template = await coupon_templates.find(tx, before.template_id)
    if coupon is None or template is None or coupon.driver_id != before.driver_id:
        raise CodeNotGood
    return coupon, template


async def _purchase(tx: Connection, coupon: Coupon, station: Any, sale: Sale, at: datetime) -> Purchase:
    """What the crew sold; its amount and volume say all that a discount asks of the price."""
    return Purchase(
        coupon.driver_id, station["operator"], str(station["station_id"]), station["time_zone"], sale.fuel, 0,
        sale.volume_ml, sale.amount_minor, station["currency"], None, await members.tier_of(tx, coupon.driver_id), at,
    )  # fmt: skip
