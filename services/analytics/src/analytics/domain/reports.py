"""What every report has: whose it is and of when, its rows and totals, and what they are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Protocol

from analytics.domain.documents import Document, KeyFigure, Sheet
from analytics.domain.metrics import METRICS, Metric
from analytics.domain.periods import Compare, Period

WHOLE = 10_000
"""Basis points of a whole."""
_NO_NUMBERS = frozenset({"text", "moment", "date"})


class Report(Protocol):
    """A report's figures: a frozen dataclass of values named as in `domain.metrics`, and of such dataclasses.

    Whatever else it has (more tables, say) is part of it as well; rows and totals are what is compared.
    """

    @property
    def rows(self) -> Sequence[Any]:
        """Its main table."""
        ...

    @property
    def totals(self) -> Any:
        """The same over the whole period; None where rows do not add up."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What is said above a report."""

    report: str
    """As in its path."""
    about: str
    """Whose it is: the station's name, or the operators'."""
    period: Period
    currency: str | None
    made_at: datetime
    complete_until: datetime | None
    compared_with: Period | None = None

    def document(
        self, title: str, title_zh: str, sheets: Sequence[Sheet], key_figures: Sequence[KeyFigure] = (),
        notes: Sequence[tuple[str, str]] = (),
    ) -> Document:  # fmt: skip
        """The report for whoever writes it as a file."""
        days = self.compared_with
        return Document(
            self.report, title, title_zh, self.about, self.period.first_day, self.period.last_day, self.currency,
            self.made_at, self.complete_until, sheets, notes, key_figures,
            (days.first_day, days.last_day) if days else None, self.period.zone.key,
        )  # fmt: skip


def change(now: Any, before: Any) -> int | None:
    """The change from one figure to another in basis points of the one before; half is rounded up.

    None where a figure is missing or suppressed, or there was nothing to change from.
    """
    if not isinstance(now, int) or not isinstance(before, int) or before == 0:
        return None
    return rounded((now - before) * WHOLE, abs(before))


def rounded(part: int, whole: int) -> int:
    """The quotient as a whole number; half is rounded up. `whole` is above zero."""
    return (2 * part + whole) // (2 * whole)


def share(part: int, whole: int, of: int = WHOLE) -> int | None:
    """How much `part` is of `whole`, where that is `of`; None of nothing."""
    return rounded(part * of, whole) if whole > 0 else None


def changes(now: Any, before: Any | None) -> dict[str, int | None]:
    """`change` of each number of a row or of totals; each is None where there is no row before."""
    return {name: change(getattr(now, name), getattr(before, name, None)) for name in numbers_of(type(now))}


def numbers_of(kind: type) -> list[str]:
    """The names of a row's numbers."""
    known = ((field.name, METRICS.get(field.name)) for field in fields(kind))
    return [name for name, metric in known if metric is not None and _is_number(metric)]


def _is_number(metric: Metric) -> bool:
    return metric.unit not in _NO_NUMBERS


def aligned(
    rows: Sequence[Any], before: Sequence[Any], identity: Sequence[str], period: Period, compare: Compare
) -> list[Any | None]:
    """For each row the earlier one that it is compared with: of the day or hour that its own is compared with, and
    equal in what else of `identity` there is."""
    known: Mapping[Any, Any] = {tuple(getattr(row, name) for name in identity): row for row in before}
    return [known.get(tuple(_earlier(getattr(row, name), period, compare) for name in identity)) for row in rows]


def _earlier(value: Any, period: Period, compare: Compare) -> Any:
    if isinstance(value, datetime):
        return period.earlier_hour(value, compare)
    return period.earlier(value, compare) if isinstance(value, date) else value


def key_figures(
    now: Any, before: Any | None, names: Sequence[str], currency: str | None = None
) -> list[KeyFigure]:  # fmt: skip
    """The figures of totals that a reader sees first, each with the one before."""
    pairs = [(name, getattr(now, name), getattr(before, name, None)) for name in names]
    return [KeyFigure(name, value, earlier, change(value, earlier), currency) for name, value, earlier in pairs]


def cells(row: Any, columns: Sequence[str]) -> tuple[Any, ...]:
    """A row's values in the order of columns; None where it has no such value, as totals have no day."""
    return tuple(getattr(row, name, None) for name in columns)
