"""Charts as shapes: where each line, bar and label lies, as shares of the picture's width and height from below left.

All is worked out here, so that whoever draws has nothing left to decide.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from analytics.domain.documents import Cell, Chart, Sheet
from analytics.domain.figures import cell_text, form_of, number_text, title_of
from analytics.domain.metrics import METRICS

MOST_BARS = 130
"""More are drawn as a line: they would be thinner than what can be seen."""
TICKS = 5
MOST_LABELS = 12
BAR_SHARE, WIDEST_BARS = 0.72, 0.09
"""Bars take so much of their place, the rest is a gap; and no more of the picture, where there are few."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One column of the chart; `lines`: what is drawn through, broken where there is no figure; `bars`: (left, below,
    width, height)."""

    name: str
    colour: int
    lines: Sequence[Sequence[Point]]
    bars: Sequence[tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture: labels along and upwards with where they stand, and what is drawn."""

    title: str
    unit: str
    ticks: Sequence[tuple[float, str]]
    labels: Sequence[tuple[float, str]]
    series: Sequence[Series]
    zero: float
    """Where nothing is; bars stand on it."""


def plot_of(sheet: Sheet, chart: Chart, currency: str | None, language: str, zone: ZoneInfo) -> Plot:
    """The sheet's chart. A figure that is left out is a gap."""
    columns = {name: [row[sheet.columns.index(name)] for row in sheet.rows] for name in (chart.x, *chart.y)}
    numbers = {name: [cell if isinstance(cell, int) else None for cell in columns[name]] for name in chart.y}
    is_stacked = chart.kind == "stacked"
    scale = scale_of(_extremes(list(numbers.values()), is_stacked))
    as_line = chart.kind == "line" or len(sheet.rows) * (1 if is_stacked else len(chart.y)) > MOST_BARS
    form = form_of(METRICS[chart.y[0]].unit, currency)
    drawn = _lines if as_line else _stacks if is_stacked else _groups
    many = len(chart.y) > 1
    return Plot(
        chart.title_zh if language == "zh" else chart.title,
        (form.label if form else "") if many else title_of(METRICS[chart.y[0]], currency, language),
        [(scale.place(tick), number_text(tick, form, decimals=_decimals(scale, form.power)) if form else str(tick))
         for tick in scale.ticks],
        _labels(columns[chart.x], lambda cell: _label(cell, chart.x, language, zone)),
        [Series(title_of(METRICS[name], None, language).partition(" (")[0], index, *shapes)
         for index, (name, shapes) in enumerate(zip(chart.y, drawn(list(numbers.values()), scale), strict=True))],
        scale.place(0),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """From the lowest to the highest tick, which are round numbers."""

    ticks: Sequence[int]
    step: int

    def place(self, value: int) -> float:
        """Where a value stands, 0 to 1."""
        low, high = self.ticks[0], self.ticks[-1]
        return round((value - low) / (high - low), 5)


def scale_of(extremes: tuple[int, int]) -> Scale:
    """Round numbers around what is shown; nothing is always among them, so that a little is not made to look much."""
    low, high = min(0, extremes[0]), max(0, extremes[1])
    step = _round_step(max(1, -(-(high - low) // TICKS)))
    first, last = low // step * step, max(-(-high // step) * step, low // step * step + step)
    return Scale(range(first, last + 1, step), step)


def _round_step(least: int) -> int:
    """The least of 1, 2, 5, 10, 20 ... that is not below."""
    power = 10 ** (len(str(least)) - 1)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)


def _decimals(scale: Scale, power: int) -> int:
    """As many as the steps need."""
    zeros = len(str(scale.step)) - len(str(scale.step).rstrip("0"))
    return max(0, power - zeros)


Columns = Sequence[Sequence[int | None]]
Shapes = tuple[Sequence[Sequence[Point]], Sequence[tuple[float, float, float, float]]]


def _extremes(columns: Columns, is_stacked: bool) -> tuple[int, int]:
    if is_stacked:
        rows = [[one or 0 for one in row] for row in zip(*columns, strict=True)]
        values = [sum(one for one in row if (one < 0) is negative) for row in rows for negative in (True, False)]
    else:
        values = [one for column in columns for one in column if one is not None]
    return min(values, default=0), max(values, default=0)


def _lines(columns: Columns, scale: Scale) -> Iterator[Shapes]:
    for column in columns:
        pieces: list[list[Point]] = [[]]
        for index, value in enumerate(column):
            if value is None:
                pieces.append([])
            else:
                pieces[-1].append((_middle(index, len(column)), scale.place(value)))
        yield [piece for piece in pieces if piece], []


def _groups(columns: Columns, scale: Scale) -> Iterator[Shapes]:
    """Bars beside one another."""
    place = _bars_width(len(columns[0]))
    width = place / len(columns)
    for number, column in enumerate(columns):
        bars = [
            _bar(_middle(index, len(column)) - place / 2 + number * width, width, scale, 0, value)
            for index, value in enumerate(column) if value
        ]  # fmt: skip
        yield [], bars


def _stacks(columns: Columns, scale: Scale) -> Iterator[Shapes]:
    """Bars on one another; what is below nothing goes downwards."""
    count = len(columns[0])
    width = _bars_width(count)
    up, down = [0] * count, [0] * count
    for column in columns:
        bars = []
        for index, value in enumerate(column):
            if value:
                base = up if value > 0 else down
                left = _middle(index, count) - width / 2
                bars.append(_bar(left, width, scale, base[index], base[index] + value))
                base[index] += value
        yield [], bars


def _bars_width(count: int) -> float:
    return min(WIDEST_BARS, BAR_SHARE / max(1, count))


def _bar(left: float, width: float, scale: Scale, start: int, end: int) -> tuple[float, float, float, float]:
    below, above = sorted((scale.place(start), scale.place(end)))
    return round(left, 5), below, round(width, 5), round(above - below, 5)


def _middle(index: int, count: int) -> float:
    return round((index + 0.5) / count, 5)


def _labels(cells: Sequence[Cell], text: Callable[[Cell], str]) -> list[tuple[float, str]]:
    """Every so many, so that they do not overlap."""
    every = max(1, -(-len(cells) // MOST_LABELS))
    return [(_middle(index, len(cells)), text(cells[index])) for index in range(0, len(cells), every)]


def _label(cell: Cell, name: str, language: str, zone: ZoneInfo) -> str:
    """Short: the year is in the report's head."""
    match cell:
        case datetime():
            return f"{cell.astimezone(zone):%m-%d %H:%M}"
        case date():
            return f"{cell:%m-%d}"
    text = cell_text(cell, METRICS[name], None, language, zone)
    return text if len(text) <= MOST_LABEL_CHARACTERS else f"{text[: MOST_LABEL_CHARACTERS - 1]}…"


MOST_LABEL_CHARACTERS = 14
