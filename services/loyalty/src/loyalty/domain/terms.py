"""What a campaign or a coupon gives, to whom, where and when: the words that all of loyalty shares. Pure.

Amounts are integers in minor units of the terms' currency, prices in thousandths of it per litre, volumes in
millilitres, shares in basis points (250 are 2.5 %). Values of these types are stored as JSON as they are.
"""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from schemas.week import is_in_hours

MOST_BASIS_POINTS = 10_000


class Percentage(Struct, frozen=True, tag_field="kind", tag="percentage"):
    """A share of what is left to pay, at most so much."""

    basis_points: int
    most_minor: int | None = None


class PerLitre(Struct, frozen=True, tag_field="kind", tag="per_litre"):
    """So much less for each litre."""

    mills: int


class PerFill(Struct, frozen=True, tag_field="kind", tag="per_fill"):
    """So much less for a whole fill."""

    amount_minor: int


class PriceLock(Struct, frozen=True, tag_field="kind", tag="price_lock"):
    """A litre costs at most so much, whatever the pump says."""

    price_mills: int


class PointsMultiplier(Struct, frozen=True, tag_field="kind", tag="points_multiplier"):
    """So many times the points: 20,000 basis points double them."""

    basis_points: int


class Trigger(StrEnum):
    """What a driver must do, or what must happen, to get a reward."""

    CLAIM = "claim"
    """The driver takes it in the app."""
    EVERY_FILL = "every_fill"
    FIRST_FILL = "first_fill"
    """The first paid order at the operator's stations."""
    NTH_FILL = "nth_fill"
    """Each n-th paid order there since the campaign began: `count`."""
    BIRTHDAY_MONTH = "birthday_month"
    """The month that the driver told, once a year."""
    COME_BACK = "come_back"
    """No paid order there for so many days: `count`."""
    INVITE_FRIEND = "invite_friend"
    """A friend whom the driver invited made a first paid order there."""


class CouponReward(Struct, frozen=True, tag_field="kind", tag="coupon"):
    """A coupon of a template, when the trigger happens."""

    template_id: str
    trigger: Trigger
    count: int | None = None


class GiftReward(Struct, frozen=True, tag_field="kind", tag="gift"):
    """A gift of the catalogue, free, when the trigger happens."""

    gift_id: str
    trigger: Trigger
    count: int | None = None


class StampCard(Struct, frozen=True, tag_field="kind", tag="stamp_card"):
    """A stamp for each fill in scope; a full card is a coupon of the template, and a new card begins."""

    stamps: int
    template_id: str


class AtCounter(Struct, frozen=True, tag_field="kind", tag="at_counter"):
    """What the crew gives for a coupon, a coffee or a car wash: its name says what. It takes no part in a price."""


Discount = Percentage | PerLitre | PerFill | PriceLock
Reward = CouponReward | GiftReward | StampCard
Benefit = Discount | PointsMultiplier | Reward | AtCounter
DISCOUNTS = (Percentage, PerLitre, PerFill, PriceLock)
REWARDS = (CouponReward, GiftReward, StampCard)


class Hours(Struct, frozen=True):
    """When in the week, by the station's own clock; schemas.week says what it means."""

    weekdays: tuple[int, ...]
    from_time: str = "00:00"
    until_time: str = "00:00"

    def holds(self, local: datetime) -> bool:
        """Whether a clock that shows this is inside."""
        return is_in_hours(local, self.weekdays, self.from_time, self.until_time)


class Purchase(Struct, frozen=True):
    """A fill that is about to be paid, was paid, or is only thought of."""

    driver_id: str
    operator: str
    station_id: str
    time_zone: str
    fuel: str
    price_mills: int
    volume_ml: int
    gross_minor: int
    currency: str
    method: str | None
    """wechat, alipay, fuel_card; None where it is not yet known: then what depends on it does not hold."""
    tier: str
    at: datetime

    @property
    def local(self) -> datetime:
        """The moment by the station's clock."""
        return self.at.astimezone(ZoneInfo(self.time_zone))


