"""Rewards that wait, since something looks like misuse: for those who decide, and for the driver."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from loyalty.api.context import loyalty_of
from loyalty.domain.misuse import REASONS, FlagStatus
from loyalty.http_models import flags as models
from loyalty.repository import misuse as repository
from loyalty.repository.misuse import Flag
from loyalty.use_cases import misuse
from loyalty.use_cases.context import Loyalty
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["reward flags"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Reviewer = Annotated[Principal, Requires(Permission.REWARDS_REVIEW)]
FlagId = Annotated[UUID, Path(examples=[models.FLAG])]
DECIDING = problem_responses(400, 401, 403, 404, 409, 413, 422, 503)


@router.get(
    "/me/reward-flags", summary="See which of your rewards wait", response_model=models.MyFlags,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_my_flags(
    request: Request, driver: Driver, cursor: str | None = None, limit: Limit = 20
) -> models.MyFlags:  # fmt: skip
    """What looked odd, and what was decided: an open one holds a reward back, a cleared one gives it."""
    before = decode_cursor(cursor, UUID) if cursor else None
    async with loyalty_of(request).store.connection() as connection:
        found = await repository.page_of(connection, driver.subject, before, limit + 1)
    return models.MyFlags(
        flags=[models.MyFlag(**_mine(one)) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.flag_id),
    )


@router.get(
    "/reward-flags", summary="List what looks like misuse", response_model=models.Flags,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_flags(
    request: Request, _: Reviewer,
    status: Annotated[FlagStatus | None, Query(description="Default: all of them")] = None,
    cursor: str | None = None, limit: Limit = 50,
) -> models.Flags:  # fmt: skip
    """Rewards that wait for a decision, and those that were decided about, the newest first."""
    loyalty, before = loyalty_of(request), decode_cursor(cursor, UUID) if cursor else None
    async with loyalty.store.connection() as connection:
        found = await repository.page(connection, status, before, limit + 1)
        shown = await _shown(loyalty, connection, found[:limit])
    return models.Flags(flags=shown, next_cursor=next_cursor(found, limit, lambda one: one.flag_id))


@router.post(
    "/reward-flags/{flag_id}/clear", summary="Say that it is no misuse", response_model=models.Flag, responses=DECIDING
)  # fmt: skip
async def clear_flag(request: Request, flag_id: FlagId, body: models.Decision, reviewer: Reviewer) -> models.Flag:
    """The reward is given. A second time it changes nothing; what was decided stays decided."""
    return await _decide(request, flag_id, FlagStatus.CLEARED, body, reviewer)


@router.post(
    "/reward-flags/{flag_id}/confirm", summary="Say that it is misuse", response_model=models.Flag, responses=DECIDING
)  # fmt: skip
async def confirm_flag(request: Request, flag_id: FlagId, body: models.Decision, reviewer: Reviewer) -> models.Flag:
    """The reward is refused, and the driver sees why. A second time it changes nothing."""
    return await _decide(request, flag_id, FlagStatus.CONFIRMED, body, reviewer)


async def _decide(
    request: Request, flag_id: UUID, status: FlagStatus, body: models.Decision, reviewer: Principal
) -> models.Flag:
    loyalty = loyalty_of(request)

    async def work(tx: Connection) -> models.Flag:
        decided = await misuse.decide(loyalty, tx, flag_id, status, by=reviewer.subject, note=body.note)
        return (await _shown(loyalty, tx, [decided]))[0]

    return await loyalty.store.transact(work)


async def _shown(loyalty: Loyalty, tx: Connection, flags: Sequence[Flag]) -> list[models.Flag]:
    notes = await misuse.notes_of(loyalty, tx, flags)
    return [
        models.Flag(
            **_mine(one), driver_id=one.driver_id, friend_id=one.friend_id, details=one.details,
            decided_by=one.decided_by, note=notes.get(one.flag_id),
        )
        for one in flags
    ]  # fmt: skip


def _mine(flag: Flag) -> dict[str, Any]:
    return {
        "flag_id": flag.flag_id, "kind": flag.kind, "reason": REASONS[flag.kind], "status": flag.status,
        "made_at": flag.made_at, "decided_at": flag.decided_at, "order_id": flag.order_id,
    }  # fmt: skip
