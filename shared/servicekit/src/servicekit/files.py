"""Answers that are files: in one of our languages, for the person alone."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response

from servicekit.languages import best_language

Language = Annotated[Literal["en", "zh"] | None, Query(description="Of the file; else what Accept-Language likes best")]
CSV, PDF = "text/csv", "application/pdf"


def file_response(media_type: str, beginning: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's words for a route that answers with a file; `beginning` is its example."""
    schema = {"type": "string", "format": "binary", "examples": [beginning]}
    return {200: {"description": "The file", "content": {media_type: {"schema": schema}}}}


def language_of(request: Request, chosen: str | None) -> str:
    """The language that the person chose, or else likes best."""
    return chosen or best_language(request.headers.get("accept-language", ""))


def file_answer(document: bytes, media_type: str, language: str, name: str) -> Response:
    """The file, to be saved under this name and kept by nobody in between."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"', "Content-Language": language,
        "Cache-Control": "no-store",
    }  # fmt: skip
    return Response(document, media_type=media_type, headers=headers)
