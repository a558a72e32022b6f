"""A report as a file: made in a thread, a few at a time, so that everybody else is served meanwhile."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analytics.domain.documents import Document
from analytics.domain.file_names import file_name
from analytics.domain.schedules import Format
from analytics.providers import csv_file, pdf_file, xlsx_file
from analytics.use_cases.context import Analytics
from servicekit.files import CSV, PDF

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Mapping[Format, str] = {Format.CSV: CSV, Format.XLSX: XLSX, Format.PDF: PDF}


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file, and what it is called."""

    name: str
    media_type: str
    content: bytes
    document: Document


async def write_file(
    analytics: Analytics, told: Callable[[], Document], form: Format, language: str
) -> ReportFile:  # fmt: skip
    """The file of what `told` tells. Raises Problem 503 where too many are asked for at once."""
    async with analytics.file_turns.take():
        return await write_now(analytics, told, form, language)


async def write_now(
    analytics: Analytics, told: Callable[[], Document], form: Format, language: str
) -> ReportFile:  # fmt: skip
    """The same for work that nobody waits for, which makes one at a time."""
    document = await asyncio.to_thread(told)
    content = await _written(analytics, document, form, language)
    return ReportFile(file_name(document, form), MEDIA_TYPES[form], content, document)


async def _written(analytics: Analytics, document: Document, form: Format, language: str) -> bytes:
    match form:
        case Format.PDF:
            return await pdf_file.write(analytics.typesetter, document, language)
        case Format.XLSX:
            return await asyncio.to_thread(xlsx_file.write, document, language)
        case Format.CSV:
            return await asyncio.to_thread(csv_file.write, document, language)
