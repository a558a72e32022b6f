"""What a campaign may become, which terms make sense, and what others are told of it. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec
from msgspec import Struct

from loyalty.domain.terms import (
    DISCOUNTS,
    REWARDS,
    Campaign,
    CouponReward,
    GiftReward,
    Percentage,
    PerFill,
    PerLitre,
    PriceLock,
    Status,
    Trigger,
)
from loyalty.domain.tiers import BY_WORD
from schemas.events import (
    CampaignEndedV1,
    CampaignHours,
    CampaignPublishedV1,
    DiscountPercentage,
    DiscountPerFill,
    DiscountPerLitre,
)


class Command(StrEnum):
    """What is done to a campaign."""

    EDIT = "edit"
    """Any of its terms are changed, before it is published."""
    SIMULATE = "simulate"
    PUBLISH = "publish"
    ADJUST = "adjust"
    """Name, end, budget and caps are changed while it is out."""
    PAUSE = "pause"
    RESUME = "resume"
    BEGIN = "begin"
    """Its time has come."""
    END = "end"


_S, _C = Status, Command
NEXT: Mapping[tuple[Status, Command], Status] = {
    (_S.DRAFT, _C.EDIT): _S.DRAFT,
    (_S.DRAFT, _C.SIMULATE): _S.SIMULATED,
    (_S.DRAFT, _C.END): _S.ENDED,
    (_S.SIMULATED, _C.EDIT): _S.DRAFT,
    (_S.SIMULATED, _C.SIMULATE): _S.SIMULATED,
    (_S.SIMULATED, _C.PUBLISH): _S.SCHEDULED,
    (_S.SIMULATED, _C.END): _S.ENDED,
    (_S.SCHEDULED, _C.ADJUST): _S.SCHEDULED,
    (_S.SCHEDULED, _C.BEGIN): _S.LIVE,
    (_S.SCHEDULED, _C.PAUSE): _S.PAUSED,
    (_S.SCHEDULED, _C.END): _S.ENDED,
    (_S.LIVE, _C.ADJUST): _S.LIVE,
    (_S.LIVE, _C.PAUSE): _S.PAUSED,
    (_S.LIVE, _C.END): _S.ENDED,
    (_S.PAUSED, _C.ADJUST): _S.PAUSED,
    (_S.PAUSED, _C.RESUME): _S.SCHEDULED,
    (_S.PAUSED, _C.END): _S.ENDED,
}
"""State x command -> state; what is not here cannot be done. What is scheduled is live where its time has come."""
OUT = frozenset({Status.SCHEDULED, Status.LIVE})
"""In these it holds, by its times."""
NEW = frozenset({Status.DRAFT, Status.SIMULATED})
"""In these nobody but staff knows of it."""
ADJUSTABLE = frozenset({"name", "description", "ends_at", "budget_minor", "most_uses", "uses_per_driver"})
"""What may be changed while it is out; nothing that drivers were promised."""
CAPS = ("budget_minor", "most_uses", "uses_per_driver")


class NotAllowed(Exception):
    """The campaign's state does not allow the command; the text says what it does allow."""

    def __init__(self, status: Status, command: Command) -> None:
        self.status = status
        self.allowed = [one.value for (of, one) in NEXT if of is status and one is not Command.BEGIN]
        what = ", ".join(self.allowed) or "nothing more"
        super().__init__(f"The campaign is {status}, which does not allow {command}; it allows {what}.")


class Fault(Struct, frozen=True):
    """What is wrong with the terms: a JSON pointer into them, and what to do."""

    pointer: str
    detail: str


def advanced(campaign: Campaign, command: Command, now: datetime) -> Campaign:
    """The campaign after the command, with its next version. Raises NotAllowed.

    To be simulated changes none of its terms, so the version stays.
    """
    status = NEXT.get((campaign.status, command))
    if status is None:
        raise NotAllowed(campaign.status, command)
    if status is Status.SCHEDULED and campaign.starts_at <= now:
        status = Status.LIVE
    version = campaign.version + (command is not Command.SIMULATE)
    return msgspec.structs.replace(campaign, status=status, version=version)


def faults(campaign: Campaign, now: datetime) -> list[Fault]:
    """All that is wrong with the terms by themselves; what they refer to is looked up elsewhere."""
    return [*_faults_of_time(campaign, now), *_faults_of_money(campaign), *_faults_of_scope(campaign),
            *_faults_of_reward(campaign)]  # fmt: skip


def _faults_of_time(campaign: Campaign, now: datetime) -> Iterator[Fault]:
    if campaign.ends_at is None:
        return
    if campaign.ends_at <= campaign.starts_at:
        yield Fault("/ends_at", "must be after starts_at")
    elif campaign.ends_at <= now:
        yield Fault("/ends_at", "is past already; choose a time ahead, or null for no end")


def _faults_of_money(campaign: Campaign) -> Iterator[Fault]:
    benefit, scope = campaign.benefit, campaign.scope
    has_amounts = any([
        isinstance(benefit, PerLitre | PerFill | PriceLock),
        isinstance(benefit, Percentage) and benefit.most_minor is not None,
        scope.minimum_minor is not None, campaign.budget_minor is not None,
    ])  # fmt: skip
    if has_amounts and campaign.currency is None:
        yield Fault("/currency", "is needed, since there are amounts of money in the terms")
    if not has_amounts and campaign.currency is not None:
        yield Fault("/currency", "says nothing, since there is no amount of money in the terms; leave it out")
    if campaign.budget_minor is not None and not isinstance(benefit, DISCOUNTS):
        yield Fault("/budget_minor", "is for discounts; limit others by most_uses and uses_per_driver")
    if not isinstance(benefit, DISCOUNTS + REWARDS):
        yield from (
            Fault(f"/{cap}", "cannot be counted for a points multiplier; limit it by its scope and end")
            for cap in ("most_uses", "uses_per_driver")
            if getattr(campaign, cap) is not None
        )


