"""Gifts at the counter and in the post, for an operator's staff."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.api.gift_orders import fields_of, shown
from loyalty.domain.gifts import GiftOrder, GiftOrderStatus, GiftStep
from loyalty.http_models import gift_orders as models
from loyalty.repository import gift_orders as repository
from loyalty.use_cases import codes
from loyalty.use_cases import gift_desk as use_cases
from loyalty.use_cases.gift_desk import HandOver
from servicekit import price_book
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit, Operator
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(tags=["gifts at the counter"])

Crew = Annotated[Principal, Requires(Permission.REWARDS_REDEEM)]
Staff = Annotated[Principal, Requires(Permission.CAMPAIGNS_WRITE)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["hand-over-7"])
]
STEPS = problem_responses(401, 403, 404, 409, 422, 503)


@router.get(
    "/v1/stations/{station_id}/gift-orders", summary="List gifts to be picked up", response_model=models.GiftOrderPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_gift_pick_ups(
    request: Request, station_id: UUID, crew: Crew,
    status: Annotated[list[GiftOrderStatus] | None, Query(max_length=8, description="Repeat it for each")] = None,
    cursor: str | None = None, limit: Limit = 20,
) -> models.GiftOrderPage:  # fmt: skip
    """Orders that drivers pick up at your station, the newest first; by default those that wait."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    statuses = status or [GiftOrderStatus.PLACED, GiftOrderStatus.READY]
    async with loyalty_of(request).store.connection() as connection:
        await price_book.station_for(connection, crew, station_id, Permission.REWARDS_REDEEM)
        found = await repository.at_station(connection, station_id, statuses, before, limit + 1)
    return models.GiftOrderPage(
        gift_orders=[shown(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.gift_order_id),
    )


@router.get(
    "/v1/gift-deliveries", summary="List gifts to be sent", response_model=models.GiftDeliveryPage,
    responses=problem_responses(400, 401, 403, 404, 422, 503),
)  # fmt: skip
async def list_gift_deliveries(
    request: Request, operator: Annotated[Operator, Query()], staff: Staff, cursor: str | None = None,
    limit: Limit = 20,
) -> models.GiftDeliveryPage:  # fmt: skip
    """What is to be sent to drivers, or on its way, and where to; the oldest first."""
    loyalty = loyalty_of(request)
    after = decode_cursor(cursor, UUID) if cursor is not None else None
    async with loyalty.store.connection() as connection:
        found = await use_cases.deliveries(loyalty, connection, staff, operator, after, limit + 1)
    return models.GiftDeliveryPage(
        gift_orders=[
            models.GiftDelivery.model_validate(fields_of(order) | {"address": address})
            for order, address in found[:limit]
        ],
        next_cursor=next_cursor(found, limit, lambda one: one[0].gift_order_id),
    )


@router.post(
    "/v1/gift-hand-overs", summary="Hand a gift over", response_model=models.GiftOrder,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 429, 503),
)  # fmt: skip
async def hand_gift_over(
    request: Request, body: models.GiftHandOver, crew: Crew, idempotency_key: Key = None
) -> Response:
    """The driver shows a code: type it in, take the money that the gift costs beside the points, and give it out.

    A code is good once. 409 `money-due` says how much to take; after many wrong codes there is a pause (429).
    """
    loyalty = loyalty_of(request)
    asked = IdempotentRequest(
        crew.subject, "POST /v1/gift-hand-overs", require_key(idempotency_key), await request.body()
    )  # fmt: skip
    shown_code = HandOver(**body.model_dump())

    async def effect(tx: Connection) -> Reply:
        order = await use_cases.hand_over(loyalty, tx, crew, shown_code)
        return Reply(200, shown(order).model_dump_json().encode())

    reply = await patiently(lambda: codes.trying_once(loyalty, asked, effect))
    return Response(reply.body, reply.status, media_type="application/json")


@router.post(
    "/v1/gift-orders/{gift_order_id}/ready", summary="Say that a gift is ready", response_model=models.GiftOrder,
    responses=STEPS,
)  # fmt: skip
async def prepare_gift(request: Request, gift_order_id: UUID, crew: Crew) -> models.GiftOrder:
    """It lies at the station, and waits for its driver from now on; or it is packed."""
    return shown(await _step(request, gift_order_id, crew, GiftStep.PREPARE))


@router.post(
    "/v1/gift-orders/{gift_order_id}/ship", summary="Say that a gift was shipped", response_model=models.GiftOrder,
    responses=STEPS,
)  # fmt: skip
async def ship_gift(request: Request, gift_order_id: UUID, staff: Staff) -> models.GiftOrder:
    """It is on its way to the driver, who can cancel it no more."""
    return shown(await _step(request, gift_order_id, staff, GiftStep.SHIP))


@router.post(
    "/v1/gift-orders/{gift_order_id}/deliver", summary="Say that a gift has arrived", response_model=models.GiftOrder,
    responses=STEPS,
)  # fmt: skip
async def deliver_gift(request: Request, gift_order_id: UUID, staff: Staff) -> models.GiftOrder:
    """The driver has it; the address is forgotten."""
    return shown(await _step(request, gift_order_id, staff, GiftStep.DELIVER))


@router.post(
    "/v1/gift-orders/{gift_order_id}/return", summary="Take a gift back", response_model=models.GiftOrder,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def take_gift_back(
    request: Request, gift_order_id: UUID, body: models.GiftReturn, crew: Crew, idempotency_key: Key = None
) -> Response:
    """The points are the driver's again; give back the money, too, where there was some. It is on stock again, unless
    it is damaged."""
    loyalty = loyalty_of(request)
    route = f"POST /v1/gift-orders/{gift_order_id}/return"
    asked = IdempotentRequest(crew.subject, route, require_key(idempotency_key), await request.body())

    async def effect(tx: Connection) -> Reply:
        order = await use_cases.staff_step(loyalty, tx, crew, gift_order_id, GiftStep.RETURN, damaged=body.damaged)
        return Reply(200, shown(order).model_dump_json().encode())

    reply = await patiently(lambda: loyalty.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


async def _step(request: Request, gift_order_id: UUID, staff: Principal, step: GiftStep) -> GiftOrder:
    loyalty = loyalty_of(request)
    return await loyalty.store.transact(lambda tx: use_cases.staff_step(loyalty, tx, staff, gift_order_id, step))
