"""Paying an order."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Request, Response

from payments.api.context import payments_of
from payments.domain.order_views import driver_view
from payments.domain.orders import Order
from payments.http_models import pay as models
from payments.use_cases import card_payments, paying
from payments.use_cases.paying import Payment
from servicekit.access import Permission
from servicekit.auth import Principal, Requires, bearer_token
from servicekit.idempotency import IdempotentRequest, Reply, require_key
from servicekit.problems import MEDIA_TYPE, problem_responses

router = APIRouter(prefix="/v1/orders", tags=["orders"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Key = Annotated[str | None, Header(description="Required: the same key gives the same reply again", examples=["pay-7"])]


@router.post(
    "/{order_id}/pay", summary="Pay an order", response_model=models.Paid,
    responses=problem_responses(400, 401, 402, 403, 404, 409, 413, 422, 503)
    | {202: {"model": models.Paid, "description": "It is not known what became of it; look at the order"}},
)  # fmt: skip
async def pay_order(
    request: Request, order_id: UUID, body: models.Pay, driver: Driver, idempotency_key: Key = None
) -> Response:
    """By wechat and alipay the reply has what your phone needs to ask you to confirm; then follow the order.

    Whatever your phone says, only the provider's own word makes the order paid. Choosing another method while one
    waits gives that one up. What campaigns, your coupons and your points take off is in the order's breakdown; where it
    cannot be looked up (409 `loyalty-away`) nothing is charged, and you may pay in full: `without_discounts`.
    """
    payments = payments_of(request)
    key = require_key(idempotency_key)

    def show(order: Order, payment: dict[str, Any]) -> bytes:
        shown = driver_view(order, payments.settings.timeouts)
        return msgspec.json.encode({"order": shown, "payment": payment})

    pay = card_payments.pay if body.method is models.Method.FUEL_CARD else paying.pay
    reply = await pay(payments, Payment(
        driver.subject, bearer_token(request.headers.get("authorization")), order_id, body.method,
        IdempotentRequest(driver.subject, f"POST /v1/orders/{order_id}/pay", key, await request.body()), show,
        body.card_id, body.coupon_ids, body.points, body.plate, body.without_discounts,
    ))  # fmt: skip
    return as_response(reply)


def as_response(reply: Reply) -> Response:
    """A stored reply, which may be a problem."""
    return Response(reply.body, reply.status, media_type=MEDIA_TYPE if reply.status >= 400 else "application/json")
