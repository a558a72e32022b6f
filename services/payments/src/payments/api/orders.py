"""A driver's orders."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response

from payments.api.context import payments_of
from payments.domain.order_views import driver_view
from payments.domain.order_words import Status
from payments.domain.orders import Order
from payments.domain.placing import Wish
from payments.http_models import orders as models
from payments.repository import order_queries
from payments.use_cases import orders as use_cases
from payments.use_cases.context import Payments
from payments.use_cases.order_access import own_order
from payments.use_cases.placing import place_order
from schemas.base import Moment
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/orders", tags=["orders"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["order-7"])
]


@router.post(
    "", status_code=201, summary="Place an order", response_model=models.Order,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def place(request: Request, body: models.NewOrder, driver: Driver, idempotency_key: Key = None) -> Response:
    """You are at a pump. The price of this moment is yours, whatever it becomes; `next` says how to go on.

    In mode post_pay take your fuel: the station says how much it was, and you pay. In the other modes pay first, and
    the pump unlocks. 409 `price-changed` where it is not the price that you expected: it has the new one.
    """
    payments = payments_of(request)
    asked = IdempotentRequest(
        driver.subject, "POST /v1/orders", require_key(idempotency_key), await request.body()
    )  # fmt: skip
    wish = Wish(**body.model_dump())

    async def effect(tx: Connection) -> Reply:
        order = await place_order(payments, tx, driver.subject, wish)
        return Reply(201, msgspec.json.encode(driver_view(order, payments.settings.timeouts)))

    reply = await patiently(lambda: payments.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get(
    "", summary="List your orders", response_model=models.OrderPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_orders(
    request: Request, driver: Driver,
    placed_from: Annotated[Moment | None, Query(alias="from", description="Placed at this moment or later")] = None,
    placed_to: Annotated[Moment | None, Query(alias="to", description="Placed before this moment")] = None,
    status: Annotated[list[Status] | None, Query(max_length=len(Status), description="Repeat it for each")] = None,
    cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:  # fmt: skip
    """Your orders, the newest first; the refunds of one are in its own document."""
    payments = payments_of(request)
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with payments.store.connection() as connection:
        found = await order_queries.of_driver(
            connection, driver.subject, placed_from=placed_from, placed_to=placed_to, statuses=status, before=before,
            limit=limit + 1,
        )  # fmt: skip
    shown = [driver_view(one, payments.settings.timeouts) for one in found[:limit]]
    return _as_json({"orders": shown, "next_cursor": next_cursor(found, limit, lambda one: one.order_id)})


@router.get(
    "/{order_id}", summary="Look at an order", response_model=models.Order,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_order(request: Request, order_id: UUID, driver: Driver) -> Response:
    """Where it stands, what you may do next, how the price comes about, what was held, taken and released."""
    payments = payments_of(request)
    async with payments.store.connection() as connection:
        order = await own_order(connection, driver.subject, order_id)
        refunds = await order_queries.refunds_of(connection, order_id)
    return _as_json(driver_view(order, payments.settings.timeouts, refunds))


@router.post(
    "/{order_id}/accept", summary="Accept another amount", response_model=models.Order,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def accept(request: Request, order_id: UUID, driver: Driver) -> Response:
    """You agree with what the station corrected; now you can pay it."""
    payments = payments_of(request)
    order = await payments.store.transact(lambda tx: use_cases.accept(payments, tx, driver.subject, order_id))
    return _own(payments, order)


@router.post(
    "/{order_id}/cancel", summary="Cancel an order", response_model=models.Order,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def cancel(request: Request, order_id: UUID, driver: Driver) -> Response:
    """Nothing will be paid, and what was set aside is released. Refused once the pump gives fuel."""
    payments = payments_of(request)
    order = await payments.store.transact(lambda tx: use_cases.cancel(payments, tx, driver.subject, order_id))
    return _own(payments, order)


@router.post(
    "/{order_id}/disputes", status_code=201, summary="Say that an order is wrong", response_model=models.Order,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def dispute(request: Request, order_id: UUID, body: models.NewDispute, driver: Driver) -> Response:
    """The station looks at it and decides: what it gives back you see in the order's refunds."""
    payments = payments_of(request)
    order = await payments.store.transact(
        lambda tx: use_cases.dispute(payments, tx, driver.subject, order_id, body.reason, body.text)
    )
    return _own(payments, order, 201)


def _own(payments: Payments, order: Order, status: int = 200) -> Response:
    return _as_json(driver_view(order, payments.settings.timeouts), status)


def _as_json(document: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")
