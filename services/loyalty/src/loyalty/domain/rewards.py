"""Which rewards a driver's fills have earned, as it follows from all fills that are known: so their order is no matter.

Pure. A reward has a key, its business identity: whatever comes twice, late or in another order, it is given once.
"""

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from loyalty.domain.terms import Campaign, CouponReward, GiftReward, Purchase, StampCard, Trigger

STAMP_CARD = "stamp_card"
"""The word for a full card, where others have their trigger's."""
BY_CALENDAR = frozenset({Trigger.BIRTHDAY_MONTH, Trigger.COME_BACK})
"""They happen without a fill."""


class Fill(Struct, frozen=True):
    """A paid order of a driver."""

    order_id: UUID
    purchase: Purchase
    is_refunded: bool
    """Whether all of it was."""


def trigger_of(campaign: Campaign) -> str | None:
    """The word for what must happen, as of a trigger; None where the campaign gives no rewards."""
    match campaign.benefit:
        case CouponReward(trigger=trigger) | GiftReward(trigger=trigger):
            return trigger
        case StampCard():
            return STAMP_CARD
        case _:
            return None


def is_by_fills(campaign: Campaign) -> bool:
    """Whether a fill can earn its reward."""
    trigger = trigger_of(campaign)
    return trigger is not None and trigger != Trigger.CLAIM and trigger not in BY_CALENDAR


def counts(campaign: Campaign, fill: Fill) -> bool:
    """Whether a fill is one that the campaign rewards: in its scope and time, and not refunded."""
    return not fill.is_refunded and campaign.offer.refusal(fill.purchase) is None


def keys_due(
    campaign: Campaign, fill: Fill, fills: Sequence[Fill], *, is_first: bool, decided: int
) -> list[str]:  # fmt: skip
    """The keys of the rewards that are due to the fill's driver, now that this fill is known.

    `fills` are the driver's since the campaign began; `is_first`: none was paid at the operator before this one;
    `decided`: how many rewards of the campaign the driver has, or was refused.
    """
    if not counts(campaign, fill):
        return []
    match trigger_of(campaign):
        case Trigger.EVERY_FILL:
            return [f"{campaign.campaign_id}|{fill.order_id}"]
        case Trigger.FIRST_FILL:
            return [numbered(campaign, fill.purchase.driver_id, 1)] if is_first and not decided else []
        case Trigger.NTH_FILL:
            earned = sum(counts(campaign, one) for one in fills) // _count(campaign)
            return [numbered(campaign, fill.purchase.driver_id, number) for number in range(decided + 1, earned + 1)]
        case _:
            return []


def numbered(campaign: Campaign, driver_id: str, number: int) -> str:
    """The key of a driver's n-th reward of a campaign."""
    return f"{campaign.campaign_id}|{driver_id}|{number}"


def by_year(campaign: Campaign, driver_id: str, year: int) -> str:
    """The key of a reward that there is once a year."""
    return f"{campaign.campaign_id}|{driver_id}|year {year}"


def after_order(campaign: Campaign, order_id: UUID) -> str:
    """The key of a reward for what began with an order: an absence that it was the last one before."""
    return f"{campaign.campaign_id}|after {order_id}"


def for_friend(campaign: Campaign, friend_id: str) -> str:
    """The key of a reward for a friend's coming."""
    return f"{campaign.campaign_id}|friend {friend_id}"


def _count(campaign: Campaign) -> int:
    benefit = campaign.benefit
    count = benefit.count if isinstance(benefit, CouponReward | GiftReward) else None
    if not count:
        raise ValueError(f"the campaign {campaign.campaign_id} does not say each how many-th fill")
    return count
