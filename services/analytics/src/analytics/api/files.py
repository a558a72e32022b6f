"""Reports as files: each report's path with an ending."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Request, Response

from analytics.api.context import Reader, analytics_of
from analytics.api.reports import StationId, What, read_asked
from analytics.domain.documents import Document
from analytics.domain.schedules import Format
from analytics.use_cases.report_files import MEDIA_TYPES, write_file
from analytics.use_cases.report_kinds import REPORTS, ReportKind
from servicekit.files import Language, file_answer, file_response, language_of
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/reports", tags=["reports"])

BEGINNINGS: Mapping[Format, str] = {Format.CSV: "Day", Format.XLSX: "PK", Format.PDF: "%PDF-1.7"}
WHAT: Mapping[Format, str] = {
    Format.CSV: "Its tables for programs and spreadsheets; UTF-8 with a byte order mark.",
    Format.XLSX: "A sheet for each table, with formats, charts, and what the figures mean.",
    Format.PDF: "To keep or print: key figures, plots, tables; of a very long table the beginning.",
}
PROBLEMS = problem_responses(401, 403, 404, 422, 503)


async def answer_file(
    request: Request, told: Callable[[], Document], form: Format, language: str | None
) -> Response:  # fmt: skip
    """The file of what `told` tells, in the language that the person chose or likes best."""
    chosen = language_of(request, language)
    made = await write_file(analytics_of(request), told, form, chosen)
    charset = "; charset=utf-8" if form is Format.CSV else ""
    return file_answer(made.content, made.media_type + charset, chosen, made.name)


def file_responses(form: Format) -> dict[int | str, dict[str, object]]:
    """OpenAPI's words for a route that answers with such a file."""
    return file_response(MEDIA_TYPES[form], BEGINNINGS[form]) | PROBLEMS


def _file_route(kind: ReportKind, form: Format) -> Callable[..., Awaitable[Response]]:
    async def answer(
        request: Request, reader: Reader, station_id: StationId, what: What, language: Language = None
    ) -> Response:
        reading = await read_asked(request, reader, kind, station_id, what)
        return await answer_file(request, lambda: reading.document, form, language)

    return answer


for _kind in REPORTS:
    for _form in Format:
        router.add_api_route(
            f"/stations/{{station_id}}/{_kind.name}.{_form}", _file_route(_kind, _form),
            name=f"get_{_kind.name}_report_{_form}", summary=f"{_kind.summary}, as {_form.upper()}",
            description=WHAT[_form], response_class=Response, responses=file_responses(_form),
        )  # fmt: skip
