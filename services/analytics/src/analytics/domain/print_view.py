"""A report as its PDF shows it: texts, tables and shapes, nothing left to compute; bounded in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from analytics.domain.documents import Cell, Document, KeyFigure, Sheet
from analytics.domain.figures import cell_text, change_text, form_of, with_unit
from analytics.domain.figures import title_of as column_title
from analytics.domain.front_matter import (
    Definition,
    currency_of,
    days_text,
    definitions_of,
    front_matter,
    notes_of,
    title_of,
)
from analytics.domain.metrics import METRICS
from analytics.domain.plots import Plot, plot_of
from analytics.domain.words import WORDS, Words

MOST_ROWS = 600
"""Of a table: some 15 pages. XLSX and CSV have them all."""
MOST_TILES = 8
UPRIGHT_COLUMNS = 8
"""A table with more makes all pages lie on their side."""
DASH = "\N{EN DASH}"
"""As a minus: the minus sign itself is as wide as a Chinese character in Chinese type."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure; `direction`: 1 up, -1 down, 0 neither."""

    title: str
    value: str
    before: str
    change: str
    direction: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `numbers`: the columns that align right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int]
    totals: Sequence[str] | None
    note: str
    plot: Plot | None


@dataclass(frozen=True, slots=True)
class View:
    """The PDF's contents."""

    language: str
    title: str
    about: str
    period: str
    facts: Sequence[tuple[str, str]]
    """In which zone times are, when it was made, and how fresh it is."""
    is_wide: bool
    compared_with: str
    tiles: Sequence[Tile]
    tables: Sequence[Table]
    notes: Sequence[str]
    definitions: Sequence[Definition]
    words: Words


def view_of(document: Document, language: str) -> View:
    """What the PDF of a report says."""
    words, zone = WORDS[language], ZoneInfo(document.time_zone)
    compared = document.compared_with
    widest = max([len(sheet.columns) for sheet in document.sheets], default=0)
    return View(
        language, title_of(document, language), document.about,
        days_text(document.first_day, document.last_day).replace(" - ", f" {DASH} "),
        front_matter(document, language)[-3:], widest > UPRIGHT_COLUMNS,
        f"{words['compared_with']} {days_text(*compared)}".replace(" - ", f" {DASH} ") if compared else "",
        [_tile(one, document, language, zone) for one in document.key_figures[:MOST_TILES]],
        [_table(sheet, document, language, zone) for sheet in document.sheets],
        notes_of(document, language), definitions_of(document, language), words,
    )  # fmt: skip


def _tile(one: KeyFigure, document: Document, language: str, zone: ZoneInfo) -> Tile:
    metric, currency = METRICS[one.metric], one.currency or document.currency

    def text(cell: Cell) -> str:
        return _printed(cell, with_unit(cell, metric, currency, language, zone))

    change = one.change_basis_points
    return Tile(
        metric.title_zh if language == "zh" else metric.title, text(one.value),
        "" if one.before is None else text(one.before), "" if change is None else _printed(change, change_text(change)),
        0 if not change else 1 if change > 0 else -1,
    )  # fmt: skip


def _table(sheet: Sheet, document: Document, language: str, zone: ZoneInfo) -> Table:
    words, currency = WORDS[language], currency_of(document, sheet)
    metrics = [METRICS[name] for name in sheet.columns]

    def texts(row: Sequence[Cell]) -> list[str]:
        cells = zip(row, metrics, strict=True)
        return [_printed(cell, cell_text(cell, metric, currency, language, zone)) for cell, metric in cells]

    shown, rows = sheet.rows[:MOST_ROWS], len(sheet.rows)
    note = words["cut"].format(shown=f"{len(shown):,}", rows=f"{rows:,}") if rows > MOST_ROWS else ""
    totals = [words["total"], *texts(sheet.totals)[1:]] if sheet.totals is not None else None
    return Table(
        title_of(sheet, language), [column_title(metric, currency, language) for metric in metrics],
        [texts(row) for row in shown], [index for index, one in enumerate(metrics) if form_of(one.unit, currency)],
        totals, note or ("" if rows else words["no_rows"]),
        plot_of(sheet, sheet.chart, currency, language, zone) if sheet.chart and rows else None,
    )  # fmt: skip


def _printed(cell: Cell, text: str) -> str:
    return text.replace("-", DASH) if isinstance(cell, int) else text
