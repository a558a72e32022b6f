"""A report as an XLSX file: what it is about, a sheet for each table with its chart, and what its figures mean."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from io import BytesIO
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from analytics.domain.documents import Cell, Document, Sheet, Suppressed
from analytics.domain.figures import NOTHING, cell_text, change_text, form_of, title_of
from analytics.domain.front_matter import currency_of, definitions_of, front_matter, notes_of
from analytics.domain.front_matter import title_of as titled
from analytics.domain.metrics import METRICS, Metric
from analytics.domain.words import WORDS, named
from analytics.providers.xlsx_charts import insert_chart

MOST_NAME_CHARACTERS = 31
WIDEST, NARROWEST = 44, 9
LOOKED_AT = 200
"""Rows whose texts tell how wide a column is."""
SECONDS_OF_A_DAY = 86_400
MOMENT, DAY = "yyyy-mm-dd hh:mm", "yyyy-mm-dd"
INK, QUIET, ACCENT, WASH = "#16262e", "#6b7a82", "#0b6e5f", "#eef4f2"


def write(document: Document, language: str) -> bytes:
    """The file; the same document gives the same bytes."""
    written = BytesIO()
    with Workbook(written, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        _Writer(book, document, language).write()
    return written.getvalue()


class _Writer:
    """One workbook on its way."""

    def __init__(self, book: Workbook, document: Document, language: str) -> None:
        self._book = book
        self._document = document
        self._language = language
        self._words = WORDS[language]
        self._zone = ZoneInfo(document.time_zone)
        self._formats: dict[tuple[tuple[str, object], ...], Format] = {}

    def write(self) -> None:
        """All of it. The time of making is the document's, so that nothing differs from one time to the next."""
        title = titled(self._document, self._language)
        made_at = self._document.made_at.astimezone(UTC).replace(tzinfo=None)
        self._book.set_properties({"title": title, "author": self._words["brand"], "created": made_at})
        self._overview()
        for sheet in self._document.sheets:
            self._table(sheet)
        self._definitions()

    def _format(self, **properties: object) -> Format:
        """One format for each set of properties: a workbook may have 64,000 and no more."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"font_color": INK, "valign": "top"} | properties)
        return self._formats[key]

    def _head(self, page: Worksheet, row: int, titles: Sequence[str]) -> None:
        style = self._format(bold=True, text_wrap=True, bg_color=WASH, bottom=1, bottom_color=ACCENT)
        for column, title in enumerate(titles):
            page.write_string(row, column, title, style)

    def _overview(self) -> None:
        page = self._book.add_worksheet(self._words["overview"])
        page.hide_gridlines(2)
        page.set_column(0, 0, 24)
        page.set_column(1, 3, 22)
        page.write_string(0, 0, titled(self._document, self._language), self._format(bold=True, font_size=16))
        row = 2
        for what, text in front_matter(self._document, self._language)[1:]:
            page.write_string(row, 0, what, self._format(font_color=QUIET))
            page.write_string(row, 1, text, self._format())
            row += 1
        for note in notes_of(self._document, self._language):
            page.write_string(row, 0, self._words["note"], self._format(font_color=QUIET))
            page.merge_range(row, 1, row, 6, note, self._format(text_wrap=True))
            page.set_row(row, 15 * (1 + _width(note) // 110))
            row += 1
        if self._document.key_figures:
            self._key_figures(page, row + 1)

    def _key_figures(self, page: Worksheet, row: int) -> None:
        self._head(page, row, [self._words[name] for name in ("figure", "value", "before", "change")])
        for one in self._document.key_figures:
            row += 1
            metric, currency = METRICS[one.metric], one.currency or self._document.currency
            page.write_string(row, 0, title_of(metric, currency, self._language), self._format())
            self._cell(page, row, 1, one.value, metric, currency, bold=True)
            self._cell(page, row, 2, one.before, metric, currency)
            change = NOTHING if one.change_basis_points is None else change_text(one.change_basis_points)
            page.write_string(row, 3, change, self._format(align="right"))

    def _table(self, sheet: Sheet) -> None:
        page = self._book.add_worksheet(sheet.name[:MOST_NAME_CHARACTERS])
        currency, metrics = currency_of(self._document, sheet), [METRICS[name] for name in sheet.columns]
        self._head(page, 0, [title_of(metric, currency, self._language) for metric in metrics])
        for number, row in enumerate(sheet.rows, start=1):
            for column, cell in enumerate(row):
                self._cell(page, number, column, cell, metrics[column], currency)
        if sheet.totals is not None:
            self._totals(page, len(sheet.rows) + 1, sheet.totals, metrics, currency)
        page.freeze_panes(1, 1)
        page.autofilter(0, 0, max(1, len(sheet.rows)), len(metrics) - 1)
        self._set_widths(page, sheet, metrics, currency)
        if sheet.chart is not None and sheet.rows:
            insert_chart(self._book, page, sheet, currency, self._language)

    def _totals(
        self, page: Worksheet, row: int, totals: Sequence[Cell], metrics: Sequence[Metric], currency: str | None
    ) -> None:
        """Values, not sums: drivers of two days are not the days' drivers added up."""
        for column, cell in enumerate(totals):
            if column == 0 and cell is None:
                page.write_string(row, 0, self._words["total"], self._format(bold=True, top=1))
            else:
                self._cell(page, row, column, cell, metrics[column], currency, bold=True, top=1)

    def _cell(
        self, page: Worksheet, row: int, column: int, cell: Cell, metric: Metric, currency: str | None, **style: object
    ) -> None:
        match cell:
            case None | Suppressed():
                text = NOTHING if cell is None else str(cell)
                page.write_string(row, column, text, self._format(align="right", **{"font_color": QUIET} | style))
            case str():
                page.write_string(row, column, named(self._words, metric.name, cell), self._format(**style))
            case datetime():
                local = cell.astimezone(self._zone).replace(tzinfo=None)
                page.write_datetime(row, column, local, self._format(num_format=MOMENT, align="left", **style))
            case date():
                midnight = datetime.combine(cell, time())
                page.write_datetime(row, column, midnight, self._format(num_format=DAY, align="left", **style))
            case _:
                shown = self._format(num_format=number_format(metric, currency), **style)
                page.write_number(row, column, _number(cell, metric, currency), shown)

    def _set_widths(self, page: Worksheet, sheet: Sheet, metrics: Sequence[Metric], currency: str | None) -> None:
        looked_at = [*sheet.rows[:LOOKED_AT], *([sheet.totals] if sheet.totals is not None else [])]
        for column, metric in enumerate(metrics):
            texts = (cell_text(row[column], metric, currency, self._language, self._zone) for row in looked_at)
            words = title_of(metric, currency, self._language).split()
            wide = max([_width(text) for text in texts] + [_width(word) + 3 for word in words])  # 3: the filter's arrow
            page.set_column(column, column, min(WIDEST, max(NARROWEST, wide + 2)))

    def _definitions(self) -> None:
        page = self._book.add_worksheet(self._words["definitions"])
        self._head(page, 0, [self._words[name] for name in ("figure", "unit", "definition")])
        for row, one in enumerate(definitions_of(self._document, self._language), start=1):
            page.write_string(row, 0, one.title, self._format(bold=True, text_wrap=True))
            page.write_string(row, 1, one.unit, self._format())
            page.write_string(row, 2, one.text, self._format(text_wrap=True))
        page.set_column(0, 0, 26)
        page.set_column(1, 1, 12)
        page.set_column(2, 2, 100)
        page.freeze_panes(1, 0)


def _number(value: int, metric: Metric, currency: str | None) -> float:
    """What a spreadsheet takes: floats alone; 15 digits of them are right."""
    form = form_of(metric.unit, currency)
    return value / (SECONDS_OF_A_DAY if metric.unit == "seconds" else 10 ** (form.power if form else 0))


def number_format(metric: Metric, currency: str | None) -> str:
    """How a spreadsheet shows the numbers of a metric."""
    if metric.unit == "seconds":
        return "[h]:mm:ss"
    form = form_of(metric.unit, currency)
    return "#,##0" + (f".{'0' * form.decimals}" if form and form.decimals else "")


def _width(text: str) -> int:
    """How many digits wide a text is; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
