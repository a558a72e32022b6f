"""The exception queue of a station."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Path, Query, Request, Response

from payments.api.context import payments_of
from payments.domain.exceptions import Case, CaseStatus, Kind
from payments.http_models import exceptions as models
from payments.use_cases import deciding
from payments.use_cases.context import Payments
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["station"])

Crew = Annotated[Principal, Requires(Permission.ORDERS_WRITE)]
Head = Annotated[Principal, Requires(Permission.REFUNDS_WRITE)]
Approver = Annotated[Principal, Requires(Permission.REFUNDS_APPROVE)]
ExceptionId = Annotated[UUID, Path(examples=[models.EXCEPTION])]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["exception-7"])
]
Decide = Callable[[Connection, Case], Awaitable[Case]]


@router.get(
    "/stations/{station_id}/exceptions", summary="List a station's exceptions", response_model=models.ExceptionPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_exceptions(
    request: Request, station_id: Annotated[UUID, Path(examples=[models.STATION])], crew: Crew,
    status: Annotated[CaseStatus | None, Query(description="Default: those to decide")] = None,
    kind: Kind | None = None, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:  # fmt: skip
    """What people must settle at a station, the newest first, each with what can be done about it."""
    payments = payments_of(request)
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with payments.store.connection() as connection:
        found = await deciding.list_exceptions(connection, crew, station_id, status, kind, before, limit + 1)
    return _as_json({
        "exceptions": [_shown(payments, one, crew) for one in found[:limit]],
        "next_cursor": next_cursor(found, limit, lambda one: one.exception_id),
    })  # fmt: skip


@router.post(
    "/exceptions/{exception_id}/resolve", summary="Decide about an exception", response_model=models.OrderException,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def resolve_exception(
    request: Request, exception_id: ExceptionId, body: models.Resolution, head: Head, idempotency_key: Key = None
) -> Response:
    """Does one of the exception's actions. What gives away more than the limit is `proposed`, until a second agrees."""
    payments = payments_of(request)
    route = f"POST /v1/exceptions/{exception_id}/resolve"
    asked = IdempotentRequest(head.subject, route, require_key(idempotency_key), await request.body())

    async def effect(tx: Connection) -> Reply:
        case = await deciding.find_own(tx, head, exception_id, Permission.REFUNDS_WRITE)
        decided = await deciding.resolve(payments, tx, case, by=head.subject, **dict(body))
        return Reply(200, msgspec.json.encode(_shown(payments, decided, head)))

    reply = await patiently(lambda: payments.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


@router.post(
    "/exceptions/{exception_id}/approve", summary="Agree to what was proposed", response_model=models.OrderException,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def approve_exception(request: Request, exception_id: ExceptionId, approver: Approver) -> Response:
    """You agree to what somebody else decided about an exception, and it is done."""
    payments, by = payments_of(request), approver.subject
    return await _decide(
        request, approver, exception_id, Permission.REFUNDS_APPROVE,
        lambda tx, case: deciding.approve(payments, tx, case, by),
    )  # fmt: skip


@router.post(
    "/exceptions/{exception_id}/reject", summary="Refuse what was proposed", response_model=models.OrderException,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def reject_exception(request: Request, exception_id: ExceptionId, approver: Approver) -> Response:
    """You do not agree to what somebody else decided: nothing is done, and the exception is open again."""
    by = approver.subject
    return await _decide(
        request, approver, exception_id, Permission.REFUNDS_APPROVE, lambda tx, case: deciding.reject(tx, case, by)
    )


@router.post(
    "/exceptions/{exception_id}/undo", summary="Take a dismissal back", response_model=models.OrderException,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def undo_exception(request: Request, exception_id: ExceptionId, head: Head) -> Response:
    """Opens an exception again that was dismissed some minutes ago."""
    payments, by = payments_of(request), head.subject
    return await _decide(
        request, head, exception_id, Permission.REFUNDS_WRITE, lambda tx, case: deciding.undo(payments, tx, case, by)
    )


async def _decide(
    request: Request, principal: Principal, exception_id: UUID, permission: Permission, decide: Decide
) -> Response:
    payments = payments_of(request)

    async def work(tx: Connection) -> Case:
        return await decide(tx, await deciding.find_own(tx, principal, exception_id, permission))

    return _as_json(_shown(payments, await payments.store.transact(work), principal))


def _shown(payments: Payments, case: Case, reader: Principal) -> dict[str, Any]:
    may_read_note = bool({Permission.REFUNDS_WRITE, Permission.REFUNDS_APPROVE} & reader.scopes)
    document = asdict(case)
    del document["operator"]
    return document | {
        "note": deciding.note_of(payments, case) if may_read_note else None,
        "actions": [
            {"action": action, "what": rule.what, "asks": rule.asks, "settles": rule.settles}
            for action, rule in case.actions.items()
            if case.status is CaseStatus.OPEN
        ],
    }


def _as_json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
