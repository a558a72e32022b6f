"""A report as a PDF to keep: key figures in large, plots, tables over as many pages as they need, definitions."""

import asyncio

from analytics.domain.documents import Document
from analytics.domain.print_view import view_of
from servicekit.typesetting import Typesetter

TEMPLATE = "report"


async def write(typesetter: Typesetter, document: Document, language: str) -> bytes:
    """The file; the same document gives the same bytes. Raises Problem 503 where too many are asked for at once."""
    view = await asyncio.to_thread(view_of, document, language)
    return await typesetter.pdf(TEMPLATE, view)
