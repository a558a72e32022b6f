"""Price changes of staff."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from pricing.api.store import store_of
from pricing.domain.changes import Order, PriceChange, Status
from pricing.http_models import changes as models
from pricing.repository.changes import find_changes
from pricing.use_cases import changes as use_cases
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.idempotency import IdempotentRequest, Reply, once, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["pricing"])

Editor = Annotated[Principal, Requires(Permission.PRICE_CHANGES_WRITE)]
Approver = Annotated[Principal, Requires(Permission.PRICE_CHANGES_APPROVE)]
Act = Callable[[Connection, Principal, UUID], Awaitable[PriceChange]]


@router.post(
    "/price-changes", status_code=201, summary="Change prices, now or later", response_model=models.PriceChanges,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 503),
)  # fmt: skip
async def make_price_changes(
    request: Request, body: models.PriceChangeOrder, principal: Editor,
    idempotency_key: Annotated[
        str | None, Header(description="Required: the same key gives the same reply again", examples=["morning-7"])
    ] = None,
) -> Response:  # fmt: skip
    """Makes a change for each station, all or none. One that moves the price by more than the limit waits for approval.

    A change for now has fired when the reply comes; a planned one fires at its time, if no rule forbids it then.
    """
    asked = IdempotentRequest(
        principal.subject, "POST /v1/price-changes", require_key(idempotency_key), await request.body()
    )
    order = Order(**body.model_dump())

    async def effect(tx: Connection) -> Reply:
        made = await use_cases.make_changes(tx, principal, order, request.app.state.change_limits)
        return Reply(201, msgspec.json.encode({"price_changes": made}))

    reply = await store_of(request).transact(lambda tx: once(tx, asked, lambda: effect(tx)))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get(
    "/price-changes", summary="List price changes", response_model=models.PriceChangePage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_price_changes(
    request: Request, principal: Editor, station_id: UUID | None = None, status: Status | None = None,
    cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:  # fmt: skip
    """The price changes at your stations, the newest first."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with store_of(request).connection() as connection:
        found = await find_changes(connection, principal, station_id, status, before, limit + 1)
    return _as_json({
        "price_changes": found[:limit], "next_cursor": next_cursor(found, limit, lambda one: one.change_id),
    })  # fmt: skip


@router.get(
    "/price-changes/{change_id}", summary="Look at a price change", response_model=models.AuditedPriceChange,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_price_change(request: Request, change_id: UUID, principal: Editor) -> Response:
    """A price change with its audit trail: who did what, when."""
    async with store_of(request).connection() as connection:
        change, steps = await use_cases.read_change(connection, principal, change_id)
    return _as_json({**asdict(change), "audit": [dict(step) for step in steps]})


@router.post(
    "/price-changes/{change_id}/approve", summary="Approve a price change", response_model=models.PriceChange,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def approve_price_change(request: Request, change_id: UUID, principal: Approver) -> Response:
    """Approves somebody else's change: it fires at its time, or now if it was meant for now.

    Once that time has passed it is too late: the price would come when nobody expects it.
    """
    return await _act(request, principal, change_id, use_cases.approve_change)


@router.post(
    "/price-changes/{change_id}/cancel", summary="Cancel a price change", response_model=models.PriceChange,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def cancel_price_change(request: Request, change_id: UUID, principal: Editor) -> Response:
    """Cancels a change that has not fired yet."""
    return await _act(request, principal, change_id, use_cases.cancel_change)


@router.post(
    "/price-changes/{change_id}/rollback", summary="Roll back a price change", response_model=models.PriceChange,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def roll_back_price_change(request: Request, change_id: UUID, principal: Editor) -> Response:
    """Brings back the price from before, while the change's own still holds; the reply is the change that does so."""
    return await _act(request, principal, change_id, use_cases.roll_back_change)


async def _act(request: Request, principal: Principal, change_id: UUID, act: Act) -> Response:
    return _as_json(await store_of(request).transact(lambda tx: act(tx, principal, change_id)))


def _as_json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
