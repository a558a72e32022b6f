"""Figures as people read them: by their unit, their currency and their language; exactly, never by a float."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from analytics.domain.documents import Cell, Suppressed
from analytics.domain.metrics import Metric, Unit
from analytics.domain.words import WORDS, named
from schemas.vocabulary import mills_per_minor_unit

NOTHING = "-"
"""Stands where there is no figure."""


@dataclass(frozen=True, slots=True)
class Form:
    """How a unit is read: its values are whole numbers of 10^-`power` of what `label` names."""

    power: int
    decimals: int
    """So many are shown where somebody reads; a file that programs read has all."""
    label: str = ""


_FORMS: Mapping[Unit, Form] = {
    "count": Form(0, 0),
    "points": Form(0, 0),
    "ml": Form(3, 2, "L"),
    "basis_points": Form(2, 2, "%"),
    "per_mille": Form(1, 1, "%"),
    "hundredths": Form(2, 2),
    "metres": Form(3, 1, "km"),
    "ml_per_100km": Form(3, 2, "L/100 km"),
    "seconds": Form(0, 0, "h:mm:ss"),
}
_TEXTS: frozenset[Unit] = frozenset({"moment", "date", "text"})


def form_of(unit: Unit, currency: str | None) -> Form | None:
    """How a unit is read; None: its values are no numbers. Amounts without a currency are whole minor units."""
    if unit in _TEXTS:
        return None
    if unit == "minor":
        digits = 4 - len(str(mills_per_minor_unit(currency))) if currency else 0
        return Form(digits, digits, currency or "")
    if unit == "mills":
        return Form(3, 3, f"{currency}/L" if currency else "")
    return _FORMS[unit]


def title_of(metric: Metric, currency: str | None, language: str) -> str:
    """The head of a column: `Volume (L)`."""
    title = metric.title_zh if language == "zh" else metric.title
    form = form_of(metric.unit, currency)
    return f"{title} ({form.label})" if form and form.label else title


def number_text(value: int, form: Form, *, grouped: bool = True, decimals: int | None = None) -> str:
    """A value with so many decimals, those of its form by default; half of the last one is rounded away from zero."""
    digits = form.decimals if decimals is None else decimals
    shift = form.power - digits
    units = (2 * abs(value) + 10**shift) // (2 * 10**shift) if shift > 0 else abs(value) * 10**-shift
    whole, rest = divmod(units, 10**digits)
    text = (f"{whole:,}" if grouped else f"{whole}") + (f".{rest:0{digits}}" if digits else "")
    return f"-{text}" if value < 0 and units else text


def duration_text(seconds: int) -> str:
    """`1:05:09`, hours, minutes and seconds."""
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes // 60}:{minutes % 60:02}:{rest:02}"


def moment_text(moment: datetime, zone: ZoneInfo) -> str:
    """`2026-11-26 14:00`, by the clocks of the zone."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def change_text(basis_points: int) -> str:
    """A change with its sign, in per cent: `+4.2%`."""
    text = number_text(basis_points, _FORMS["basis_points"], decimals=1)
    return f"{'+' if basis_points > 0 else ''}{text}%"


def cell_text(cell: Cell, metric: Metric, currency: str | None, language: str, zone: ZoneInfo) -> str:
    """What somebody reads: grouped, as many decimals as make sense, without its unit, which the column's head has."""
    match cell:
        case None:
            return NOTHING
        case Suppressed():
            return str(cell)
        case datetime():
            return moment_text(cell, zone)
        case date():
            return f"{cell:%Y-%m-%d}"
        case str():
            return named(WORDS[language], metric.name, cell)
    form = form_of(metric.unit, currency)
    if metric.unit == "seconds" or form is None:
        return duration_text(cell) if form else str(cell)
    return number_text(cell, form)


def with_unit(cell: Cell, metric: Metric, currency: str | None, language: str, zone: ZoneInfo) -> str:
    """The same where it stands alone: `1,234.50 CNY`."""
    text = cell_text(cell, metric, currency, language, zone)
    form = form_of(metric.unit, currency)
    if not form or not form.label or not isinstance(cell, int) or metric.unit == "seconds":
        return text
    return text + ("%" if form.label == "%" else f" {form.label}")
