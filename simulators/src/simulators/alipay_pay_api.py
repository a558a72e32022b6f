"""Alipay's methods around a trade, behind its one gateway, and the address of its bills."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ValidationError

from simulators import alipay_pay_bills as bills
from simulators.alipay import FAULTS, Form, answer_text
from simulators.alipay_pay import AlipayPay, Refund, Refused, Trade
from simulators.alipay_pay_models import BillName, RefundName, RefundRequest, TradeName, TradeOrder, moment
from simulators.faults import FaultyAnswer, Operation

Sent = TypeVar("Sent", bound=BaseModel)
Part = dict[str, Any]
OPERATIONS: dict[str, Operation] = {
    "alipay.trade.create": "create", "alipay.trade.query": "query", "alipay.trade.close": "close",
    "alipay.trade.refund": "refund", "alipay.trade.fastpay.refund.query": "query_refund",
    "alipay.data.dataservice.bill.downloadurl.query": "bill",
}  # fmt: skip


def methods(platform: AlipayPay) -> dict[str, Callable[[Request, Form], Awaitable[Response]]]:
    """The handlers that join the gateway."""

    async def handle(request: Request, form: Form) -> Response:
        return await _answer(platform, request, form)

    return dict.fromkeys(OPERATIONS, handle)


def bill_router(platform: AlipayPay) -> APIRouter:
    """Where bills are fetched from."""
    routes = APIRouter(tags=["alipay-pay"])

    @routes.get(bills.PATH)
    async def download(token: str = "") -> Response:
        """A bill; who knows its token may have it."""
        packed = platform.bills.get(token)
        return Response(packed, media_type="application/zip") if packed else PlainTextResponse("expired", 403)

    return routes


async def _answer(platform: AlipayPay, request: Request, form: Form) -> Response:
    method = form["method"]
    operation = OPERATIONS[method]

    def handled() -> Response:
        fault = platform.platform.fault_of(form)
        return signed(fault_part(fault) if fault else _outcome(platform, request, form))

    def signed(part: Part) -> Response:
        text = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
        return answer_text(f"{method.replace('.', '_')}_response", text, platform.signed_part(text, operation))

    return await FaultyAnswer(platform.plan, operation, request).give(
        handled, lambda: signed(_refusal("ACQ.SYSTEM_ERROR")), lambda: signed(fault_part("isv.app-call-limited"))
    )


def fault_part(fault: str) -> Part:
    """What is wrong with a request before its contents are looked at."""
    code, words, what = FAULTS[fault]
    return {"code": code, "msg": words, "sub_code": fault, "sub_msg": what}


def _refusal(sub_code: str) -> Part:
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub_code, "sub_msg": str(Refused(sub_code))}


def _outcome(platform: AlipayPay, request: Request, form: Form) -> Part:
    do = {
        "create": lambda: _create(platform, form), "query": lambda: _query(platform, form),
        "close": lambda: _close(platform, form), "refund": lambda: _refund(platform, form),
        "query_refund": lambda: _query_refund(platform, form),
        "bill": lambda: bills.place(platform, _sent(BillName, form), str(request.base_url)),
    }[OPERATIONS[form["method"]]]  # fmt: skip
    try:
        return {"code": "10000", "msg": "Success"} | do()
    except Refused as refused:
        return _refusal(refused.sub_code)


def _sent(model: type[Sent], form: Form) -> Sent:
    """The contents, where they are in order."""
    try:
        return model.model_validate_json(form.get("biz_content", ""))
    except ValidationError:
        raise Refused("ACQ.INVALID_PARAMETER") from None


def _create(platform: AlipayPay, form: Form) -> Part:
    return _names(platform.create(_sent(TradeOrder, form), form.get("notify_url", "")))


def _query(platform: AlipayPay, form: Form) -> Part:
    name = _sent(TradeName, form)
    trade = platform.trade(name.out_trade_no, name.trade_no)
    total = platform.told_amount(trade.order.total_amount, "query")
    known = _names(trade) | {
        "trade_status": trade.status, "total_amount": total, "buyer_open_id": trade.order.buyer_open_id,
        "buyer_logon_id": "159****5620", "point_amount": "0.00", "invoice_amount": total, "receipt_amount": total,
        "buyer_pay_amount": total,
    }  # fmt: skip
    if platform.plan.strikes("wrong_currency", "query"):
        known |= {"trans_currency": "USD", "settle_currency": "USD"}
    return known | ({"send_pay_date": moment(trade.paid_at)} if trade.paid_at else {})


def _close(platform: AlipayPay, form: Form) -> Part:
    name = _sent(TradeName, form)
    trade = platform.trade(name.out_trade_no, name.trade_no)
    platform.close(trade)
    return _names(trade)


def _refund(platform: AlipayPay, form: Form) -> Part:
    """`refund_fee` is the sum of all refunds, as in Alipay's answer."""
    request = _sent(RefundRequest, form)
    trade = platform.trade(request.out_trade_no, request.trade_no)
    has_moved = platform.refund(trade, request)
    newest = trade.refunds[request.out_request_no or trade.number]
    return _names(trade) | {
        "buyer_logon_id": "159****5620", "fund_change": "Y" if has_moved else "N",
        "refund_fee": platform.told_amount(trade.refunded, "refund"), "gmt_refund_pay": moment(newest.at),
    }  # fmt: skip


def _query_refund(platform: AlipayPay, form: Form) -> Part:
    """Success without a status, where there is no such refund."""
    name = _sent(RefundName, form)
    trade = platform.trade(name.out_trade_no, name.trade_no)
    refund: Refund | None = trade.refunds.get(name.out_request_no)
    if refund is None:
        return {}
    found = _names(trade) | {
        "out_request_no": refund.number, "refund_status": "REFUND_SUCCESS",
        "total_amount": platform.told_amount(trade.order.total_amount, "query_refund"),
        "refund_amount": platform.told_amount(refund.request.refund_amount, "query_refund"),
    }  # fmt: skip
    return found | ({"gmt_refund_pay": moment(refund.at)} if "gmt_refund_pay" in name.query_options else {})


def _names(trade: Trade) -> Part:
    return {"out_trade_no": trade.number, "trade_no": trade.trade_no}
