"""The catalogue of gifts: for everybody to see, for an operator's staff to keep."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.http_models import gifts as models
from loyalty.repository import gifts as repository
from loyalty.use_cases import gifts as use_cases
from servicekit.access import ANYONE, Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit, Operator
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(tags=["gifts"])

Staff = Annotated[Principal, Requires(Permission.CAMPAIGNS_WRITE)]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["gift-7"])
]
CLEARED_BY_NULL = frozenset({"money_minor", "currency", "station_ids", "most_per_driver", "ends_at"})
"""Null takes these away; of all others it changes nothing."""


@router.get(
    "/v1/gifts", summary="See what there is for points", response_model=models.GiftPage, openapi_extra=ANYONE,
    responses=problem_responses(400, 422, 503),
)  # fmt: skip
async def list_gifts(
    request: Request,
    operator: Annotated[Operator | None, Query(description="Of this operator")] = None,
    station_id: Annotated[UUID | None, Query(description="Picked up at this station")] = None,
    cursor: str | None = None, limit: Limit = 20,
) -> models.GiftPage:  # fmt: skip
    """Gifts that are offered now, with how many are left of each."""
    after = decode_cursor(cursor, UUID) if cursor is not None else None
    async with loyalty_of(request).store.connection() as connection:
        found = await repository.offered(connection, operator, station_id, datetime.now(UTC), after, limit + 1)
    return models.GiftPage(
        gifts=[models.Gift.model_validate(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.gift_id),
    )


@router.get(
    "/v1/gift-stock", summary="See your gifts and their stock", response_model=models.KeptGiftPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_gift_stock(
    request: Request, staff: Staff, operator: Annotated[Operator | None, Query()] = None, cursor: str | None = None,
    limit: Limit = 20,
) -> models.KeptGiftPage:  # fmt: skip
    """All gifts that you keep, also those that are stopped, over or not offered yet."""
    after = decode_cursor(cursor, UUID) if cursor is not None else None
    operators, stations = staff.bindings(Permission.CAMPAIGNS_WRITE)
    async with loyalty_of(request).store.connection() as connection:
        found = await repository.kept(
            connection, operators, [UUID(one) for one in stations], operator, after, limit + 1
        )
    return models.KeptGiftPage(
        gifts=[models.KeptGift.model_validate(one) for one in found[:limit]],
        next_cursor=next_cursor(found, limit, lambda one: one.gift_id),
    )


@router.post(
    "/v1/gifts", status_code=201, summary="Add a gift", response_model=models.KeptGift,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def add_gift(request: Request, body: models.NewGift, staff: Staff, idempotency_key: Key = None) -> Response:
    """Drivers see it from `starts_at` on."""
    loyalty = loyalty_of(request)
    asked = IdempotentRequest(staff.subject, "POST /v1/gifts", require_key(idempotency_key), await request.body())

    async def effect(tx: Connection) -> Reply:
        gift = await use_cases.add_gift(tx, staff, _terms(body), datetime.now(UTC))
        return Reply(201, models.KeptGift.model_validate(gift).model_dump_json().encode())

    reply = await patiently(lambda: loyalty.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")


@router.patch(
    "/v1/gifts/{gift_id}", summary="Change a gift or its stock", response_model=models.KeptGift,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 503),
)  # fmt: skip
async def change_gift(request: Request, gift_id: UUID, body: models.GiftChange, staff: Staff) -> models.KeptGift:
    """What you leave out stays. `stock_change` is a difference, never below what is ordered; the version must be the
    present one, so nothing is changed twice."""
    change = {
        name: value for name, value in _terms(body, exclude_unset=True).items()
        if name != "version" and (value is not None or name in CLEARED_BY_NULL)
    }  # fmt: skip
    gift = await loyalty_of(request).store.transact(
        lambda tx: use_cases.change_gift(tx, staff, gift_id, body.version, change, datetime.now(UTC))
    )
    return models.KeptGift.model_validate(gift)


def _terms(body: models.NewGift | models.GiftChange, *, exclude_unset: bool = False) -> dict[str, object]:
    terms = body.model_dump(exclude_unset=exclude_unset)
    if (stations := terms.get("station_ids")) is not None:
        terms["station_ids"] = tuple(dict.fromkeys(stations))
    return terms
