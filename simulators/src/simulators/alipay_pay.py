"""Alipay's trades, simulated: what a seller may do with them, and what Alipay tells by itself. It is the truth of a
test: what was really charged and really given back. Source: opendocs.alipay.com, alipay.trade.create and beside it.
"""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from simulators.alipay import ZONE, AlipayPlatform
from simulators.alipay_pay_models import RefundRequest, TradeOrder, moment, yuan_of
from simulators.daily_files import DailyFiles
from simulators.faults import FaultPlan, Operation
from simulators.notifying import Notification, Notifier

RETRY_SECONDS = (240, 600, 600, 3600, 7200, 21600, 54000)
TRADE_LIFE = timedelta(minutes=15)
MAX_TRADES = 100_000
BUYER = "canary-***@buyer.example"
TradeStatus = Literal["WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"]
REFUSALS = {
    "ACQ.INVALID_PARAMETER": "参数无效", "ACQ.TRADE_NOT_EXIST": "交易不存在", "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
    "ACQ.TRADE_HAS_CLOSE": "交易已经关闭", "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
    "ACQ.TRADE_STATUS_ERROR": "交易状态不合法", "ACQ.TRADE_HAS_FINISHED": "交易已完结",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "退款金额超限", "ACQ.DISCORDANT_REPEAT_REQUEST": "不一致的请求",
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": "卖家余额不足", "ACQ.REASON_TRADE_BEEN_FREEZEN": "请求退款的交易被冻结",
    "ACQ.SYSTEM_ERROR": "系统错误", "isp.bill_not_exist": "账单不存在",
}  # fmt: skip


class AlipayPaySettings(BaseModel):
    """The seller behind the app; SIMULATORS_ALIPAY_PAY__SELLER_ID and so on. The keys are those of the app."""

    model_config = ConfigDict(frozen=True)

    seller_id: str
    notify_speed: float = Field(default=1.0, gt=0, description="Divides the pauses between tries of a notification")
    bills_of_today: bool = Field(default=True, description="As if each day had ended; the real one waits")


class Refused(Exception):
    """What Alipay says no to: its sub_code."""

    def __init__(self, sub_code: str) -> None:
        super().__init__(REFUSALS[sub_code])
        self.sub_code = sub_code


@dataclass(frozen=True)
class Refund:
    """Money that went back, which takes no time here. Fen."""

    request: RefundRequest
    number: str
    """The seller's own: out_request_no."""
    at: datetime


@dataclass
class Trade:
    """A charge, by the seller's number."""

    order: TradeOrder
    notify_url: str
    trade_no: str
    created_at: datetime
    expires_at: datetime
    status: TradeStatus = "WAIT_BUYER_PAY"
    paid_at: datetime | None = None
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def number(self) -> str:
        """The seller's: out_trade_no."""
        return self.order.out_trade_no

    @property
    def refunded(self) -> int:
        """Fen that went back."""
        return sum(one.request.refund_amount for one in self.refunds.values())


