"""What a coupon is worth at a station's counter. Pure."""

from dataclasses import dataclass
from datetime import datetime

from loyalty.domain.coupons import Coupon, CouponStatus, Template
from loyalty.domain.pricing import CannotCombine, best_price
from loyalty.domain.refusal_words import Refusal, offer_refusal, refusal
from loyalty.domain.terms import AtCounter, Purchase


class CannotUse(Exception):
    """The coupon does not hold here and now."""

    def __init__(self, refused: Refusal) -> None:
        super().__init__(refused.detail)
        self.refusal = refused


@dataclass(frozen=True, slots=True)
class Sale:
    """What was sold at the counter, as far as the crew says it."""

    fuel: str = ""
    volume_ml: int = 0
    amount_minor: int = 0


def worth(coupon: Coupon, template: Template, purchase: Purchase, at: datetime) -> int:
    """What the coupon takes off (minor units); 0 where the crew gives something for it. Raises CannotUse."""
    offer, status = coupon.offer(template), coupon.status_at(at)
    if status is not CouponStatus.ACTIVE:
        is_expired = status is CouponStatus.EXPIRED
        raise CannotUse(offer_refusal(status, offer, purchase) if is_expired else refusal(status, offer.id))
    if isinstance(template.benefit, AtCounter):
        word = "operator" if template.operator != purchase.operator else template.scope.refusal(purchase)
        if word is not None:
            raise CannotUse(offer_refusal(word, offer, purchase))
        return 0
    if not (purchase.fuel and purchase.volume_ml and purchase.gross_minor):
        raise CannotUse(Refusal(offer.id, "sale_unknown", "Say what was sold: it takes something off the amount."))
    try:
        price = best_price(purchase, [offer], left={}, required={offer.id})
    except CannotCombine as error:
        raise CannotUse(error.refusals[0]) from error
    return purchase.gross_minor - price.paid_minor
