"""The overview across stations."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from analytics.api.context import Reader, analytics_of
from analytics.api.files import WHAT, answer_file, file_responses
from analytics.api.reports import PROBLEMS, What
from analytics.domain.overview import OverviewFigures, OverviewRow, figures_of
from analytics.domain.periods import Period
from analytics.domain.reports import changes
from analytics.domain.schedules import Format
from analytics.http_models import overview as models
from analytics.use_cases.overview import OverviewReading, overview_stations, read_overview
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.files import Language
from servicekit.http_models import Limit, Operator
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/reports", tags=["reports"])

OfOperator = Annotated[Operator | None, Query(description="Its stations alone; else all that are yours")]


@router.get(
    "/overview", summary="Look across your stations", response_model=models.OverviewShown,
    responses=PROBLEMS | problem_responses(400),
)  # fmt: skip
async def get_overview(
    request: Request, reader: Reader, what: What, operator: OfOperator = None, cursor: str | None = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """What each of them sold, the one with the most revenue first, each by its own clock and in its own currency."""
    after = decode_cursor(cursor, tuple[str, int, str]) if cursor is not None else None
    analytics = analytics_of(request)
    reading = await read_overview(analytics, await overview_stations(analytics, reader, operator), what)
    rows = [row for section in reading.now.sections for row in section.rows if after is None or _place(row) > after]
    page = _body(reading, rows[:limit]) | {"next_cursor": next_cursor(rows, limit, _place)}
    return Response(msgspec.json.encode(page), media_type="application/json")


def _place(row: OverviewRow) -> tuple[str, int, str]:
    return row.currency, -row.paid_minor, str(row.station_id)


def _body(reading: OverviewReading, rows: list[OverviewRow]) -> dict[str, Any]:
    head, before = reading.head, reading.before
    sections = {section.currency: section.totals for section in before.sections} if before else {}
    stations = {(row.station_id, row.currency): row for one in before.sections for row in one.rows} if before else {}

    def compared(now: OverviewFigures, earlier: OverviewFigures | None) -> dict[str, Any] | None:
        return {"before": figures_of(earlier), "changes": changes(now, earlier)} if before else None

    return {
        **_days(head.period), "made_at": head.made_at, "complete_until": head.complete_until,
        "compared_with": _days(head.compared_with) if head.compared_with else None,
        "currencies": [
            {
                "currency": one.currency, "stations": len(one.rows), "totals": one.totals,
                "comparison": compared(one.totals, sections.get(one.currency)),
            }
            for one in reading.now.sections
        ],
        "stations": [
            vars(row) | {"comparison": compared(row, stations.get((row.station_id, row.currency)))} for row in rows
        ],
    }  # fmt: skip


def _days(period: Period) -> dict[str, Any]:
    return {"first_day": period.first_day, "last_day": period.last_day}


def _file_route(form: Format) -> Callable[..., Awaitable[Response]]:
    async def answer(
        request: Request, reader: Reader, what: What, operator: OfOperator = None, language: Language = None
    ) -> Response:
        analytics = analytics_of(request)
        reading = await read_overview(analytics, await overview_stations(analytics, reader, operator), what)
        return await answer_file(request, lambda: reading.document, form, language)

    return answer


for _form in Format:
    router.add_api_route(
        f"/overview.{_form}", _file_route(_form), name=f"get_overview_{_form}",
        summary=f"Look across your stations, as {_form.upper()}", description=WHAT[_form], response_class=Response,
        responses=file_responses(_form),
    )  # fmt: skip
