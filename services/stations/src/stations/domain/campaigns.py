"""Campaigns that hold for everyone: what they take off a litre, where and when. Pure.

One campaign counts at a time, the best; campaigns never add up here. What depends on a driver (coupons, tiers,
points) is for a quote to say, not for a search.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.events import (
    CampaignEndedV1,
    CampaignPublishedV1,
    DiscountPercentage,
    DiscountPerFill,
    DiscountPerLitre,
)
from schemas.vocabulary import mills_per_minor_unit
from schemas.week import is_in_hours
from stations.domain.net_price import MOST_MILLS, Number

Discount = DiscountPerLitre | DiscountPercentage | DiscountPerFill


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign whose discount everyone gets."""

    terms: CampaignPublishedV1
    discount: Discount

    def is_in_force(self, fuel: str, volume_ml: int, now: datetime) -> bool:
        """Whether so much of the grade gets it now, where it covers a station."""
        terms = self.terms
        return (
            terms.starts_at <= now
            and (terms.ends_at is None or now < terms.ends_at)
            and (terms.fuels is None or fuel in terms.fuels)
            and volume_ml >= (terms.minimum_volume_ml or 0)
        )

    def holds_in(self, zone: ZoneInfo, now: datetime) -> bool:
        """Whether it holds at this time of the week where clocks show the zone's time."""
        local = now.astimezone(zone)
        return self.terms.hours is None or any(
            is_in_hours(local, hours.weekdays, hours.from_time, hours.until_time) for hours in self.terms.hours
        )

    def mills_off(self, price_mills: Number, volume_ml: int) -> "Number | int":
        """What it takes off the price of a litre: at most all of it, which the caller sees to."""
        match self.discount:
            case DiscountPerLitre(mills=mills):
                return mills
            case DiscountPercentage(basis_points=points):
                return price_mills * points // 10_000
            case DiscountPerFill(amount_minor=amount):
                mills = amount * mills_per_minor_unit(self.terms.currency or "") * 1_000 // volume_ml
                return min(mills, MOST_MILLS)


class Campaigns:
    """The newest word on each campaign; begins and ends come by its own times."""

    def __init__(self) -> None:
        self._versions: dict[UUID, int] = {}
        self._campaigns: dict[UUID, Campaign] = {}

    def publish(self, terms: CampaignPublishedV1) -> None:
        """The campaign holds, or holds on other terms."""
        if self._is_news(terms.campaign_id, terms.version):
            self._campaigns.pop(terms.campaign_id, None)
            if terms.audience == "everyone" and terms.discount is not None and _is_whole(terms):
                self._campaigns[terms.campaign_id] = Campaign(terms, terms.discount)

    def end(self, ended: CampaignEndedV1) -> None:
        """The campaign gives nothing more."""
        if self._is_news(ended.campaign_id, ended.version):
            self._campaigns.pop(ended.campaign_id, None)

    def in_force(self, fuel: str, volume_ml: int, now: datetime) -> Iterator[Campaign]:
        """Campaigns for so much of a grade now, the oldest first: of equal ones it is the one that counts."""
        for campaign_id in sorted(self._campaigns):
            if self._campaigns[campaign_id].is_in_force(fuel, volume_ml, now):
                yield self._campaigns[campaign_id]

    def _is_news(self, campaign_id: UUID, version: int) -> bool:
        newer = version > self._versions.get(campaign_id, 0)
        if newer:
            self._versions[campaign_id] = version
        return newer


def _is_whole(terms: CampaignPublishedV1) -> bool:
    """An amount of money without its currency says nothing."""
    return terms.currency is not None or isinstance(terms.discount, DiscountPercentage)
