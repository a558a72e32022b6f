"""A driver's orders of gifts."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.domain.gifts import GiftOrder, GiftWay
from loyalty.http_models import gift_orders as models
from loyalty.repository import gift_orders as repository
from loyalty.use_cases import gift_orders as use_cases
from loyalty.use_cases.gift_orders import Wish
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/gift-orders", tags=["gifts"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["gift-order-7"])
]


@router.post(
    "", status_code=201, summary="Order a gift", response_model=models.GiftOrder,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def order_gift(
    request: Request, body: models.NewGiftOrder, driver: Driver, idempotency_key: Key = None
) -> Response:
    """The points are spent at once, and one of the gifts is yours. 409 `too-few-points` says how many are missing."""
    loyalty = loyalty_of(request)
    asked = IdempotentRequest(
        driver.subject, "POST /v1/gift-orders", require_key(idempotency_key), await request.body()
    )  # fmt: skip
    wish = _wish(body.how)

    async def effect(tx: Connection) -> Reply:
        order = await use_cases.place_order(loyalty, tx, driver.subject, body.gift_id, wish)
        return Reply(201, shown(order).model_dump_json().encode())

    reply = await patiently(lambda: loyalty.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


@router.get(
    "", summary="List your orders of gifts", response_model=models.GiftOrderPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_gift_orders(
    request: Request, driver: Driver, cursor: str | None = None, limit: Limit = 20
) -> models.GiftOrderPage:
    """The newest first, those that campaigns gave you too."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with loyalty_of(request).store.connection() as connection:
        found = await repository.of_driver(connection, driver.subject, before, limit + 1)
    return models.GiftOrderPage(
        gift_orders=[shown(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.gift_order_id),
    )


@router.get(
    "/{gift_order_id}", summary="Look at an order of a gift", response_model=models.GiftOrder,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_gift_order(request: Request, gift_order_id: UUID, driver: Driver) -> models.GiftOrder:
    """How far it is, and until when it waits for you."""
    async with loyalty_of(request).store.connection() as connection:
        return shown(await use_cases.own_order(connection, driver.subject, gift_order_id))


@router.post(
    "/{gift_order_id}/code", status_code=201, summary="Get a code to pick a gift up",
    response_model=models.PickUpCode, responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def make_gift_code(request: Request, gift_order_id: UUID, driver: Driver) -> models.PickUpCode:
    """Show it at the counter. It is shown here this once; the one that you had before is good no more."""
    loyalty = loyalty_of(request)
    code, expires_at = await loyalty.store.transact(
        lambda tx: use_cases.make_code(loyalty, tx, driver.subject, gift_order_id)
    )
    return models.PickUpCode(code=code, expires_at=expires_at)


@router.post(
    "/{gift_order_id}/cancel", summary="Cancel an order of a gift", response_model=models.GiftOrder,
    responses=problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def cancel_gift_order(
    request: Request, gift_order_id: UUID, driver: Driver, idempotency_key: Key = None
) -> Response:
    """Your points are there again. Possible until the gift is handed over or shipped."""
    loyalty = loyalty_of(request)
    route = f"POST /v1/gift-orders/{gift_order_id}/cancel"
    asked = IdempotentRequest(driver.subject, route, require_key(idempotency_key), await request.body())

    async def effect(tx: Connection) -> Reply:
        order = await use_cases.cancel(loyalty, tx, driver.subject, gift_order_id)
        return Reply(200, shown(order).model_dump_json().encode())

    reply = await patiently(lambda: loyalty.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


def shown(order: GiftOrder) -> models.GiftOrder:
    """The order as drivers and staff see it: without the address."""
    return models.GiftOrder.model_validate(fields_of(order))


def fields_of(order: GiftOrder) -> dict[str, Any]:
    """What is seen of an order, by name."""
    names = models.GiftOrder.model_fields.keys() - {"next"}
    return {name: getattr(order, name) for name in names} | {"next": order.next_steps}


def _wish(how: models.PickUpWish | models.DeliveryWish) -> Wish:
    if isinstance(how, models.PickUpWish):
        return Wish(GiftWay.PICK_UP, how.station_id)
    return Wish(GiftWay.DELIVERY, address=how.model_dump(exclude={"kind"}))
