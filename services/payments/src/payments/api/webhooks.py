"""Where WeChat Pay and Alipay send their notifications: signed by them, so no token is asked for."""

from typing import Any, cast

from fastapi import APIRouter, Request, Response

from payments.domain.provider_words import Provider
from payments.use_cases.webhooks import Webhooks
from servicekit.access import ANYONE
from servicekit.problems import problem_responses

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

REFUSALS = problem_responses(400, 404, 413, 503)
_STORED = {200: {"description": "Stored, now or before: do not send it again", "content": {
    "application/json": {"schema": {"type": "object", "properties": {"code": {"const": "SUCCESS"}}}},
}}}  # fmt: skip
_HEARD = {200: {"description": "Stored, now or before: do not send it again", "content": {
    "text/plain": {"schema": {"const": "success"}},
}}}  # fmt: skip
_SIGNATURE = [
    {
        "name": f"Wechatpay-{name}", "in": "header", "required": False,
        "schema": {"type": "string", "examples": [example]},
    }
    for name, example in {
        "Serial": "PUB_KEY_ID_0119000000012026010100000000000001", "Timestamp": "1764057600",
        "Nonce": "c5ac7061fccab6bf3e254dcf98995b8c", "Signature": "c2lnbmF0dXJl",
    }.items()
]  # fmt: skip
_WECHAT: dict[str, Any] = ANYONE | {
    "parameters": _SIGNATURE,
    "requestBody": {"required": True, "content": {"application/json": {
        "schema": {"type": "object", "description": "An event, its contents encrypted for us"},
        "example": {
            "id": "EV-2026112500000000", "create_time": "2026-11-25T16:00:00+08:00",
            "event_type": "TRANSACTION.SUCCESS", "resource_type": "encrypt-resource", "summary": "支付成功",
            "resource": {
                "original_type": "transaction", "algorithm": "AEAD_AES_256_GCM", "ciphertext": "c2VhbGVk",
                "nonce": "fdasflkja484", "associated_data": "transaction",
            },
        },
    }}},
}  # fmt: skip
_ALIPAY: dict[str, Any] = ANYONE | {
    "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {
        "schema": {"type": "object", "description": "A trade, and Alipay's signature over it"},
        "example": {
            "notify_id": "2026112500222160000000000000000001", "notify_time": "2026-11-25 16:00:00",
            "app_id": "2021000000000000", "out_trade_no": "0199a00000007000800000006c656467", "trade_no": "2026112522",
            "trade_status": "TRADE_SUCCESS", "total_amount": "235.50", "sign_type": "RSA2", "sign": "c2lnbmF0dXJl",
        },
    }}},
}  # fmt: skip


@router.post(
    "/wechatpay/payments", summary="WeChat Pay: a charge was paid", responses=REFUSALS | _STORED,
    response_class=Response, openapi_extra=_WECHAT,
)  # fmt: skip
async def take_wechat_payment(request: Request) -> Response:
    """Stores the notification and answers; what it says is asked for again before anything follows from it."""
    return await _take(request, Provider.WECHAT, "payment")


@router.post(
    "/wechatpay/refunds", summary="WeChat Pay: a refund ended", responses=REFUSALS | _STORED,
    response_class=Response, openapi_extra=_WECHAT,
)  # fmt: skip
async def take_wechat_refund(request: Request) -> Response:
    """As for payments."""
    return await _take(request, Provider.WECHAT, "refund")


@router.post(
    "/alipay", summary="Alipay: a trade changed", responses=REFUSALS | _HEARD,
    response_class=Response, openapi_extra=_ALIPAY,
)  # fmt: skip
async def take_alipay(request: Request) -> Response:
    """As for WeChat Pay's; the answer is the text `success`."""
    return await _take(request, Provider.ALIPAY, "")


async def _take(request: Request, provider: Provider, kind: str) -> Response:
    webhooks = cast(Webhooks, request.app.state.webhooks)
    status, body, media_type = await webhooks.take(provider, kind, request.headers, await request.body())
    return Response(body, status, media_type=media_type)