@dataclass
class AlipayPay:
    """What Alipay knows of a seller's trades; `clock_skew` is how far its clock is off."""

    settings: AlipayPaySettings
    platform: AlipayPlatform
    """The app, and the keys of both."""
    plan: FaultPlan = field(default_factory=FaultPlan)
    clock_skew: timedelta = timedelta()
    trades: dict[str, Trade] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bills = DailyFiles()
        self.notifier = Notifier(
            self.plan, RETRY_SECONDS, lambda status, text: status == 200 and text.strip() == b"success",
            self.settings.notify_speed,
        )  # fmt: skip
        self._by_trade_no: dict[str, Trade] = {}

    def now(self) -> datetime:
        """By its own clock."""
        return datetime.now(UTC) + self.clock_skew

    def create(self, order: TradeOrder, notify_url: str) -> Trade:
        """A new trade, or the same one asked for again."""
        wrong_seller = order.seller_id not in (None, self.settings.seller_id)
        if wrong_seller or order.op_app_id != self.platform.settings.app_id:
            raise Refused("ACQ.INVALID_PARAMETER")
        now, known = self.now(), self.trades.get(order.out_trade_no)
        if known is not None:
            return _same(known, order)
        if order.time_expire is not None and order.time_expire <= now:
            raise Refused("ACQ.INVALID_PARAMETER")
        trade_no = f"{now.astimezone(ZONE):%Y%m%d}2200{secrets.randbelow(10**16):016}"
        trade = Trade(order, notify_url, trade_no, now, order.time_expire or now + TRADE_LIFE)
        self.trades[trade.number] = self._by_trade_no[trade_no] = trade
        self._forget()
        return trade

    def trade(self, number: str | None, trade_no: str | None = None) -> Trade:
        """The trade with Alipay's number, or else the seller's. It closes by itself when its time is over."""
        trade = self._by_trade_no.get(trade_no) if trade_no else self.trades.get(number or "")
        if trade is None:
            raise Refused("ACQ.TRADE_NOT_EXIST")
        if trade.status == "WAIT_BUYER_PAY" and self.now() > trade.expires_at:
            trade.status = "TRADE_CLOSED"
        return trade

    def close(self, trade: Trade) -> None:
        """Nobody can pay it any more, unless luck has it that somebody just did."""
        if trade.status != "WAIT_BUYER_PAY":
            raise Refused("ACQ.TRADE_STATUS_ERROR")
        trade.status = "TRADE_CLOSED"
        if self.plan.strikes("late", "close"):
            self.pay(trade, late=True)

    def pay(self, trade: Trade, *, late: bool = False) -> None:
        """The buyer confirms on the phone. `late`: although it was closed or has expired."""
        if trade.paid_at is not None:
            raise Refused("ACQ.TRADE_HAS_SUCCESS")
        if trade.status == "TRADE_CLOSED" and not late:
            raise Refused("ACQ.TRADE_HAS_CLOSE")
        trade.status, trade.paid_at = "TRADE_SUCCESS", self.now()
        self.notifier.send(self.notification(trade))

    def finish(self, trade: Trade) -> None:
        """The time for refunds is over."""
        if trade.status != "TRADE_SUCCESS":
            raise Refused("ACQ.TRADE_STATUS_ERROR")
        trade.status = "TRADE_FINISHED"
        self.notifier.send(self.notification(trade))

    def refund(self, trade: Trade, request: RefundRequest) -> bool:
        """Whether money moved: not where the same was asked for before."""
        number = request.out_request_no or trade.number
        known = trade.refunds.get(number)
        if known is not None:
            if known.request != request:
                raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST")
            return False
        if trade.status != "TRADE_SUCCESS":
            raise Refused("ACQ.TRADE_HAS_FINISHED" if trade.status == "TRADE_FINISHED" else "ACQ.TRADE_STATUS_ERROR")
        is_whole = request.refund_amount == trade.order.total_amount
        if trade.refunded + request.refund_amount > trade.order.total_amount:
            raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        if request.out_request_no is None and not is_whole:
            raise Refused("ACQ.INVALID_PARAMETER")
        for fault, sub_code in (
            ("refuse_refund", "ACQ.SELLER_BALANCE_NOT_ENOUGH"), ("abnormal_refund", "ACQ.REASON_TRADE_BEEN_FREEZEN"),
        ):  # fmt: skip
            if self.plan.strikes(fault, "refund"):
                raise Refused(sub_code)
        trade.refunds[number] = refund = Refund(request, number, self.now())
        if trade.refunded == trade.order.total_amount:
            trade.status = "TRADE_CLOSED"
        self.notifier.send(self.notification(trade, refund))
        return True

    def notification(self, trade: Trade, refund: Refund | None = None) -> Notification:
        """What the seller is told of a trade, or of a refund of it; its sums are those of this moment."""
        name = f"{moment(self.now()):.10}".replace("-", "") + uuid.uuid4().hex
        told = _told(trade) | (_refund_told(trade, refund) if refund else {})

        def build() -> tuple[bytes, Mapping[str, str]]:
            body = self._signed_form({"notify_id": name} | told)
            return body, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

        number = refund.number if refund else trade.number
        return Notification(name, number, f"trade_status_sync {trade.status}", trade.notify_url, build)

    def signed_part(self, text: str, operation: Operation) -> str | None:
        """The signature of an answer or a notification, as far as the faults let it; None: it has none."""
        if self.plan.strikes("unsigned", operation):
            return None
        return self.platform.signature("something else" if self.plan.strikes("forged", operation) else text)

    def told_amount(self, fen: int, operation: Operation) -> str:
        """An amount in yuan, and wrong where the faults want it."""
        return yuan_of(fen + self.plan.strikes("wrong_amount", operation))

    def _signed_form(self, told: dict[str, str]) -> bytes:
        plan, operation = self.plan, "notification"
        at = self.now() + timedelta(seconds=plan.faults.skew_seconds if plan.strikes("skewed", operation) else 0)
        wrong_app, wrong_seller = plan.strikes("wrong_app", operation), plan.strikes("wrong_merchant", operation)
        app_id = "2099999999999999" if wrong_app else self.platform.settings.app_id
        lie = {"total_amount": yuan_of(1)} if plan.strikes("wrong_amount", operation) else {}
        form = {
            "notify_time": moment(at), "notify_type": "trade_status_sync", "charset": "utf-8", "version": "1.0",
            "app_id": app_id, "auth_app_id": app_id,
            "seller_id": "2088999999999999" if wrong_seller else self.settings.seller_id,
        } | told | lie  # fmt: skip
        signature = self.signed_part("&".join(f"{name}={form[name]}" for name in sorted(form)), operation)
        proof = {} if signature is None else {"sign_type": "RSA2", "sign": signature}
        return urlencode(form | proof).encode()

    def _forget(self) -> None:
        """The oldest trades, where there are too many."""
        while len(self.trades) > MAX_TRADES:
            trade = self.trades.pop(next(iter(self.trades)))
            del self._by_trade_no[trade.trade_no]


def _same(trade: Trade, order: TradeOrder) -> Trade:
    """The trade, where the order asks for the same once more."""
    if trade.paid_at is not None:
        raise Refused("ACQ.TRADE_HAS_SUCCESS")
    if trade.status == "TRADE_CLOSED":
        raise Refused("ACQ.TRADE_HAS_CLOSE")
    if trade.order != order:
        raise Refused("ACQ.CONTEXT_INCONSISTENT")
    return trade


def _told(trade: Trade) -> dict[str, str]:
    order = trade.order
    total = yuan_of(order.total_amount)
    told = {
        "trade_no": trade.trade_no, "out_trade_no": trade.number, "buyer_open_id": order.buyer_open_id,
        "trade_status": trade.status, "total_amount": total, "receipt_amount": total, "invoice_amount": total,
        "buyer_pay_amount": total, "subject": order.subject, "gmt_create": moment(trade.created_at),
    }  # fmt: skip
    return told | ({"gmt_payment": moment(trade.paid_at)} if trade.paid_at else {})


def _refund_told(trade: Trade, refund: Refund) -> dict[str, Any]:
    return {"out_biz_no": refund.number, "refund_fee": yuan_of(trade.refunded), "gmt_refund": moment(refund.at)}
