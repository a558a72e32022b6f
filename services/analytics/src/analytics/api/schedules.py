"""Reports that are sent by e-mail again and again: who set one up sees it, nobody else."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response

from analytics.api.context import Scheduler, analytics_of
from analytics.domain.schedules import Schedule
from analytics.http_models import schedules as models
from analytics.use_cases import schedules as use_cases
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.idempotency import IdempotentRequest, require_key
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/report-schedules", tags=["reports"])

ScheduleId = Annotated[UUID, Path(examples=[models.SCHEDULE])]


@router.get(
    "", summary="List the reports that you have sent", response_model=models.SchedulePage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_report_schedules(
    request: Request, staff: Scheduler, cursor: str | None = None, limit: Annotated[Limit, Query()] = 20
) -> models.SchedulePage:
    """Your schedules, the newest first, each with what became of its last reports."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    found = await analytics_of(request).schedules.page(staff.subject, before, limit + 1)
    return models.SchedulePage(
        schedules=[_shown(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.schedule_id),
    )


@router.post(
    "", status_code=201, summary="Have a report sent", response_model=models.Schedule,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 429, 503),
)  # fmt: skip
async def make_report_schedule(
    request: Request, body: models.NewSchedule, staff: Scheduler,
    idempotency_key: Annotated[str | None, Header(description="Makes a repeated request give the first answer")] = None,
) -> models.Schedule:  # fmt: skip
    """Every day, week or month, about the one before. Its recipient gets a code first: nothing is sent to anybody who
    did not ask for it. POST the code to `confirm`. You may have 20 of them."""
    key = require_key(idempotency_key)
    asked = IdempotentRequest(staff.subject, "POST /v1/report-schedules", key, await request.body())
    return _shown(await use_cases.make_schedule(analytics_of(request), staff, body.model_dump(), asked))


@router.get(
    "/{schedule_id}", summary="Look at a report that you have sent", response_model=models.Schedule,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_report_schedule(request: Request, schedule_id: ScheduleId, staff: Scheduler) -> models.Schedule:
    """When the next one comes, and what became of the last ones."""
    return _shown(await use_cases.find_schedule(analytics_of(request), staff.subject, schedule_id))


@router.patch(
    "/{schedule_id}", summary="Change a report that you have sent", response_model=models.Schedule,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 429, 503),
)  # fmt: skip
async def change_report_schedule(
    request: Request, schedule_id: ScheduleId, body: models.ScheduleChange, staff: Scheduler
) -> models.Schedule:
    """What you leave out stays. A new recipient gets a code first; `status` pauses it, or lets it go on."""
    patch = body.model_dump(exclude_none=True)
    return _shown(await use_cases.change_schedule(analytics_of(request), staff, schedule_id, patch))


@router.delete(
    "/{schedule_id}", summary="Have a report sent no more", status_code=204,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def delete_report_schedule(request: Request, schedule_id: ScheduleId, staff: Scheduler) -> Response:
    """It is gone, its recipient's address too."""
    await use_cases.delete_schedule(analytics_of(request), staff.subject, schedule_id)
    return Response(status_code=204)


@router.post(
    "/{schedule_id}/code", summary="Send the recipient a new code", response_model=models.Schedule,
    responses=problem_responses(401, 403, 404, 409, 422, 429, 503),
)  # fmt: skip
async def send_report_schedule_code(request: Request, schedule_id: ScheduleId, staff: Scheduler) -> models.Schedule:
    """Where the first one was lost or has expired; the one before is no longer good."""
    return _shown(await use_cases.send_code(analytics_of(request), staff.subject, schedule_id))


@router.post(
    "/{schedule_id}/confirm", summary="Confirm the recipient", response_model=models.Schedule,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def confirm_report_schedule(
    request: Request, schedule_id: ScheduleId, body: models.ScheduleConfirmation, staff: Scheduler
) -> models.Schedule:
    """With the code that the recipient got; reports are sent from the next time on."""
    return _shown(await use_cases.confirm_schedule(analytics_of(request), staff.subject, schedule_id, body.code))


def _shown(schedule: Schedule) -> models.Schedule:
    terms = schedule.terms
    shown: dict[str, Any] = {name: getattr(terms, name) for name in terms.__slots__}
    return models.Schedule.model_validate({
        **shown, "schedule_id": schedule.schedule_id, "recipient": schedule.recipient, "status": schedule.status,
        "reason": schedule.reason, "next_at": schedule.next_at, "created_at": schedule.created_at,
        "runs": [models.ScheduleRun.model_validate(run) for run in schedule.runs],
    })  # fmt: skip
