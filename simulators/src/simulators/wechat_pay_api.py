"""WeChat Pay's own paths: the merchant's requests, proved by their signature, and answers that prove themselves."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from simulators import wechat_pay_bills as bills
from simulators import wechat_pay_documents as documents
from simulators.faults import FaultyAnswer, Operation
from simulators.wechat_pay import Refused, Trade, WechatPay
from simulators.wechat_pay_models import CloseRequest, JsapiOrder, RefundRequest
from simulators.wechat_pay_signing import encode

Sent = TypeVar("Sent", bound=BaseModel)
Document = dict[str, Any] | None
"""None: done, and there is nothing to say (204)."""


def router(platform: WechatPay) -> APIRouter:
    """All of it."""
    routes = APIRouter(tags=["wechat-pay"])

    @routes.post("/v3/pay/transactions/jsapi")
    async def create(request: Request) -> Response:
        """A trade that the payer is to confirm on the phone."""
        body = await request.body()
        return await answer(platform, request, "create", lambda: {"prepay_id": platform.create(sent(JsapiOrder, body))})

    @routes.get("/v3/pay/transactions/out-trade-no/{number}")
    async def query(number: str, request: Request) -> Response:
        """A trade by the merchant's number."""
        return await answer(platform, request, "query", lambda: _trade(platform, request, platform.trade(number)))

    @routes.get("/v3/pay/transactions/id/{transaction_id}")
    async def query_by_id(transaction_id: str, request: Request) -> Response:
        """A trade by WeChat Pay's number."""
        return await answer(
            platform, request, "query", lambda: _trade(platform, request, platform.by_transaction(transaction_id))
        )

    @routes.post("/v3/pay/transactions/out-trade-no/{number}/close")
    async def close(number: str, request: Request) -> Response:
        """Nobody is to pay it any more."""
        body = await request.body()
        return await answer(platform, request, "close", lambda: _close(platform, number, body))

    @routes.post("/v3/refund/domestic/refunds")
    async def refund(request: Request) -> Response:
        """Money back, whole or in part."""
        body = await request.body()
        return await answer(platform, request, "refund", lambda: _refund(platform, body))

    @routes.get("/v3/refund/domestic/refunds/{number}")
    async def query_refund(number: str, request: Request) -> Response:
        """How far a refund is."""
        return await answer(
            platform, request, "query_refund",
            lambda: documents.refund(*platform.refund_of(number), platform.lie("query_refund")),
        )  # fmt: skip

    @routes.get("/v3/bill/tradebill")
    async def trade_bill(request: Request) -> Response:
        """Where a day's bill lies."""
        return await answer(platform, request, "bill", lambda: bills.place(platform, request))

    @routes.get("/v3/certificates")
    async def certificates(request: Request) -> Response:
        """The keys that sign answers and notifications, where the merchant does not know them by their id."""
        return await answer(platform, request, "certificates", lambda: {"data": platform.keys.documents()})

    @routes.get("/v3/billdownload/file")
    async def download(request: Request) -> Response:
        """A bill, which alone is not signed: its digest was."""
        fault = await _fault_of(platform, request)
        return _refusal(Refused(401, "SIGN_ERROR", fault)) if fault else bills.download(platform, request)

    return routes


async def answer(
    platform: WechatPay,
    request: Request,
    operation: Operation,
    do: Callable[[], Document],
    status_when_empty: int = 204,
) -> Response:
    """The signed answer to a proved request, or what the faults make of it."""
    fault = await _fault_of(platform, request)
    wanted = request.headers.get("Wechatpay-Serial", "")

    def handled() -> Response:
        if fault is not None:
            return _refusal(Refused(401, "SIGN_ERROR", fault))  # whoever it is, gets nothing signed
        try:
            document = do()
        except Refused as refused:
            return _signed(platform, operation, _refusal(refused), wanted)
        body = b"" if document is None else encode(document)
        reply = Response(body, 200 if body else status_when_empty, media_type="application/json" if body else None)
        return _signed(platform, operation, reply, wanted)

    def refused(status: int, code: str, message: str) -> Callable[[], Response]:
        return lambda: _signed(platform, operation, _refusal(Refused(status, code, message)), wanted)

    return await FaultyAnswer(platform.plan, operation, request).give(
        handled, refused(500, "SYSTEM_ERROR", "系统异常,请稍后重试"), refused(429, "FREQUENCY_LIMITED", "频率超限")
    )


def _signed(platform: WechatPay, operation: Operation, answer: Response, wanted: str) -> Response:
    answer.headers.update(platform.signature(bytes(answer.body), operation, wanted))
    return answer


async def _fault_of(platform: WechatPay, request: Request) -> str | None:
    """Why the request proves nothing."""
    target = request.scope["raw_path"].decode("ascii", "replace")
    if query := request.scope["query_string"].decode("ascii", "replace"):
        target += f"?{query}"
    authorization, body = request.headers.get("Authorization", ""), await request.body()
    return platform.keys.fault_of(request.method, target, authorization, body, platform.now())


def _refusal(refused: Refused) -> Response:
    body = encode({"code": refused.code, "message": str(refused)})
    return Response(body, refused.status, media_type="application/json")


def sent(model: type[Sent], body: bytes) -> Sent:
    """The body, where it is in order."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        where = "/".join(str(part) for part in error.errors()[0]["loc"])
        raise Refused(400, "PARAM_ERROR", f"输入源“/body/{where}”映射到值字段时有误") from None


def _require_merchant(platform: WechatPay, merchant_id: str) -> None:
    if merchant_id != platform.settings.merchant_id:
        raise Refused(400, "PARAM_ERROR", "商户号与签名的商户号不一致")


def _trade(platform: WechatPay, request: Request, trade: Trade) -> Document:
    _require_merchant(platform, request.query_params.get("mchid", ""))
    return platform.transaction(trade, "query")


def _close(platform: WechatPay, number: str, body: bytes) -> None:
    _require_merchant(platform, sent(CloseRequest, body).mchid)
    platform.close(number)


def _refund(platform: WechatPay, body: bytes) -> Document:
    trade, refund = platform.refund(sent(RefundRequest, body))
    return documents.refund(trade, refund, platform.lie("refund"))
