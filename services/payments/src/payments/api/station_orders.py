"""What a station's crew and its system do with orders."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response

from payments.api.context import payments_of
from payments.domain.order_views import station_view
from payments.domain.order_words import Status
from payments.domain.orders import Order
from payments.http_models import station_orders as models
from payments.http_models.orders import PumpId
from payments.repository import order_queries
from payments.use_cases import station_orders as use_cases
from payments.use_cases.context import Payments
from payments.use_cases.dispensing import refuse, report_dispense
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.postgres import Connection
from servicekit.price_book import station_for
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["station orders"])

Crew = Annotated[Principal, Requires(Permission.ORDERS_WRITE)]
Act = Callable[[Payments, Connection], Awaitable[Order]]
CHANGES = problem_responses(400, 401, 403, 404, 409, 413, 422, 503)


@router.get(
    "/stations/{station_id}/orders", summary="See the orders at your station", response_model=models.StationOrderPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_station_orders(
    request: Request, station_id: UUID, crew: Crew,
    status: Annotated[list[Status] | None, Query(max_length=len(Status), description="Repeat it for each")] = None,
    pump_id: PumpId | None = None, cursor: str | None = None, limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Response:  # fmt: skip
    """The newest first. `pump` says whether a pump may give fuel, and how much; follow it live with /orders/stream."""
    payments = payments_of(request)
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with payments.store.connection() as connection:
        await station_for(connection, crew, station_id, Permission.ORDERS_WRITE)
        found = await order_queries.of_station(
            connection, station_id, statuses=status, pump_id=pump_id, before=before, limit=limit + 1
        )
    shown = [station_view(one, payments.settings.timeouts) for one in found[:limit]]
    return _as_json({"orders": shown, "next_cursor": next_cursor(found, limit, lambda one: one.order_id)})


@router.post(
    "/orders/{order_id}/confirm", summary="Confirm an order", response_model=models.StationOrder, responses=CHANGES
)
async def confirm(request: Request, order_id: UUID, body: models.Confirmation, crew: Crew) -> Response:
    """Of a post-pay order say what the pump gave: its driver pays that. Volume and amount must agree to the minor unit.

    Of the other modes it says that you serve the order; the pump's report comes when it has given the fuel.
    """
    return await _act(
        request,
        lambda payments, tx: use_cases.confirm(payments, tx, crew, order_id, body.volume_ml, body.amount_minor),
    )


@router.post(
    "/orders/{order_id}/adjust", summary="Correct what the pump gave", response_model=models.StationOrder,
    responses=CHANGES,
)  # fmt: skip
async def adjust(request: Request, order_id: UUID, body: models.Adjustment, crew: Crew) -> Response:
    """Before it is paid. The driver must accept the other amount."""
    return await _act(
        request, lambda payments, tx: use_cases.adjust(payments, tx, crew, order_id, body.volume_ml, body.reason)
    )


@router.post(
    "/orders/{order_id}/reject", summary="Reject an order", response_model=models.StationOrder, responses=CHANGES
)
async def reject(request: Request, order_id: UUID, body: models.Rejection, crew: Crew) -> Response:
    """You do not serve it. One that fuel was given for only a manager can reject, since that forgives the debt."""
    return await _act(request, lambda payments, tx: use_cases.reject(payments, tx, crew, order_id, body.reason))


@router.post(
    "/orders/{order_id}/complete", summary="Complete an order", response_model=models.StationOrder,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def complete(request: Request, order_id: UUID, crew: Crew) -> Response:
    """It is paid and dispensed, and the driver leaves. It completes by itself, too, after a while."""
    return await _act(request, lambda _, tx: use_cases.complete(tx, crew, order_id))


@router.post(
    "/orders/{order_id}/fuelling", summary="Say that fuel flows", response_model=models.StationOrder,
    responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def begin_fuelling(request: Request, order_id: UUID, crew: Crew) -> Response:
    """From here on the driver cannot cancel. To say it again changes nothing; report the dispense when it is over."""
    return await _act(request, lambda _, tx: use_cases.begin_fuelling(tx, crew, order_id))


@router.post(
    "/orders/{order_id}/dispenses", summary="Report what a pump gave", response_model=models.Dispense,
    responses=CHANGES,
)  # fmt: skip
async def report(request: Request, order_id: UUID, body: models.NewDispense, crew: Crew) -> Response:
    """Once the nozzle hangs again, or as soon as you are online again. The same report again has the same answer.

    A post-pay order can be paid then; of an authorised or paid one the money is taken, and the rest goes back. 409
    where it does not fit the order, e.g. since that was cancelled: the report is kept, as an exception to be settled.
    """
    payments = payments_of(request)
    dispense = await payments.store.transact(
        lambda tx: report_dispense(payments, tx, crew, order_id, body.model_dump())
    )
    refuse(dispense)
    shown = ("dispense_id", "order_id", "volume_ml", "outcome", "received_at")
    return _as_json({name: getattr(dispense, name) for name in shown})


async def _act(request: Request, act: Act) -> Response:
    payments = payments_of(request)
    order = await payments.store.transact(lambda tx: act(payments, tx))
    return _as_json(station_view(order, payments.settings.timeouts))


def _as_json(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")
