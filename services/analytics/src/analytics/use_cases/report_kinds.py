"""The reports about a station: the one table that routes, files and schedules share.

A new report is a frozen dataclass with `rows` and `totals` in a file of the domain, whose fields are named in the table
of metrics; `document(head, report, before)` beside it, which says it in sheets; a use case that reads it; and an entry
here. Its routes, their models, its comparison with other days and its freshness follow from that.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from analytics.domain import campaign_sheets, customers, days, hours, price_sheets, prices, pump_sheets, pumps
from analytics.domain.campaign_report import CampaignsReport
from analytics.domain.documents import Document
from analytics.domain.periods import Period
from analytics.domain.reports import Head, Report
from analytics.repository.stations import Station
from analytics.use_cases import sales_reports
from analytics.use_cases.campaigns_report import read_campaigns
from analytics.use_cases.context import Analytics
from analytics.use_cases.customers_report import read_customers
from analytics.use_cases.prices_report import read_prices
from analytics.use_cases.pumps_report import read_pumps


@dataclass(frozen=True, slots=True)
class ReportKind:
    """One report: its place in paths, how it is read, and how it is told in files."""

    name: str
    summary: str
    shape: type[Report]
    """A frozen dataclass. Answers have its fields, described by the table of metrics."""
    read: Callable[[Analytics, Station, Period], Awaitable[Any]]
    document: Callable[[Head, Any, Any | None], Document]
    """(head, report, the report of the days it is compared with) -> what files show."""
    views: tuple[str, ...]
    """What it is read from; as fresh as the stalest of them is the report."""
    identity: tuple[str, ...] = ()
    """Fields that tell rows apart: rows are compared with those of the earlier days. None: totals alone are."""


REPORTS: tuple[ReportKind, ...] = (
    ReportKind(
        "hours", "See a station's hours", hours.HoursReport, sales_reports.read_hours, hours.document,
        ("station-hours", "station-drivers"), ("hour",),
    ),
    ReportKind(
        "days", "See a station's days", days.DaysReport, sales_reports.read_days, days.document,
        ("station-hours", "station-drivers"), ("day",),
    ),
    ReportKind(
        "customers", "See who comes to a station", customers.CustomersReport, read_customers, customers.document,
        ("station-drivers",), ("driver_group",),
    ),
    ReportKind(
        "prices", "See a station's prices", prices.PricesReport, read_prices, price_sheets.document,
        ("station-prices", "stations", "station-hours"), ("day", "fuel"),
    ),
    ReportKind(
        "campaigns", "See what campaigns changed at a station", CampaignsReport, read_campaigns,
        campaign_sheets.document, ("campaigns", "station-hours", "station-points", "stations"), ("campaign_id",),
    ),
    ReportKind(
        "pumps", "See how busy a station's pumps are", pumps.PumpsReport, read_pumps, pump_sheets.document,
        ("pump-days",), ("pump_id",),
    ),
)  # fmt: skip
REPORT_BY_NAME = {kind.name: kind for kind in REPORTS}
