"""The report of a station's campaigns: what each gave there, and what changed by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from analytics.domain.campaign_findings import Compared, finding
from analytics.domain.campaign_windows import Window
from analytics.domain.campaigns import Campaign
from analytics.domain.periods import Period
from analytics.domain.reports import rounded
from analytics.domain.uplift import FIGURES, PAID, VOLUME, Change, Effect, Verdict
from analytics.domain.uplift import ORDERS as NUMBER_OF_ORDERS
from analytics.domain.views import Document
from schemas.vocabulary import mills_per_minor_unit

GIVEN = ("orders", "volume_ml", "paid_minor", "discount_minor")
"""Of a campaign, in documents of the view `station-hours`."""


@dataclass(frozen=True)
class CampaignDay:
    """What a campaign gave on a day in the station's own time."""

    day: date
    campaign_id: str
    campaign: str | None
    campaign_orders: int
    campaign_volume_ml: int
    campaign_paid_minor: int
    campaign_discount_minor: int


@dataclass(frozen=True)
class CampaignRow:
    """A campaign that held at the station in the period, or gave something there: what it gave, and what it changed."""

    campaign_id: str
    campaign: str | None
    held_from: datetime | None
    held_until: datetime | None
    held_hours: int
    campaign_orders: int
    campaign_volume_ml: int
    campaign_paid_minor: int
    campaign_discount_minor: int
    campaign_accruals: int
    campaign_points: int
    verdict: Verdict
    compared_days: int
    compared_weeks: int
    compared_stations: int
    uplift_basis_points: int | None
    uplift_low_basis_points: int | None
    uplift_high_basis_points: int | None
    orders_uplift_basis_points: int | None
    orders_uplift_low_basis_points: int | None
    orders_uplift_high_basis_points: int | None
    paid_uplift_basis_points: int | None
    paid_uplift_low_basis_points: int | None
    paid_uplift_high_basis_points: int | None
    additional_volume_ml: int | None
    additional_volume_low_ml: int | None
    additional_volume_high_ml: int | None
    additional_litre_mills: int | None
    finding: str
    finding_zh: str


@dataclass(frozen=True)
class _Where:
    currency: str
    time_zone: str
    stations: int


@dataclass(frozen=True)
class CampaignAcross(CampaignRow, _Where):
    """A campaign at all stations of somebody's that have one currency and one time zone, taken as one station."""


@dataclass(frozen=True)
class CampaignTotals:
    """All campaigns of the period together."""

    campaigns: int
    campaign_discount_minor: int
    accruals: int
    points: int


@dataclass(frozen=True)
class CampaignsReport:
    """What campaigns gave at a station, and what changed by them: against the same hours of the weeks before, and what
    comparable stations of its operator did meanwhile."""

    totals: CampaignTotals
    rows: tuple[CampaignRow, ...]
    days: tuple[CampaignDay, ...]


@dataclass(slots=True)
class Given:
    """What a campaign gave at the station in the period, and when."""

    days: dict[date, dict[str, int]] = field(default_factory=dict[date, dict[str, int]])
    accruals: int = 0
    points: int = 0

    def total(self, name: str) -> int:
        """One of GIVEN over all days."""
        return sum(figures[name] for figures in self.days.values())


@dataclass(slots=True)
class AllGiven:
    """What all campaigns gave there, by their ids, and the station's points."""

    campaigns: dict[str, Given] = field(default_factory=dict[str, Given])
    accruals: int = 0
    points: int = 0

    def of(self, campaign_id: str) -> Given:
        """What one gave; nothing where it gave nothing."""
        return self.campaigns.get(campaign_id, Given())

    def discount_minor(self, campaign_id: str) -> int:
        """What one took off, for which campaigns are sorted."""
        return self.of(campaign_id).total("discount_minor")


@dataclass(frozen=True, slots=True)
class Listed:
    """A campaign of the report."""

    campaign_id: str
    campaign: Campaign | None
    """None: nothing is known of it but what it gave."""
    held: Sequence[datetime]
    """The hours of the period in which it held, that are over."""
    window: Window | Verdict
    """What its effect is told from, or why there is none."""