class Scope(Struct, frozen=True):
    """Where it holds; None: everywhere, for everybody, always."""

    station_ids: tuple[str, ...] | None = None
    fuels: tuple[str, ...] | None = None
    tiers: tuple[str, ...] | None = None
    methods: tuple[str, ...] | None = None
    hours: tuple[Hours, ...] | None = None
    minimum_volume_ml: int | None = None
    minimum_minor: int | None = None
    """Of the gross amount at the pump price."""

    def refusal(self, purchase: Purchase) -> str | None:
        """The first rule that the purchase does not fulfil, as a word (see REFUSALS); None where it is in scope."""
        if self.station_ids is not None and purchase.station_id not in self.station_ids:
            return "station"
        if self.fuels is not None and purchase.fuel not in self.fuels:
            return "grade"
        if self.tiers is not None and purchase.tier not in self.tiers:
            return "tier"
        if self.methods is not None and purchase.method not in self.methods:
            return "method"
        if self.minimum_volume_ml is not None and purchase.volume_ml < self.minimum_volume_ml:
            return "minimum_volume"
        if self.minimum_minor is not None and purchase.gross_minor < self.minimum_minor:
            return "minimum_amount"
        if self.hours is not None:
            local = purchase.local
            if not any(hours.holds(local) for hours in self.hours):
                return "hours"
        return None


class Stacking(Struct, frozen=True):
    """What may be combined: of one group at most one holds; one without a group holds alone, but for points.

    Discounts are taken off one after the other, those of a lower `priority` first (then by id), each from what the ones
    before have left. Points come last.
    """

    group: str | None = "campaign"
    priority: int = 100


class Offer(Struct, frozen=True):
    """A campaign or a coupon, as it takes part in the price of a fill."""

    id: str
    kind: str
    """campaign, coupon or card_discount: the kind of its part in the breakdown."""
    name: str
    """For people."""
    operator: str
    """At whose stations it holds."""
    benefit: Benefit
    scope: Scope
    stacking: Stacking
    currency: str | None
    """Of the amounts in it; None: there are none."""
    starts_at: datetime
    ends_at: datetime | None
    """The first moment at which it holds no more."""

    def refusal(self, purchase: Purchase) -> str | None:
        """Why it does not hold for the purchase, as a word; None where it does."""
        if isinstance(self.benefit, AtCounter):
            return "at_counter"
        if self.operator != purchase.operator:
            return "operator"
        if purchase.at < self.starts_at:
            return "not_yet"
        if self.ends_at is not None and purchase.at >= self.ends_at:
            return "expired"
        if self.currency is not None and self.currency != purchase.currency:
            return "currency"
        return self.scope.refusal(purchase)


class Status(StrEnum):
    """What a campaign is."""

    DRAFT = "draft"
    SIMULATED = "simulated"
    """Its terms, as they are, were tried on past orders."""
    SCHEDULED = "scheduled"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


class Campaign(Struct, frozen=True):
    """A campaign as it is kept. `version` grows with each change."""

    campaign_id: str
    version: int
    status: Status
    operator: str
    name: str
    benefit: Benefit
    scope: Scope
    stacking: Stacking
    currency: str | None
    starts_at: datetime
    ends_at: datetime | None
    budget_minor: int | None = None
    """The most it may take off in all."""
    most_uses: int | None = None
    uses_per_driver: int | None = None
    description: str = ""

    @property
    def offer(self) -> Offer:
        """How it takes part in a price."""
        kind = "card_discount" if self.scope.methods == ("fuel_card",) else "campaign"
        return Offer(
            self.campaign_id, kind, self.name, self.operator, self.benefit, self.scope, self.stacking, self.currency,
            self.starts_at, self.ends_at,
        )  # fmt: skip


_BENEFIT = msgspec.json.Decoder(Benefit)


def benefit_of(text: str | bytes) -> Benefit:
    """A benefit as it is stored. Raises msgspec.DecodeError."""
    return _BENEFIT.decode(text)


def stored(value: Benefit | Scope | Stacking) -> str:
    """A benefit, scope or stacking as it is to be stored."""
    return msgspec.json.encode(value).decode()
