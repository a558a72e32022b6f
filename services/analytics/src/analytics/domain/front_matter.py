"""What a report says beside its tables: whose it is, of when, how fresh, and what its figures mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from analytics.domain.documents import Document, Sheet, Suppressed
from analytics.domain.figures import form_of, moment_text
from analytics.domain.metrics import METRICS
from analytics.domain.words import WORDS


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure of the report means."""

    title: str
    unit: str
    text: str


def title_of(item: Document | Sheet, language: str) -> str:
    """Its title in the language."""
    return item.title_zh if language == "zh" else item.title


def days_text(first: date, last: date) -> str:
    """`2026-11-01 - 2026-11-30`; both count."""
    return f"{first}" if first == last else f"{first} - {last}"


def currency_of(document: Document, sheet: Sheet) -> str | None:
    """That of a sheet's amounts."""
    return sheet.currency or document.currency


def front_matter(document: Document, language: str) -> list[tuple[str, str]]:
    """(what, text): the head of a file."""
    words, zone = WORDS[language], ZoneInfo(document.time_zone)
    until = document.complete_until
    compared = [(words["compared_with"], days_text(*document.compared_with))] if document.compared_with else []
    return [
        (words["report"], title_of(document, language)), (words["about"], document.about),
        (words["period"], days_text(document.first_day, document.last_day)), *compared,
        (words["time_zone"], document.time_zone), (words["made_at"], moment_text(document.made_at, zone)),
        (words["complete_until"], moment_text(until, zone) if until else words["nothing_yet"]),
    ]  # fmt: skip


def notes_of(document: Document, language: str) -> list[str]:
    """What a reader must know; what `<5` means only where it stands."""
    notes = [chinese if language == "zh" else english for english, chinese in document.notes]
    return notes + ([WORDS[language]["few"]] if _has_suppressed(document) else [])


def definitions_of(document: Document, language: str) -> list[Definition]:
    """What each figure of the report means, in the order in which they come."""
    used: dict[str, str | None] = {one.metric: one.currency or document.currency for one in document.key_figures}
    for sheet in document.sheets:
        for name in sheet.columns:
            used.setdefault(name, currency_of(document, sheet))
    return [_definition(name, currency, language) for name, currency in used.items()]


def _definition(name: str, currency: str | None, language: str) -> Definition:
    metric, form = METRICS[name], form_of(METRICS[name].unit, currency)
    title, text = (metric.title_zh, metric.definition_zh) if language == "zh" else (metric.title, metric.definition)
    return Definition(title, form.label if form else "", text)


def _has_suppressed(document: Document) -> bool:
    rows = [row for sheet in document.sheets for row in _all_rows(sheet)]
    figures = [(one.value, one.before) for one in document.key_figures]
    return any(isinstance(cell, Suppressed) for row in (*rows, *figures) for cell in row)


def _all_rows(sheet: Sheet) -> Sequence[Sequence[object]]:
    return [*sheet.rows, sheet.totals] if sheet.totals is not None else sheet.rows