def all_given(period: Period, hours: Sequence[Document], points: Sequence[Document]) -> AllGiven:
    """Adds up documents of the views `station-hours` and `station-points` of the period."""
    every = AllGiven()
    for hour in hours:
        for campaign_id, figures in hour["campaigns"].items():
            day = _of(every, campaign_id).days.setdefault(period.day_of(hour["begins_at"]), dict.fromkeys(GIVEN, 0))
            for name in GIVEN:
                day[name] += figures[name]
    for one in points:
        every.accruals += one["accruals"]
        every.points += one["points"]
        for campaign_id, figures in one["campaigns"].items():
            given = _of(every, campaign_id)
            given.accruals += figures["accruals"]
            given.points += figures["points"]
    return every


def _of(every: AllGiven, campaign_id: str) -> Given:
    return every.campaigns.setdefault(campaign_id, Given())


def campaigns_report(
    period: Period, currency: str, listed: Sequence[Listed], every: AllGiven, compared: Mapping[str, Compared]
) -> CampaignsReport:
    """The report; rows are in the order of `listed`."""
    rows = [
        CampaignRow(**campaign_figures(period, currency, one, every.of(one.campaign_id), compared[one.campaign_id]))
        for one in listed
    ]
    days = [
        CampaignDay(day, row.campaign_id, row.campaign, *(figures[name] for name in GIVEN))
        for row in rows for day, figures in every.of(row.campaign_id).days.items()
    ]  # fmt: skip
    discount_minor = sum(row.campaign_discount_minor for row in rows)
    return CampaignsReport(
        CampaignTotals(len(rows), discount_minor, every.accruals, every.points), tuple(rows),
        tuple(sorted(days, key=lambda one: (one.day, str(one.campaign_id)))),
    )  # fmt: skip


def campaign_figures(period: Period, currency: str, one: Listed, given: Given, compared: Compared) -> dict[str, Any]:
    """The fields of CampaignRow."""
    spans = one.campaign.within(period.starts_at, period.ends_at) if one.campaign else []
    found = compared.effect
    litres, orders, paid = (found.changes.get(FIGURES[number]) for number in (VOLUME, NUMBER_OF_ORDERS, PAID))
    cost_mills, sure = additional_litre_mills(found, currency), found.stations > 0
    english, chinese = finding(compared, currency, cost_mills)
    return {
        "campaign_id": one.campaign_id, "campaign": one.campaign and one.campaign.name,
        "held_from": spans[0].begins if spans else None, "held_until": spans[-1].ends if spans else None,
        "held_hours": len(one.held), **{f"campaign_{name}": given.total(name) for name in GIVEN},
        "campaign_accruals": given.accruals, "campaign_points": given.points, "verdict": found.verdict,
        "compared_days": found.days, "compared_weeks": found.weeks, "compared_stations": found.stations,
        **_interval("uplift", litres, sure), **_interval("orders_uplift", orders, sure),
        **_interval("paid_uplift", paid, sure), **_additional(litres if sure else None),
        "additional_litre_mills": cost_mills,
        "finding": english, "finding_zh": chinese,
    }  # fmt: skip


def _interval(name: str, change: Change | None, sure: bool) -> dict[str, Any]:
    """A plain change has no interval: one of chance alone would be read as one of the campaign's effect."""
    return {
        f"{name}_basis_points": change and change.basis_points,
        f"{name}_low_basis_points": change.low_basis_points if change and sure else None,
        f"{name}_high_basis_points": change.high_basis_points if change and sure else None,
    }


def _additional(litres: Change | None) -> dict[str, Any]:
    return {
        "additional_volume_ml": litres and litres.more, "additional_volume_low_ml": litres and litres.low_more,
        "additional_volume_high_ml": litres and litres.high_more,
    }  # fmt: skip


def additional_litre_mills(found: Effect, currency: str) -> int | None:
    """What a litre that would not have been sold else cost in discounts; None where it is not sure that there is one,
    or nothing was given."""
    if found.verdict is not Verdict.MORE or found.discount_minor <= 0:
        return None
    return rounded(found.discount_minor * mills_per_minor_unit(currency) * 1_000, found.changes[FIGURES[VOLUME]].more)
