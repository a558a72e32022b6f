"""A report as one CSV file: the first table from the first line on, so that a program reads it as it is; then the
others, their totals, what the report is about, and what its figures mean, each after an empty line.

In UTF-8 with a byte order mark, without which Excel takes Chinese for something else; programs that read `utf-8-sig`
never see it. Numbers have a point, all decimals there are, and no separators of thousands.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from analytics.domain.documents import Cell, Document, Sheet, Suppressed
from analytics.domain.figures import duration_text, form_of, moment_text, number_text, title_of
from analytics.domain.front_matter import currency_of, definitions_of, front_matter, notes_of
from analytics.domain.front_matter import title_of as titled
from analytics.domain.metrics import METRICS, Metric
from analytics.domain.words import WORDS, named
from servicekit.csv_text import Cell as Written
from servicekit.csv_text import Number, csv_bytes


def write(document: Document, language: str) -> bytes:
    """The file; the same document gives the same bytes."""
    return csv_bytes(_lines(document, language))


def _lines(document: Document, language: str) -> Iterator[Sequence[Written]]:
    words = WORDS[language]
    for index, sheet in enumerate(document.sheets):
        if index:
            yield from ([], [titled(sheet, language)])
        yield from _table(document, sheet, sheet.rows, language)
    for sheet in document.sheets:
        if sheet.totals is not None:
            yield from ([], [f"{words['total']}: {titled(sheet, language)}"])
            yield from _table(document, sheet, [sheet.totals], language)
    if document.key_figures:
        yield from ([], [words["key_figures"]], [words[name] for name in ("figure", "unit", "value", "before")])
        yield from _key_figures(document, language)
    yield []
    yield from front_matter(document, language)
    yield from ([words["note"], note] for note in notes_of(document, language))
    yield from ([], [words[name] for name in ("figure", "unit", "definition")])
    yield from ([one.title, one.unit, one.text] for one in definitions_of(document, language))


def _table(
    document: Document, sheet: Sheet, rows: Sequence[Sequence[Cell]], language: str
) -> Iterator[Sequence[Written]]:
    currency, zone = currency_of(document, sheet), ZoneInfo(document.time_zone)
    metrics = [METRICS[name] for name in sheet.columns]
    yield [title_of(metric, currency, language) for metric in metrics]
    for row in rows:
        yield [_cell(cell, metric, currency, language, zone) for cell, metric in zip(row, metrics, strict=True)]


def _key_figures(document: Document, language: str) -> Iterator[Sequence[Written]]:
    zone = ZoneInfo(document.time_zone)
    for one in document.key_figures:
        metric, currency = METRICS[one.metric], one.currency or document.currency
        form = form_of(metric.unit, currency)
        values = [_cell(value, metric, currency, language, zone) for value in (one.value, one.before)]
        yield [metric.title_zh if language == "zh" else metric.title, form.label if form else "", *values]


def _cell(cell: Cell, metric: Metric, currency: str | None, language: str, zone: ZoneInfo) -> Written:
    match cell:
        case None:
            return ""  # a hyphen would be taken for the beginning of a formula
        case Suppressed():
            return str(cell)
        case datetime():
            return moment_text(cell, zone)
        case date():
            return f"{cell}"
        case str():
            return named(WORDS[language], metric.name, cell)
    form = form_of(metric.unit, currency)
    if metric.unit == "seconds" or form is None:
        return duration_text(cell) if form else f"{cell}"
    return Number(number_text(cell, form, grouped=False, decimals=form.power))
