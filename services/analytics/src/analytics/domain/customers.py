"""The report of a station's customers: who comes for the first time, how often, for how much, and who comes back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low
from typing import Any

from analytics.domain.cohorts import CohortRow, RetentionRow, cohorts_of, retention_of
from analytics.domain.documents import SUPPRESSED, Chart, Document, Sheet
from analytics.domain.months import month_of, months_between, shifted, starts_at
from analytics.domain.periods import Period
from analytics.domain.reports import Head, cells, key_figures, share
from analytics.domain.sales import Figure
from analytics.domain.suppression import hidden, is_small, shown
from analytics.domain.visits import Customer, Visit

LAPSED_AFTER = timedelta(days=60)
COHORT_MONTHS = 12
FREQUENCIES = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 9), (10, None))
"""Fills of a driver in the period, in groups: from and up to."""
DECILE = 10


@dataclass(frozen=True)
class CustomerGroup:
    """Drivers of the period who were there before, or were not."""

    driver_group: str
    drivers: Figure
    orders: Figure
    volume_ml: Figure
    paid_minor: Figure
    average_volume_ml: Figure
    average_paid_minor: Figure
    suppressed: bool


@dataclass(frozen=True)
class FrequencyRow:
    """Drivers who fuelled so often in the period."""

    fills: str
    drivers: Figure
    driver_share_basis_points: Figure
    suppressed: bool


@dataclass(frozen=True)
class CustomerFigures:
    """All drivers of the period together."""

    orders: int
    volume_ml: int
    paid_minor: int
    average_volume_ml: int | None
    average_paid_minor: int | None
    drivers: Figure
    new_drivers: Figure
    returning_drivers: Figure
    lapsed_drivers: Figure
    median_orders: Figure
    median_days_between: Figure
    top_decile_basis_points: Figure
    suppressed: bool


@dataclass(frozen=True)
class CustomersReport:
    """Who comes to a station: how many for the first time, how often, for how much, and how many come back."""

    totals: CustomerFigures
    rows: tuple[CustomerGroup, ...]
    frequency: tuple[FrequencyRow, ...]
    retention: tuple[RetentionRow, ...]
    cohorts: tuple[CohortRow, ...]


def history_from(period: Period) -> datetime:
    """Who was last there before this moment is no matter for the report."""
    return min(starts_at(_cohort_months(period)[0], period.zone), period.starts_at - LAPSED_AFTER)


def customers_report(period: Period, customers: Iterable[Customer]) -> CustomersReport:
    """The report; `customers` are at least those who were there from `history_from` on, with all their visits since,
    the first one ever and the last one before."""
    known = [Customer(until) for one in customers if (until := one.until(period.ends_at))]
    here = [(one, visits) for one in known if (visits := one.within(period.starts_at, period.ends_at))]
    new = [visits for one, visits in here if one.visits[0].at >= period.starts_at]
    returning = [visits for one, visits in here if one.visits[0].at < period.starts_at]
    groups = _groups({"new": new, "returning": returning})
    cohorts = tuple(cohorts_of((_months(one, period) for one in known), _cohort_months(period)).rows())
    return CustomersReport(
        _totals(period, known, new + returning, groups), groups, _frequency(new + returning),
        tuple(retention_of(cohorts)), cohorts,
    )  # fmt: skip


def _cohort_months(period: Period) -> list[str]:
    last = month_of(period.last_day)
    return months_between(shifted(last, 1 - COHORT_MONTHS), last)


def _months(customer: Customer, period: Period) -> list[str]:
    return [month_of(visit.at.astimezone(period.zone)) for visit in customer.visits]


Visits = Sequence[Visit]


def _groups(groups: Mapping[str, Sequence[Visits]]) -> tuple[CustomerGroup, ...]:
    """The sum of both is known, so that one can only be hidden with the other."""
    small = hidden([len(theirs) for theirs in groups.values()])
    return tuple(_group(name, theirs, hide=place in small) for place, (name, theirs) in enumerate(groups.items()))


def _group(name: str, theirs: Sequence[Visits], *, hide: bool) -> CustomerGroup:
    if hide:
        return CustomerGroup(name, *(SUPPRESSED,) * 6, suppressed=True)
    return CustomerGroup(name, len(theirs), *_basket(theirs), suppressed=False)


def _basket(theirs: Iterable[Visits]) -> tuple[int, int, int, int | None, int | None]:
    """Orders, their volume and what they came to, and both of an average order."""
    visits = [visit for one in theirs for visit in one]
    volume_ml, paid_minor = sum(visit.volume_ml for visit in visits), sum(visit.paid_minor for visit in visits)
    return len(visits), volume_ml, paid_minor, share(volume_ml, len(visits), 1), share(paid_minor, len(visits), 1)


def _totals(
    period: Period, known: Sequence[Customer], here: Sequence[Visits], groups: Sequence[CustomerGroup]
) -> CustomerFigures:
    basket, count = _basket(here), len(here)
    new, returning = (group.drivers for group in groups)
    lapsed = sum(period.starts_at <= one.visits[-1].at + LAPSED_AFTER < period.ends_at for one in known)
    return CustomerFigures(
        *basket, shown(count, count), new, returning, shown(lapsed, lapsed),
        shown(median_low(map(len, here)), count) if here else None, _days_between(period, known), _top_decile(here),
        suppressed=is_small(count),
    )  # fmt: skip


def _days_between(period: Period, known: Iterable[Customer]) -> Figure:
    """The median from one order to the next, of those where the next one is within the period."""
    gaps = [
        [after.at - before.at for before, after in pairwise(one.visits) if after.at >= period.starts_at]
        for one in known
    ]
    drivers = sum(map(bool, gaps))
    every = [gap for theirs in gaps for gap in theirs]
    return shown(int(median_low(every) / timedelta(days=1) + 0.5), drivers) if every else None


def _top_decile(here: Sequence[Visits]) -> Figure:
    """Left out unless neither the tenth nor the others are a small group: the sum of both is known."""
    spent = sorted((sum(visit.paid_minor for visit in theirs) for theirs in here), reverse=True)
    top = -(-len(spent) // DECILE)
    if not spent or hidden([top, len(spent) - top]):
        return SUPPRESSED if spent else None
    return share(sum(spent[:top]), sum(spent))


def _frequency(here: Sequence[Visits]) -> tuple[FrequencyRow, ...]:
    counts = [sum(_is_within(len(theirs), group) for theirs in here) for group in FREQUENCIES]
    small = hidden(counts)
    return tuple(
        FrequencyRow(_name(group), SUPPRESSED, SUPPRESSED, suppressed=True) if place in small
        else FrequencyRow(_name(group), counts[place], share(counts[place], len(here)), suppressed=False)
        for place, group in enumerate(FREQUENCIES)
    )  # fmt: skip


def _is_within(fills: int, group: tuple[int, int | None]) -> bool:
    return group[0] <= fills <= (group[1] or fills)


def _name(group: tuple[int, int | None]) -> str:
    first, last = group
    return f"{first}" if first == last else f"{first}-{last}" if last else f"{first}+"


KEY_FIGURES = (
    "drivers", "new_drivers", "returning_drivers", "lapsed_drivers", "average_paid_minor", "median_days_between",
)  # fmt: skip
TOTALS = (
    "drivers", "new_drivers", "returning_drivers", "lapsed_drivers", "orders", "volume_ml", "paid_minor",
    "average_volume_ml", "average_paid_minor", "median_orders", "median_days_between",
    "top_decile_basis_points",
)  # fmt: skip
GROUPS = ("driver_group", "drivers", "orders", "volume_ml", "paid_minor", "average_volume_ml", "average_paid_minor")
FREQUENCY = ("fills", "drivers", "driver_share_basis_points")
RETENTION = ("months_later", "cohort_drivers", "retained_drivers", "retention_basis_points")
NOTES = (
    ("Left out is what fewer than 5 drivers stand behind, and what would tell of them by a difference.",
     "涉及少于5位车主的数据,以及可由差额推算出这些数据的数据,均不显示。"),
    ("Cohorts are of the last 12 months, whatever the period; the last month may not be over.",
     "同期群为最近12个月,与报表期间无关;最后一个月可能尚未结束。"),
)  # fmt: skip


def document(head: Head, report: CustomersReport, before: CustomersReport | None) -> Document:
    """The report for files."""
    sheets = [
        Sheet("customers", "Customers", "客户", TOTALS, [cells(report.totals, TOTALS)]),
        _sheet("groups", "New and returning", "新老车主", GROUPS, report.rows, ("paid_minor",), "Revenue", "收入"),
        _sheet("frequency", "Frequency", "加油频次", FREQUENCY, report.frequency, ("drivers",), "Drivers", "车主数"),
        _sheet(
            "retention", "Who comes back", "留存", RETENTION, report.retention, ("retention_basis_points",),
            "Drivers who are there again", "再次到站的车主占比",
        ),
        Sheet("cohorts", "Cohorts", "同期群", ("cohort", *RETENTION), _rows(report.cohorts, ("cohort", *RETENTION))),
    ]  # fmt: skip
    figures = key_figures(report.totals, before and before.totals, KEY_FIGURES)
    return head.document("Customers", "客户报表", sheets, figures, NOTES)


def _sheet(
    name: str, title: str, title_zh: str, columns: tuple[str, ...], rows: Iterable[Any], y: tuple[str, ...],
    chart: str, chart_zh: str,
) -> Sheet:  # fmt: skip
    return Sheet(name, title, title_zh, columns, _rows(rows, columns), Chart("bar", columns[0], y, chart, chart_zh))


def _rows(rows: Iterable[Any], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return [cells(row, columns) for row in rows]
