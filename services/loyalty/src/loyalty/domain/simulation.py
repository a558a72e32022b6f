"""What a campaign would have cost, and whom it would have reached, had it held while past orders were paid. Pure.

Orders are taken in the order in which they were paid, with the tier that the driver had and the discounts that were
given: those stay what they were, and the campaign competes with them as it would (see `pricing.best_price`). Its budget
and caps run down as they would. Whether it would have brought more orders, nobody can tell from past ones.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import assert_never

from msgspec import Struct, field
from msgspec.structs import replace

from loyalty.domain.pricing import best_price
from loyalty.domain.terms import (
    DISCOUNTS,
    REWARDS,
    Campaign,
    CouponReward,
    GiftReward,
    Offer,
    PerFill,
    PointsMultiplier,
    Purchase,
    Scope,
    Stacking,
    StampCard,
    Trigger,
)

POST_PAY = "post_pay"
"""Of orders that are paid when it is known what they cost: no others have discounts."""
NOT_FROM_ORDERS = frozenset({Trigger.CLAIM, Trigger.BIRTHDAY_MONTH, Trigger.INVITE_FRIEND})
"""Triggers that past orders do not show."""


class Given(Struct, frozen=True):
    """A discount that a past order got."""

    reference: str
    amount_minor: int
    stacking: Stacking


class PastOrder(Struct, frozen=True):
    """A paid order; `purchase.at` is when it was paid."""

    purchase: Purchase
    given: tuple[Given, ...]
    points: int
    """What was earned by it."""
    multiplied: int
    """Basis points by which a campaign multiplied them."""
    number: int
    """The driver's how-many-eth order at the operator; 1: the first."""
    mode: str = POST_PAY


class Group(Struct):
    """Orders of one kind that the campaign reached."""

    orders: int = 0
    cost_minor: int = 0
    points: int = 0
    rewards: int = 0


class Simulation(Struct):
    """What has come out so far."""

    orders: int = 0
    orders_reached: int = 0
    volume_ml: int = 0
    """Of the orders that were reached."""
    gross_minor: int = 0
    cost_minor: int = 0
    """What the campaign takes off."""
    more_off_minor: int = 0
    """How much more is taken off in all than was: less than the cost where it takes the place of others."""
    points: int = 0
    """How many more points are earned."""
    rewards: int = 0
    """Coupons or gifts that are given."""
    used_up_at: datetime | None = None
    """When the budget, or the uses, came to an end."""
    new_drivers: int = 0
    """Drivers who were reached by their first order."""
    unreached: Counter[str] = field(default_factory=Counter)
    """Why orders were not reached, as words, and how many."""
    by_driver: Counter[str] = field(default_factory=Counter)
    """What each driver who was reached gains: minor units, or points, or rewards."""
    by_tier: dict[str, Group] = field(default_factory=dict)
    by_fuel: dict[str, Group] = field(default_factory=dict)
    by_station: dict[str, Group] = field(default_factory=dict)
    by_weekday: dict[str, Group] = field(default_factory=dict)


