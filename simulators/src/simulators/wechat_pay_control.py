"""What a payer of WeChat Pay does on the phone, what is true there, and with which key it signs."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from simulators import provider_control
from simulators.wechat_pay import Refused, WechatPay
from simulators.wechat_pay_documents import Trade

MAX_LISTED = 100_000


class Payment(BaseModel):
    """What the payer does with what the phone shows: the one of a prepay_id, or of the merchant's number."""

    model_config = ConfigDict(extra="forbid")

    prepay_id: str | None = None
    out_trade_no: str | None = None
    decline: bool = False
    late: bool = Field(default=False, description="Pays although it was closed or has expired")


class RefundEnd(BaseModel):
    """What becomes of a refund."""

    status: Literal["SUCCESS", "ABNORMAL", "CLOSED"]


class KeyChoice(BaseModel):
    """What signs where the merchant did not ask for one: a key known by its id, or one with a certificate."""

    prefer_certificate: bool


def control_router(platform: WechatPay) -> APIRouter:
    """All of it."""
    routes = provider_control.router("/control/wechat-pay", platform)

    @routes.post("/payments")
    async def pay(payment: Payment) -> Response:
        """The payer confirms, or declines, which changes nothing."""
        try:
            trade = _wanted(platform, payment)
            if not payment.decline:
                platform.pay(trade, late=payment.late)
        except Refused as refused:
            return _refusal(refused)
        return JSONResponse(_shown(trade))

    @routes.get("/trades")
    async def trades(limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = MAX_LISTED) -> list[dict[str, Any]]:
        """The truth, the newest last: what was charged and what went back, in fen."""
        return [_shown(trade) for trade in list(platform.trades.values())[-limit:]]

    @routes.get("/trades/{number}")
    async def trade(number: Annotated[str, Path(max_length=64)]) -> Response:
        """The truth about one of them."""
        try:
            return JSONResponse(_shown(platform.trade(number)))
        except Refused as refused:
            return _refusal(refused)

    @routes.post("/refunds/{number}")
    async def end_refund(number: Annotated[str, Path(max_length=64)], end: RefundEnd) -> Response:
        """Ends a refund in this way, and tells the merchant."""
        try:
            trade, refund = platform.refund_of(number)
        except Refused as refused:
            return _refusal(refused)
        platform.end_refund(trade, refund, end.status)
        return JSONResponse(_shown(trade))

    @routes.put("/keys")
    async def choose_key(choice: KeyChoice) -> KeyChoice:
        """Signs with a certificate's key, or with the one that is known by its id."""
        platform.keys.prefers_certificate = choice.prefer_certificate
        return choice

    @routes.post("/certificates")
    async def rotate() -> dict[str, str]:
        """Makes a new certificate and signs with it; the one before stays good."""
        return {"serial_no": platform.keys.rotate()}

    return routes


def _wanted(platform: WechatPay, payment: Payment) -> Trade:
    if payment.prepay_id is not None:
        return platform.by_prepay_id(payment.prepay_id)
    return platform.trade(payment.out_trade_no or "")


def _shown(trade: Trade) -> dict[str, Any]:
    return {
        "number": trade.number, "prepay_id": trade.prepay_id, "state": trade.state,
        "transaction_id": trade.transaction_id, "total": trade.order.amount.total,
        "currency": trade.order.amount.currency, "description": trade.order.description,
        "created_at": trade.created_at.isoformat(),
        "paid": trade.order.amount.total if trade.paid_at else 0,
        "refunded": sum(one.request.amount.refund for one in trade.refunds.values() if one.status == "SUCCESS"),
        "refunds": {
            number: {"amount": one.request.amount.refund, "status": one.status}
            for number, one in trade.refunds.items()
        },
    }  # fmt: skip


def _refusal(refused: Refused) -> Response:
    return JSONResponse({"code": refused.code, "message": str(refused)}, refused.status)
