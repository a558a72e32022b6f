"""A driver's points."""

from typing import Annotated

from fastapi import APIRouter, Request

from loyalty.api.context import loyalty_of
from loyalty.domain.point_words import text_of
from loyalty.http_models import points as models
from loyalty.repository import points as repository
from loyalty.use_cases.points import read_account
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/me/points", tags=["points"])

Driver = Annotated[Principal, Requires(Permission.PAY)]


@router.get(
    "", summary="Look at your points", response_model=models.PointsAccount,
    responses=problem_responses(401, 403, 503),
)  # fmt: skip
async def get_points(request: Request, driver: Driver) -> models.PointsAccount:
    """How many there are, what they are worth, and when they expire."""
    loyalty = loyalty_of(request)
    async with loyalty.store.connection() as connection:
        account = await read_account(loyalty, connection, driver.subject)
    return models.PointsAccount.model_validate(account)


@router.get(
    "/entries", summary="Look back at what your points did", response_model=models.PointsEntries,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_points_entries(
    request: Request, driver: Driver, cursor: str | None = None, limit: Limit = 50
) -> models.PointsEntries:  # fmt: skip
    """Each change of them, the latest first."""
    before = decode_cursor(cursor, int) if cursor is not None else None
    async with loyalty_of(request).store.connection() as connection:
        found = await repository.entries_of(connection, driver.subject, before, limit + 1)
    return models.PointsEntries(
        entries=[
            models.PointsEntry.model_validate({**one, "text": text_of(one["kind"], one["reason"])})
            for one in found[:limit]
        ],
        next_cursor=next_cursor(found, limit, lambda one: one["version"]),
    )
