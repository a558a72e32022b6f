"""A driver's coupons, and how a station's crew takes one."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.domain.codes import code_of
from loyalty.domain.coupon_words import for_drivers, gives
from loyalty.domain.coupons import CouponStatus
from loyalty.domain.redeeming import Sale
from loyalty.http_models import coupons as models
from loyalty.use_cases import codes, redeeming
from loyalty.use_cases import coupons as use_cases
from loyalty.use_cases.coupons import Held
from servicekit.access import Permission
from servicekit.auth import Principal, Requires
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.http_models import Limit
from servicekit.idempotency import IdempotentRequest, Reply, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["coupons"])

Driver = Annotated[Principal, Requires(Permission.PAY)]
Crew = Annotated[Principal, Requires(Permission.REWARDS_REDEEM)]
CouponId = Annotated[UUID, Path(examples=[models.COUPON])]
Key = Annotated[
    str | None, Header(description="Required: the same key gives the same reply again", examples=["coupon-7"])
]


@router.get(
    "/me/coupons", summary="List your coupons", response_model=models.CouponPage,
    responses=problem_responses(400, 401, 403, 422, 503),
)  # fmt: skip
async def list_coupons(
    request: Request, driver: Driver, status: Annotated[CouponStatus | None, Query(examples=["active"])] = None,
    cursor: str | None = None, limit: Limit = 50,
) -> dict[str, Any]:  # fmt: skip
    """Your coupons, the newest first; one that you gave away is not among them any more."""
    before = decode_cursor(cursor, UUID) if cursor is not None else None
    async with loyalty_of(request).store.connection() as connection:
        found = await use_cases.list_coupons(connection, driver.subject, status, before, limit + 1)
    return {
        "coupons": [shown(one) for one in found[:limit]],
        "next_cursor": next_cursor(found, limit, lambda one: one.coupon.coupon_id),
    }


@router.get(
    "/me/coupons/{coupon_id}", summary="Look at a coupon", response_model=models.Coupon,
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def get_coupon(
    request: Request, coupon_id: CouponId, driver: Driver
) -> dict[str, Any]:  # fmt: skip
    """What it gives, where, until when, and what became of it."""
    async with loyalty_of(request).store.connection() as connection:
        held = await use_cases.own_coupon(connection, driver.subject, coupon_id)
    return shown(held)


@router.post(
    "/me/coupons/{coupon_id}/code", status_code=201, summary="Make a code for the counter",
    response_model=models.ShownCode, responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def make_coupon_code(request: Request, response: Response, coupon_id: CouponId, driver: Driver) -> dict[str, Any]:
    """Show it to the crew within a few minutes. A new one takes the place of the one before."""
    loyalty = loyalty_of(request)
    made = await loyalty.store.transact(
        lambda tx: use_cases.make_counter_code(loyalty, tx, driver.subject, coupon_id)
    )  # fmt: skip
    return _code(response, *made)


@router.post(
    "/me/coupons/{coupon_id}/transfer", status_code=201, summary="Give a coupon to another driver",
    response_model=models.ShownCode, responses=problem_responses(401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def give_coupon(request: Request, response: Response, coupon_id: CouponId, driver: Driver) -> dict[str, Any]:
    """Send the code to somebody, who claims the coupon by it; until then it stays yours. It holds as long as before.

    A new code takes the place of the one before.
    """
    loyalty = loyalty_of(request)
    made = await loyalty.store.transact(lambda tx: use_cases.offer(loyalty, tx, driver.subject, coupon_id))
    return _code(response, *made)


@router.delete(
    "/me/coupons/{coupon_id}/transfer", status_code=204, summary="Keep a coupon after all",
    responses=problem_responses(401, 403, 404, 422, 503),
)  # fmt: skip
async def keep_coupon(request: Request, coupon_id: CouponId, driver: Driver) -> None:
    """Nobody can claim it any more. 404 where somebody did."""
    loyalty = loyalty_of(request)
    await loyalty.store.transact(lambda tx: use_cases.withdraw_offer(loyalty, tx, driver.subject, coupon_id))


@router.post(
    "/coupons/{code}/redeem", summary="Take a coupon at the counter", response_model=models.Redeemed,
    responses=problem_responses(400, 401, 403, 404, 409, 413, 422, 429, 503),
)  # fmt: skip
async def redeem_coupon(
    request: Request, code: Annotated[models.Code, Path()], body: models.CounterUse, crew: Crew,
    idempotency_key: Key = None,
) -> Response:  # fmt: skip
    """The driver shows a code, which is good once. Where the coupon takes something off, say what was sold.

    409 says why a coupon does not hold; it stays as it was.
    """
    loyalty, key = loyalty_of(request), require_key(idempotency_key)
    meant = code_of(code).encode() + b"\n" + await request.body()  # the code is part of what is asked
    asked = IdempotentRequest(crew.subject, "POST /v1/coupons/{code}/redeem", key, meant)
    sale = Sale(**body.sale.model_dump(mode="json")) if body.sale else Sale()

    async def effect(tx: Connection) -> Reply:
        taken = await redeeming.redeem(loyalty, tx, crew, code, body.station_id, sale)
        return Reply(200, _redeemed(taken))

    reply = await codes.trying_once(loyalty, asked, effect)
    return Response(reply.body, reply.status, media_type="application/json")


def shown(held: Held) -> dict[str, Any]:
    """A coupon as its driver sees it."""
    coupon, template = held.coupon, held.template
    return for_drivers(template) | {
        "coupon_id": coupon.coupon_id, "version": coupon.version, "status": coupon.status_at(held.at),
        "reason": coupon.reason, "campaign_id": coupon.campaign_id, "issued_at": coupon.issued_at,
        "expires_at": coupon.expires_at, "may_be_given": held.may_be_given, "offered_until": held.offered_until,
        "order_id": coupon.order_id, "station_id": coupon.station_id, "redeemed_at": coupon.redeemed_at,
        "amount_minor": coupon.amount_minor,
    }  # fmt: skip


def _code(response: Response, code: str, expires_at: Any) -> dict[str, Any]:
    response.headers["Cache-Control"] = "no-store"
    return {"code": code, "expires_at": expires_at}


def _redeemed(taken: redeeming.Taken) -> bytes:
    template = taken.template
    return models.Redeemed(
        coupon_id=taken.coupon.coupon_id, name=template.name, description=template.description,
        gives=gives(template), amount_minor=taken.amount_minor,
        currency=taken.currency, redeemed_at=taken.coupon.redeemed_at,
    ).model_dump_json().encode()  # fmt: skip
