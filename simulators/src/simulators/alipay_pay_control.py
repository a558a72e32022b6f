"""What a buyer does on the phone in Alipay, and what is true there."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from simulators import provider_control
from simulators.alipay_pay import AlipayPay, Refused, Trade

MAX_LISTED = 100_000


class Payment(BaseModel):
    """What the buyer does with what the phone shows: a trade by Alipay's number, or by the seller's."""

    model_config = ConfigDict(extra="forbid")

    trade_no: str | None = None
    out_trade_no: str | None = None
    decline: bool = False
    late: bool = Field(default=False, description="Pays although it was closed or has expired")


def control_router(platform: AlipayPay) -> APIRouter:
    """All of it."""
    routes = provider_control.router("/control/alipay-pay", platform)

    @routes.post("/payments")
    async def pay(payment: Payment) -> Response:
        """The buyer confirms, or declines, which changes nothing."""
        try:
            trade = platform.trade(payment.out_trade_no, payment.trade_no)
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

    @routes.post("/trades/{number}/finish")
    async def finish(number: Annotated[str, Path(max_length=64)]) -> Response:
        """TRADE_FINISHED: nothing of it can go back any more."""
        try:
            trade = platform.trade(number)
            platform.finish(trade)
        except Refused as refused:
            return _refusal(refused)
        return JSONResponse(_shown(trade))

    return routes


def _shown(trade: Trade) -> dict[str, Any]:
    total = trade.order.total_amount
    return {
        "number": trade.number, "trade_no": trade.trade_no, "state": trade.status, "total": total, "currency": "CNY",
        "description": trade.order.subject, "created_at": trade.created_at.isoformat(),
        "paid": total if trade.paid_at else 0, "refunded": trade.refunded,
        "refunds": {
            number: {"amount": one.request.refund_amount, "status": "SUCCESS"} for number, one in trade.refunds.items()
        },
    }  # fmt: skip


def _refusal(refused: Refused) -> Response:
    status = 404 if refused.sub_code == "ACQ.TRADE_NOT_EXIST" else 400
    return JSONResponse({"code": refused.sub_code, "message": str(refused)}, status)
