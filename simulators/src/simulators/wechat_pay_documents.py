"""WeChat Pay's documents: a trade and a refund in its own names, and the lies that a test may want in them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from simulators.wechat_pay_models import JsapiOrder, RefundRequest
from simulators.wechat_pay_signing import moment

TradeState = Literal["SUCCESS", "REFUND", "NOTPAY", "CLOSED"]
RefundStatus = Literal["PROCESSING", "SUCCESS", "CLOSED", "ABNORMAL"]
DESCRIPTIONS = {"SUCCESS": "支付成功", "REFUND": "转入退款", "NOTPAY": "订单未支付", "CLOSED": "订单已关闭"}
ACCOUNT = "支付用户零钱"


@dataclass(frozen=True)
class Lie:
    """What a document says wrong."""

    amount: bool = False
    currency: bool = False
    app: bool = False
    merchant: bool = False


@dataclass
class Refund:
    """A refund of a trade. Amounts are fen."""

    request: RefundRequest
    refund_id: str
    created_at: datetime
    status: RefundStatus = "PROCESSING"
    ended_at: datetime | None = None


@dataclass
class Trade:
    """A charge, by the merchant's number."""

    order: JsapiOrder
    prepay_id: str
    created_at: datetime
    expires_at: datetime
    state: TradeState = "NOTPAY"
    transaction_id: str = ""
    paid_at: datetime | None = None
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """The merchant's: out_trade_no."""
        return self.order.out_trade_no

    @property
    def refunded(self) -> int:
        """Fen that went back or are about to."""
        return sum(
            one.request.amount.refund for one in self.refunds.values() if one.status in ("PROCESSING", "SUCCESS")
        )


def transaction(trade: Trade, lie: Lie) -> dict[str, Any]:
    """A trade, as a query and a notification tell it."""
    order = trade.order
    total, currency = order.amount.total + lie.amount, "USD" if lie.currency else order.amount.currency
    known = {
        "appid": "wxffffffffffffffff" if lie.app else order.appid,
        "mchid": "1999999999" if lie.merchant else order.mchid, "out_trade_no": order.out_trade_no,
        "trade_state": trade.state, "trade_state_desc": DESCRIPTIONS[trade.state], "attach": order.attach,
        "payer": {"openid": order.payer.openid}, "promotion_detail": [],
    }  # fmt: skip
    if trade.paid_at is None:
        return known | {"amount": {"total": total, "currency": currency}}
    amount = {"total": total, "payer_total": total, "currency": currency, "payer_currency": currency}
    return known | {
        "transaction_id": trade.transaction_id, "trade_type": "JSAPI", "bank_type": "OTHERS",
        "success_time": moment(trade.paid_at), "amount": amount,
    }  # fmt: skip


def refund(trade: Trade, given: Refund, lie: Lie) -> dict[str, Any]:
    """A refund, as its request and a query are answered."""
    request = given.request
    total, back = request.amount.total, request.amount.refund + lie.amount
    document = {
        "refund_id": given.refund_id, "out_refund_no": request.out_refund_no, "out_trade_no": trade.number,
        "transaction_id": trade.transaction_id, "channel": "ORIGINAL", "user_received_account": ACCOUNT,
        "create_time": moment(given.created_at), "status": given.status, "funds_account": "AVAILABLE",
        "promotion_detail": [],
        "amount": {
            "total": total, "refund": back, "from": [], "payer_total": total, "payer_refund": back,
            "settlement_refund": back, "settlement_total": total, "discount_refund": 0, "refund_fee": 0,
            "currency": "USD" if lie.currency else request.amount.currency,
        },
    }  # fmt: skip
    return document | _arrival(given)


def refund_result(trade: Trade, given: Refund, lie: Lie) -> dict[str, Any]:
    """A refund, as its notification tells it: of another form than the answer to a query, and without a currency."""
    total, back = given.request.amount.total, given.request.amount.refund + lie.amount
    document = {
        "mchid": "1999999999" if lie.merchant else trade.order.mchid, "transaction_id": trade.transaction_id,
        "out_trade_no": trade.number, "refund_id": given.refund_id, "out_refund_no": given.request.out_refund_no,
        "refund_status": given.status, "user_received_account": ACCOUNT,
        "amount": {"total": total, "refund": back, "payer_total": total, "payer_refund": back},
    }  # fmt: skip
    return document | _arrival(given)


def _arrival(given: Refund) -> dict[str, str]:
    return {"success_time": moment(given.ended_at)} if given.status == "SUCCESS" and given.ended_at else {}
