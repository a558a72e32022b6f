"""What a report's file is called, wherever it is saved."""

import re
import unicodedata

from analytics.domain.documents import Document

MOST_SLUG_CHARACTERS = 40


def file_name(document: Document, ending: str) -> str:
    """`forecourt-days-chaoyang-east-2026-11-01-2026-11-30.xlsx`: lower-case letters, digits and hyphens alone.

    A station's name of other letters is left out.
    """
    days = sorted({document.first_day, document.last_day})
    parts = ["forecourt", document.report, slug_of(document.about), *map(str, days)]
    return f"{'-'.join(part for part in parts if part)}.{ending}"


def slug_of(text: str) -> str:
    """What is left of a text in a file's name."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:MOST_SLUG_CHARACTERS].rstrip("-")
