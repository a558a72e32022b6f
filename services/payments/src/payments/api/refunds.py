"""Refunds of orders: staff asks for them, and above a limit a second person agrees."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Request, Response

from payments.api.context import payments_of
from payments.domain.orders import Order
from payments.domain.refunds import Refund
from payments.http_models import pay as models
from payments.repository import orders
from payments.repository import refunds as repository
from payments.use_cases import refunds as use_cases
from payments.use_cases.context import Payments
from payments.use_cases.order_access import lock_station_order
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["stations' orders"])

Head = Annotated[Principal, Requires(Permission.REFUNDS_WRITE)]
Approver = Annotated[Principal, Requires(Permission.REFUNDS_APPROVE)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["refund-7"])
]
_SHOWN = (
    "refund_id", "status", "amount_minor", "currency", "volume_ml", "method", "reason", "requested_by", "requested_at",
    "approved_by", "approved_at", "settled_at", "error",
)  # fmt: skip


@router.post(
    "/orders/{order_id}/refunds", status_code=201, summary="Refund an order, whole or in part",
    response_model=models.Refund, responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def refund_order(
    request: Request, order_id: UUID, body: models.NewRefund, head: Head, idempotency_key: Key = None
) -> Response:
    """Back to where it was paid from: to a card at once, by a provider as soon as it says so.

    Several parts are possible, together at most what was paid. Above the limit `status` is `requested`, until a second
    person agrees.
    """
    payments = payments_of(request)
    asked = IdempotentRequest(
        head.subject, f"POST /v1/orders/{order_id}/refunds", require_key(idempotency_key), await request.body()
    )

    async def effect(tx: Connection) -> Reply:
        order = await lock_station_order(tx, head, order_id, Permission.REFUNDS_WRITE)
        refund = await use_cases.refund(
            payments, tx, order, amount_minor=_amount(order, body), reason=body.reason, requested_by=head.subject,
            volume_ml=body.volume_ml, note=body.note,
        )  # fmt: skip
        return Reply(201, msgspec.json.encode(_shown(payments, refund)))

    reply = await patiently(lambda: payments.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get(
    "/orders/{order_id}/refunds", summary="List an order's refunds", response_model=models.Refunds,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def list_refunds(request: Request, order_id: UUID, head: Head) -> Response:
    """All of them with who asked and who agreed; the driver sees them in the order's own document."""
    payments = payments_of(request)

    async def look(tx: Connection) -> list[Refund]:
        await lock_station_order(tx, head, order_id, Permission.REFUNDS_WRITE)
        return list(await repository.of_purpose(tx, order_id))

    found = await payments.store.transact(look)
    return _as_json({"refunds": [_shown(payments, one) for one in found]})


@router.post(
    "/refunds/{refund_id}/approve", summary="Agree to a refund", response_model=models.Refund,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def approve_refund(request: Request, refund_id: UUID, approver: Approver) -> Response:
    """You agree to what somebody else asked for, and it begins."""
    return await _decide(request, refund_id, approver, agree=True)


@router.post(
    "/refunds/{refund_id}/reject", summary="Refuse a refund", response_model=models.Refund,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def reject_refund(request: Request, refund_id: UUID, approver: Approver) -> Response:
    """You do not agree to what somebody else asked for: nothing is refunded."""
    return await _decide(request, refund_id, approver, agree=False)


async def _decide(request: Request, refund_id: UUID, approver: Principal, *, agree: bool) -> Response:
    payments = payments_of(request)

    async def decide(tx: Connection) -> Refund:
        await _require_reach(tx, approver, refund_id)
        return await use_cases.decide(payments, tx, refund_id, approver.subject, agree=agree)

    return _as_json(_shown(payments, await payments.store.transact(decide)))


async def _require_reach(tx: Connection, approver: Principal, refund_id: UUID) -> None:
    refund = await repository.find(tx, refund_id)
    order = await orders.find(tx, refund.purpose_id) if refund else None
    reach = Permission.REFUNDS_APPROVE
    if order is None or not approver.may_act_for(str(order.station_id), order.operator, reach):
        raise use_cases.no_such_refund()


def _amount(order: Order, body: models.NewRefund) -> int | None:
    return use_cases.missing_fuel(order, body.volume_ml) if body.volume_ml is not None else body.amount_minor


def _shown(payments: Payments, refund: Refund) -> dict[str, Any]:
    document = {name: getattr(refund, name) for name in _SHOWN}
    return document | {"order_id": refund.purpose_id, "note": use_cases.note_of(payments, refund)}


def _as_json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