class Simulator:
    """One campaign against past orders, fed in the order in which they were paid."""

    def __init__(self, campaign: Campaign) -> None:
        self.result = Simulation()
        self._campaign = campaign
        self._offer = replace(campaign.offer, starts_at=datetime.min.replace(tzinfo=UTC), ends_at=None)
        self._uses: Counter[str] = Counter()
        self._fills: Counter[str] = Counter()
        self._last: dict[str, datetime] = {}

    def take(self, order: PastOrder) -> None:
        """Counts an order."""
        self.result.orders += 1
        self._try(order)
        self._last[order.purchase.driver_id] = order.purchase.at

    def _try(self, order: PastOrder) -> None:
        refusal = self._offer.refusal(order.purchase) or self._cannot_hold(order) or self._used_up(order)
        if refusal is not None:
            self.result.unreached[refusal] += 1
            return
        benefit, driver = self._campaign.benefit, order.purchase.driver_id
        if isinstance(benefit, DISCOUNTS):
            self._discount(order)
        elif isinstance(benefit, PointsMultiplier):
            more = order.points * (benefit.basis_points - order.multiplied) // order.multiplied
            self._count(order, "no_more_points", points=max(more, 0))
        elif isinstance(benefit, REWARDS):
            self._fills[driver] += 1
            self._count(order, "not_triggered", rewards=int(self._is_triggered(benefit, order)))

    def _cannot_hold(self, order: PastOrder) -> str | None:
        return "mode" if isinstance(self._campaign.benefit, DISCOUNTS) and order.mode != POST_PAY else None

    def _used_up(self, order: PastOrder) -> str | None:
        """The cap that is reached, as a word."""
        campaign, driver = self._campaign, order.purchase.driver_id
        if campaign.uses_per_driver is not None and self._uses[driver] >= campaign.uses_per_driver:
            return "driver_cap"
        if self.result.used_up_at is not None:
            return "used_up"
        return None

    def _discount(self, order: PastOrder) -> None:
        purchase, campaign = order.purchase, self._campaign
        left = {} if campaign.budget_minor is None else {self._offer.id: campaign.budget_minor - self.result.cost_minor}
        before = sum(one.amount_minor for one in order.given)
        price = best_price(purchase, [self._offer, *_as_they_were(purchase, order.given)], left=left, explain=False)
        own = sum(part.amount_minor for part in price.parts if part.reference == self._offer.id)
        self.result.more_off_minor += purchase.gross_minor - price.paid_minor - before if own else 0
        self._count(order, "other_is_better", cost_minor=own)

    def _is_triggered(self, benefit: CouponReward | GiftReward | StampCard, order: PastOrder) -> bool:
        driver = order.purchase.driver_id
        if isinstance(benefit, StampCard):
            return self._fills[driver] % benefit.stamps == 0
        match benefit.trigger:
            case Trigger.EVERY_FILL:
                return True
            case Trigger.FIRST_FILL:
                return order.number == 1
            case Trigger.NTH_FILL:
                return self._fills[driver] % (benefit.count or 1) == 0
            case Trigger.COME_BACK:
                last = self._last.get(driver)
                return last is not None and order.purchase.at - last >= timedelta(days=benefit.count or 1)
            case Trigger.CLAIM | Trigger.BIRTHDAY_MONTH | Trigger.INVITE_FRIEND:
                return False
            case other:
                assert_never(other)

    def _count(
        self, order: PastOrder, otherwise: str, *, cost_minor: int = 0, points: int = 0, rewards: int = 0
    ) -> None:
        """Books what the order gets, or why it gets nothing."""
        result, purchase, gain = self.result, order.purchase, cost_minor + points + rewards
        if not gain:
            result.unreached[otherwise] += 1
            return
        result.orders_reached += 1
        result.volume_ml += purchase.volume_ml
        result.gross_minor += purchase.gross_minor
        result.cost_minor += cost_minor
        result.points += points
        result.rewards += rewards
        result.new_drivers += order.number == 1
        result.by_driver[purchase.driver_id] += gain
        self._uses[purchase.driver_id] += 1
        keys = (purchase.tier, purchase.fuel, purchase.station_id, str(purchase.local.isoweekday()))
        for groups, key in zip(
            (result.by_tier, result.by_fuel, result.by_station, result.by_weekday), keys, strict=True
        ):
            group = groups.setdefault(key, Group())
            group.orders += 1
            group.cost_minor += cost_minor
            group.points += points
            group.rewards += rewards
        self._note_the_end(purchase.at)

    def _note_the_end(self, at: datetime) -> None:
        campaign = self._campaign
        spent = campaign.budget_minor is not None and self.result.cost_minor >= campaign.budget_minor
        if spent or (campaign.most_uses is not None and self.result.orders_reached >= campaign.most_uses):
            self.result.used_up_at = at


def _as_they_were(purchase: Purchase, given: Sequence[Given]) -> list[Offer]:
    """Discounts that were given, as offers of just that amount."""
    return [
        Offer(
            one.reference, "campaign", "", purchase.operator, PerFill(one.amount_minor), Scope(), one.stacking,
            purchase.currency, purchase.at, None,
        )
        for one in given
    ]  # fmt: skip


class Gainers(Struct, frozen=True):
    """How what drivers gain is spread: minor units, or points, or rewards, by the campaign's kind."""

    drivers: int
    most: int
    median: int
    share_of_top_tenth: int
    """What the tenth of the drivers who gain most gets, in basis points of all."""


def gainers(by_driver: Counter[str]) -> Gainers:
    """The spread; zeros where nobody gains."""
    gains = sorted(by_driver.values(), reverse=True)
    if not gains:
        return Gainers(0, 0, 0, 0)
    top = sum(gains[: -(-len(gains) // 10)])
    return Gainers(len(gains), gains[0], gains[len(gains) // 2], top * 10_000 // sum(gains))
