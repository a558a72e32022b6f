"""The report across stations: what each sold, beside the others and beside other days."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any
from uuid import UUID

from analytics.domain.documents import Cell, Chart, Document, KeyFigure, Sheet
from analytics.domain.reports import Head, cells, change, key_figures, share
from analytics.domain.sales import SUMS

COLUMNS = (
    "station", "orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor", "refunds", "refunded_minor",
    "average_volume_ml", "average_paid_minor", "discount_basis_points", "revenue_share_basis_points",
)  # fmt: skip
KEY_FIGURES = ("paid_minor", "orders", "volume_ml")
MOST_KEY_FIGURES = 6
MOST_BARS = 20
"""So many stations have a place in a picture."""
NOTE = (
    "Stations in the order of their revenue. Days are those of each station's own time.",
    "油站按收入排序;日期均为各油站当地时间。",
)


@dataclass(frozen=True)
class StationSold:
    """What a station sold in a currency."""

    station_id: UUID
    station: str
    currency: str
    sums: Mapping[str, int]


@dataclass(frozen=True)
class OverviewFigures:
    """What stations sold."""

    orders: int
    volume_ml: int
    gross_minor: int
    discount_minor: int
    paid_minor: int
    refunds: int
    refunded_minor: int
    average_volume_ml: int | None
    average_paid_minor: int | None
    discount_basis_points: int | None


@dataclass(frozen=True)
class _Station:
    station_id: UUID
    station: str
    currency: str


@dataclass(frozen=True)
class OverviewRow(OverviewFigures, _Station):
    """A station, and its share of the revenue of all in its currency."""

    revenue_share_basis_points: int | None


@dataclass(frozen=True)
class Section:
    """The stations of one currency, the one with the most revenue first."""

    currency: str
    totals: OverviewFigures
    rows: tuple[OverviewRow, ...]


@dataclass(frozen=True)
class Overview:
    """All that was asked for, by currency in the order of their names."""

    sections: tuple[Section, ...]

    def section(self, currency: str) -> Section | None:
        """The stations of a currency; None: there are none."""
        return next((one for one in self.sections if one.currency == currency), None)


def overview(sold: Iterable[StationSold]) -> Overview:
    """The overview of what stations sold."""
    ordered = sorted(sold, key=lambda one: one.currency)
    return Overview(
        tuple(_section(currency, list(of)) for currency, of in groupby(ordered, lambda one: one.currency))
    )  # fmt: skip


def figures_of(row: OverviewFigures | None) -> OverviewFigures | None:
    """A row's figures alone."""
    return row and OverviewFigures(**{field.name: getattr(row, field.name) for field in fields(OverviewFigures)})


def _section(currency: str, sold: Sequence[StationSold]) -> Section:
    totals = {name: sum(one.sums[name] for one in sold) for name in SUMS}
    rows = [
        OverviewRow(
            station_id=one.station_id, station=one.station, currency=currency, **_figures(one.sums),
            revenue_share_basis_points=share(one.sums["paid_minor"], totals["paid_minor"]),
        )
        for one in sorted(sold, key=place_of)
    ]  # fmt: skip
    return Section(currency, OverviewFigures(**_figures(totals)), tuple(rows))


def place_of(one: StationSold) -> tuple[int, str]:
    """Its place among those of its currency."""
    return -one.sums["paid_minor"], str(one.station_id)


def _figures(sums: Mapping[str, int]) -> dict[str, Any]:
    return {
        **{name: sums[name] for name in SUMS},
        "average_volume_ml": share(sums["volume_ml"], sums["orders"], 1),
        "average_paid_minor": share(sums["paid_minor"], sums["orders"], 1),
        "discount_basis_points": share(sums["discount_minor"], sums["gross_minor"]),
    }


def document(head: Head, now: Overview, before: Overview | None) -> Document:
    """The report for files: a sheet for each currency."""
    sheets, figures = [], list[KeyFigure]()
    for section in now.sections:
        earlier = before.section(section.currency) if before else None
        sheets.append(_sheet(section, earlier, compared=before is not None))
        figures += key_figures(section.totals, earlier and earlier.totals, KEY_FIGURES, section.currency)
    return head.document("Overview", "油站总览", sheets, figures[:MOST_KEY_FIGURES], [NOTE])


def _sheet(section: Section, before: Section | None, *, compared: bool) -> Sheet:
    earlier = {row.station_id: row.paid_minor for row in before.rows} if before else {}
    columns = (*COLUMNS, "revenue_change_basis_points") if compared else COLUMNS

    def row_of(row: OverviewFigures, was: int | None) -> tuple[Cell, ...]:
        return (*cells(row, COLUMNS), change(row.paid_minor, was)) if compared else cells(row, COLUMNS)

    rows = [row_of(row, earlier.get(row.station_id)) for row in section.rows]
    totals = row_of(section.totals, before.totals.paid_minor if before else None)
    chart = Chart("bar", "station", ("paid_minor",), "Revenue by station", "各油站收入")
    return Sheet(
        f"stations-{section.currency.lower()}", f"Stations, {section.currency}", f"油站({section.currency})", columns,
        rows, chart if len(rows) <= MOST_BARS else None, totals, section.currency,
    )  # fmt: skip
