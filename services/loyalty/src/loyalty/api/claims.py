"""Drivers claim coupons by a code, and what a campaign gives to whoever claims it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from loyalty.api.context import loyalty_of
from loyalty.api.coupons import Driver, Key, shown
from loyalty.http_models import coupons as models
from loyalty.use_cases import claims, codes
from loyalty.use_cases import coupons as use_cases
from servicekit.idempotency import IdempotentRequest, Reply, once, patiently, require_key
from servicekit.postgres import Connection
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1", tags=["coupons"])

CampaignId = Annotated[UUID, Path(examples=["01900000-0000-7000-8000-0000000009b1"])]


@router.post(
    "/coupon-codes", status_code=201, summary="Claim a coupon by a code", response_model=models.Coupon,
    responses=problem_responses(400, 401, 403, 409, 413, 422, 429, 503),
)  # fmt: skip
async def claim_code(
    request: Request, body: models.CodeClaim, driver: Driver, idempotency_key: Key = None
) -> Response:  # fmt: skip
    """A printed code, or one that a friend sent you; it is good once. After too many wrong ones you have to wait."""
    loyalty, key = loyalty_of(request), require_key(idempotency_key)
    asked = IdempotentRequest(driver.subject, "POST /v1/coupon-codes", key, await request.body())

    async def effect(tx: Connection) -> Reply:
        coupon_id = await claims.claim_code(loyalty, tx, driver.subject, body.code)
        held = await use_cases.own_coupon(tx, driver.subject, coupon_id)
        return Reply(201, models.Coupon(**shown(held)).model_dump_json().encode())

    reply = await codes.trying_once(loyalty, asked, effect)
    return Response(reply.body, reply.status, media_type="application/json")


@router.post(
    "/campaigns/{campaign_id}/claims", status_code=201, summary="Claim what a campaign gives",
    response_model=models.Claimed, responses=problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def claim_reward(
    request: Request, campaign_id: CampaignId, driver: Driver, idempotency_key: Key = None
) -> Response:  # fmt: skip
    """A coupon, or a gift to pick up. 409 says why there is none for you: a tier, or all are taken."""
    loyalty, route = loyalty_of(request), f"POST /v1/campaigns/{campaign_id}/claims"
    asked = IdempotentRequest(driver.subject, route, require_key(idempotency_key), await request.body())

    async def effect(tx: Connection) -> Reply:
        got = await claims.claim_reward(loyalty, tx, driver.subject, campaign_id)
        return Reply(201, models.Claimed(**got).model_dump_json().encode())

    reply = await patiently(lambda: loyalty.store.transact(lambda tx: once(tx, asked, lambda: effect(tx))))
    return Response(reply.body, reply.status, media_type="application/json")
