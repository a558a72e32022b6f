"""Reports about a station, each as JSON; what figures mean, and how fresh they are."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from analytics.api.context import Reader, analytics_of
from analytics.domain.metrics import TABLE
from analytics.domain.periods import MAX_DAYS, Compare
from analytics.http_models import metrics as metric_models
from analytics.http_models import reports as models
from analytics.use_cases import overview
from analytics.use_cases.freshness import complete_until, topics_of_views, views_complete_until
from analytics.use_cases.report_bodies import body_of
from analytics.use_cases.report_kinds import REPORTS, ReportKind
from analytics.use_cases.reporting import Asked, Reading, read_report, station_of
from servicekit.access import ANYONE
from servicekit.problems import Problem, problem_responses

router = APIRouter(prefix="/v1/reports", tags=["reports"])

StationId = Annotated[UUID, Path(examples=["0199a000-0000-7000-8000-000000000001"])]
FirstDay = Annotated[
    date | None,
    Query(
        alias="from", description="First day, in the station's own time; else 29 days before `to`",
        examples=["2026-04-01"],
    ),
]  # fmt: skip
LastDay = Annotated[
    date | None,
    Query(
        alias="to", description=f"Last day, which counts, today by default; at most {MAX_DAYS} days",
        examples=["2026-04-30"],
    ),
]  # fmt: skip
Against = Annotated[Compare, Query(description="The days right before, or the same days of the year before")]


def asked_of(
    first_day: FirstDay = None, last_day: LastDay = None, compare: Against = Compare.NONE
) -> Asked:  # fmt: skip
    """What a request asks of a report."""
    return Asked(first_day, last_day, compare)


What = Annotated[Asked, Depends(asked_of)]
VIEWS = {kind.name: kind.views for kind in REPORTS} | {overview.NAME: overview.VIEWS}
PROBLEMS = problem_responses(401, 403, 404, 422, 503)


async def read_asked(request: Request, reader: Reader, kind: ReportKind, station_id: UUID, what: Asked) -> Reading:
    """The report that a request asks for, of a station of the reader's."""
    analytics = analytics_of(request)
    return await read_report(analytics, kind, await station_of(analytics, reader, station_id), what)


def _json_route(kind: ReportKind) -> Callable[..., Awaitable[Response]]:
    async def answer(request: Request, reader: Reader, station_id: StationId, what: What) -> Response:
        reading = await read_asked(request, reader, kind, station_id, what)
        body = await asyncio.to_thread(body_of, reading)  # some have thousands of rows
        return Response(body, media_type="application/json")

    return answer


for _kind in REPORTS:
    router.add_api_route(
        f"/stations/{{station_id}}/{_kind.name}", _json_route(_kind), name=f"get_{_kind.name}_report",
        summary=_kind.summary, description=_kind.shape.__doc__, responses=PROBLEMS,
        response_model=models.answer_of(_kind.name, _kind.shape),
    )  # fmt: skip


@router.get("/metrics", summary="Read what figures mean", response_model=metric_models.MetricsShown,
            openapi_extra=ANYONE)  # fmt: skip
async def get_report_metrics() -> metric_models.MetricsShown:
    """The definition of each figure in reports, in their files and on topics."""
    return metric_models.MetricsShown(metrics=[metric_models.MetricShown.model_validate(one) for one in TABLE])


@router.get(
    "/{report}/freshness", summary="See how fresh a report is", response_model=metric_models.ReportFreshness,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_report_freshness(
    request: Request, reader: Reader, report: Annotated[str, Path(max_length=40, examples=["days"])]
) -> metric_models.ReportFreshness:
    """Until when all that happened is in it; each report says it of itself, too."""
    if report not in VIEWS:
        raise Problem(404, "no-such-report", f"There is no such report; there are {', '.join(VIEWS)}.")
    analytics, now = analytics_of(request), datetime.now(UTC)
    topics = [
        metric_models.TopicFreshness(topic=one, complete_until=await complete_until(analytics, [one]))
        for one in topics_of_views(VIEWS[report])
    ]
    whole = await views_complete_until(analytics, VIEWS[report])
    return metric_models.ReportFreshness(report=report, made_at=now, complete_until=whole, topics=topics)