def _faults_of_scope(campaign: Campaign) -> Iterator[Fault]:
    unknown = [tier for tier in campaign.scope.tiers or () if tier not in BY_WORD]
    if unknown:
        yield Fault("/scope/tiers", f"has no tier {unknown[0]}; there are {', '.join(BY_WORD)}")
    days = [hours.weekdays for hours in campaign.scope.hours or ()]
    if any(len(set(weekdays)) < len(weekdays) for weekdays in days):
        yield Fault("/scope/hours", "names a weekday twice in one window")


COUNTED = {
    Trigger.NTH_FILL: (2, "each how many-th fill, at least 2"),
    Trigger.COME_BACK: (1, "after how many days without a fill"),
}
WITHOUT_A_FILL = frozenset({Trigger.CLAIM, Trigger.BIRTHDAY_MONTH, Trigger.COME_BACK})
"""Nobody fuels when these happen, so a scope cannot ask how."""
OF_A_FILL = ("fuels", "methods", "hours", "minimum_volume_ml", "minimum_minor")


def _faults_of_reward(campaign: Campaign) -> Iterator[Fault]:
    benefit = campaign.benefit
    if not isinstance(benefit, CouponReward | GiftReward):
        return
    least, what = COUNTED.get(benefit.trigger, (0, ""))
    if what and (benefit.count is None or benefit.count < least):
        yield Fault("/benefit/count", f"is needed for {benefit.trigger}: {what}")
    if not what and benefit.count is not None:
        yield Fault("/benefit/count", f"says nothing for {benefit.trigger}; leave it out")
    if benefit.trigger in WITHOUT_A_FILL:
        yield from (
            Fault(
                f"/scope/{name}", f"says how somebody fuels, and {benefit.trigger} happens without that; leave it out"
            )
            for name in OF_A_FILL
            if getattr(campaign.scope, name) is not None
        )


def adjustment_faults(before: Campaign, after: Campaign, now: datetime) -> list[Fault]:
    """Why a campaign that is out cannot be changed so: caps only grow, and its end is ahead."""
    wrong = [
        Fault(f"/{cap}", "may only grow, or be taken away, while the campaign is out; pause or end it instead")
        for cap in CAPS
        if _shrinks(getattr(before, cap), getattr(after, cap))
    ]
    return wrong + faults(after, now)


def _shrinks(before: int | None, after: int | None) -> bool:
    return after is not None and (before is None or after < before)


def is_for_everyone(campaign: Campaign) -> bool:
    """Whether whoever fuels gets exactly this discount: nothing depends on the driver, or on what others took."""
    benefit, scope = campaign.benefit, campaign.scope
    depends = (
        scope.tiers, scope.methods, scope.minimum_minor, campaign.budget_minor, campaign.most_uses,
        campaign.uses_per_driver, benefit.most_minor if isinstance(benefit, Percentage) else None,
    )  # fmt: skip
    return not any(one is not None for one in depends)


def event_of(campaign: Campaign, before: Status | None, at: datetime) -> CampaignPublishedV1 | CampaignEndedV1 | None:
    """What others are told after a change; None: they knew nothing of it, or nothing that matters to them changed."""
    if campaign.status in OUT:
        return published(campaign, at)
    if before in NEW or before is None:
        return None
    if campaign.status is before:
        return None  # it is paused, and was
    return CampaignEndedV1.model_validate({
        "campaign_id": campaign.campaign_id, "version": campaign.version, "occurred_at": at,
    })  # fmt: skip


def published(campaign: Campaign, at: datetime) -> CampaignPublishedV1:
    """The campaign as others are told of it."""
    scope = campaign.scope
    discount = _discount(campaign)
    return CampaignPublishedV1.model_validate({
        "campaign_id": campaign.campaign_id, "version": campaign.version, "name": campaign.name,
        "audience": "everyone" if is_for_everyone(campaign) else "some", "discount": discount,
        "currency": None if isinstance(discount, DiscountPercentage) else campaign.currency,
        "minimum_volume_ml": scope.minimum_volume_ml, "station_ids": scope.station_ids,
        "operators": [campaign.operator], "fuels": scope.fuels,
        "hours": None if scope.hours is None else [
            CampaignHours(weekdays=list(one.weekdays), from_time=one.from_time, until_time=one.until_time)
            for one in scope.hours
        ],
        "starts_at": campaign.starts_at, "ends_at": campaign.ends_at, "occurred_at": at,
    })  # fmt: skip


def _discount(campaign: Campaign) -> DiscountPerLitre | DiscountPercentage | DiscountPerFill | None:
    match campaign.benefit:
        case Percentage(basis_points=points):
            return DiscountPercentage(basis_points=points)
        case PerLitre(mills=mills):
            return DiscountPerLitre(mills=mills)
        case PerFill(amount_minor=amount):
            return DiscountPerFill(amount_minor=amount)
        case _:
            return None
