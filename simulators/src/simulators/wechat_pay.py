"""WeChat Pay v3, simulated: the trades and refunds that it knows, and its rules for them. It is the truth of a test:
what was really charged and really given back. Source: pay.weixin.qq.com/doc/v3, JSAPI payments.
"""

import asyncio
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators import wechat_pay_documents as documents
from simulators.daily_files import DailyFiles
from simulators.faults import FaultPlan, Operation
from simulators.notifying import Notification, Notifier
from simulators.wechat_pay_documents import Refund, RefundStatus, Trade
from simulators.wechat_pay_models import JsapiOrder, RefundRequest
from simulators.wechat_pay_signing import CHINA, Keys, WechatPaySettings, encode, moment

RETRY_SECONDS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
PREPAY_LIFE = timedelta(hours=2)
MAX_TRADES = 100_000
MAX_REFUNDS_OF_A_TRADE = 50
SUMMARIES = {"SUCCESS": "退款成功", "CLOSED": "退款关闭", "ABNORMAL": "退款异常"}


class Refused(Exception):
    """What WeChat Pay says no to, in its own words."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass
class WechatPay:
    """What WeChat Pay knows; `clock_skew` is how far its clock is off."""

    settings: WechatPaySettings
    plan: FaultPlan = field(default_factory=FaultPlan)
    clock_skew: timedelta = timedelta()
    trades: dict[str, Trade] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reads the keys. Raises ValueError where they are none."""
        self.keys = Keys(self.settings)
        self.notifier = Notifier(
            self.plan, RETRY_SECONDS, lambda status, _: 200 <= status < 300, self.settings.notify_speed
        )
        self.bills = DailyFiles()
        self._by_prepay_id: dict[str, Trade] = {}
        self._refunds: dict[str, Trade] = {}

    def now(self) -> datetime:
        """By its own clock."""
        return datetime.now(UTC) + self.clock_skew

    def create(self, order: JsapiOrder) -> str:
        """The prepay_id of a new trade, or of the same one asked for again."""
        if order.appid != self.settings.app_id or order.mchid != self.settings.merchant_id:
            raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配,请检查后再试")
        now, known = self.now(), self.trades.get(order.out_trade_no)
        if known is not None:
            return _same(known, order).prepay_id
        if order.time_expire is not None and order.time_expire <= now:
            raise Refused(400, "PARAM_ERROR", "time_expire时间过短,刷卡至少1分钟,其他5分钟")
        stamp = f"{now.astimezone(CHINA):%d%H%M%S}"
        trade = Trade(order, f"wx{stamp}{secrets.token_hex(13)}", now, order.time_expire or now + PREPAY_LIFE)
        self.trades[trade.number] = self._by_prepay_id[trade.prepay_id] = trade
        self._forget()
        return trade.prepay_id

    def trade(self, number: str) -> Trade:
        """The trade with the merchant's number."""
        try:
            return self.trades[number]
        except KeyError:
            raise Refused(404, "ORDER_NOT_EXIST", "订单不存在") from None

    def by_transaction(self, transaction_id: str) -> Trade:
        """The trade with WeChat Pay's own number."""
        for trade in self.trades.values():
            if transaction_id and trade.transaction_id == transaction_id:
                return trade
        raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")

    def by_prepay_id(self, prepay_id: str) -> Trade:
        """The trade that a phone was handed."""
        try:
            return self._by_prepay_id[prepay_id.removeprefix("prepay_id=")]
        except KeyError:
            raise Refused(404, "ORDER_NOT_EXIST", "支付验证签名失败或订单不存在") from None

    def close(self, number: str) -> None:
        """Nobody can pay it any more, unless luck has it that somebody just did."""
        trade = self.trade(number)
        if trade.state in ("SUCCESS", "REFUND"):
            raise Refused(400, "ORDERPAID", "该订单已支付")
        trade.state = "CLOSED"
        if self.plan.strikes("late", "close"):
            self.pay(trade, late=True)

    def pay(self, trade: Trade, *, late: bool = False) -> None:
        """The payer confirms on the phone. `late`: although it was closed or has expired."""
        if trade.state in ("SUCCESS", "REFUND"):
            raise Refused(400, "ORDERPAID", "该订单已支付")
        now = self.now()
        if not late and (trade.state == "CLOSED" or now > trade.expires_at):
            raise Refused(400, "ORDER_CLOSED", "订单已关闭")
        trade.state, trade.paid_at = "SUCCESS", now
        trade.transaction_id = f"4200{secrets.randbelow(10**6):06}{now.astimezone(CHINA):%Y%m%d}{_digits(10)}"
        self.notifier.send(self.payment_notification(trade))

    def refund(self, request: RefundRequest) -> tuple[Trade, Refund]:
        """A new refund, or the same one asked for again."""
        known = self._refunds.get(request.out_refund_no)
        if known is not None:
            return known, _same_refund(known.refunds[request.out_refund_no], request)
        trade = self._refunded_trade(request)
        if self.plan.strikes("refuse_refund", "refund"):
            raise Refused(403, "NOT_ENOUGH", "基本账户余额不足,请充值后重新发起")
        now = self.now()
        refund = Refund(request, f"5030{secrets.randbelow(10**6):06}{now.astimezone(CHINA):%Y%m%d}{_digits(11)}", now)
        trade.refunds[request.out_refund_no], trade.state = refund, "REFUND"
        self._refunds[request.out_refund_no] = trade
        self.notifier.run(self._end_soon(trade, refund))
        return trade, refund

    def refund_of(self, number: str) -> tuple[Trade, Refund]:
        """The refund with the merchant's number."""
        trade = self._refunds.get(number)
        if trade is None:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return trade, trade.refunds[number]

    def end_refund(self, trade: Trade, refund: Refund, status: RefundStatus) -> None:
        """It reached the payer, or did not. Tells the merchant."""
        refund.status, refund.ended_at = status, self.now()
        if refund.request.notify_url and status != "PROCESSING":
            self.notifier.send(self.refund_notification(trade, refund))

    async def _end_soon(self, trade: Trade, refund: Refund) -> None:
        await asyncio.sleep(self.settings.refund_seconds)
        if refund.status == "PROCESSING":
            self.end_refund(trade, refund, "ABNORMAL" if self.plan.strikes("abnormal_refund", "refund") else "SUCCESS")

    def _refunded_trade(self, request: RefundRequest) -> Trade:
        number, ours = request.out_trade_no, request.transaction_id or ""
        try:
            trade = self.by_transaction(ours) if number is None else self.trade(number)
        except Refused:
            raise Refused(404, "RESOURCE_NOT_EXISTS", "订单号不存在") from None
        if trade.state not in ("SUCCESS", "REFUND"):
            raise Refused(400, "INVALID_REQUEST", "订单未支付或已关闭,不能退款")
        if request.amount.total != trade.order.amount.total or request.amount.currency != trade.order.amount.currency:
            raise Refused(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致,请核实后再试")
        if trade.refunded + request.amount.refund > trade.order.amount.total:
            raise Refused(400, "INVALID_REQUEST", "申请退款金额大于可退金额")
        if len(trade.refunds) >= MAX_REFUNDS_OF_A_TRADE:
            raise Refused(400, "INVALID_REQUEST", "部分退款次数超限,一笔订单最多50次")
        return trade

    def payment_notification(self, trade: Trade) -> Notification:
        """TRANSACTION.SUCCESS of a trade."""
        return self._notification(
            "TRANSACTION.SUCCESS", "支付成功", "transaction", trade.number, trade.order.notify_url,
            lambda: self.transaction(trade, "notification"),
        )  # fmt: skip

    def refund_notification(self, trade: Trade, refund: Refund) -> Notification:
        """REFUND.SUCCESS and the like of a refund that has ended."""
        request, status = refund.request, refund.status
        return self._notification(
            f"REFUND.{status}", SUMMARIES[status], "refund", request.out_refund_no, request.notify_url or "",
            lambda: documents.refund_result(trade, refund, self.lie("notification")),
        )  # fmt: skip

    def transaction(self, trade: Trade, operation: Operation) -> dict[str, Any]:
        """The trade as WeChat Pay tells it, with the lies that the faults want."""
        return documents.transaction(trade, self.lie(operation))

    def lie(self, operation: Operation) -> documents.Lie:
        """What is not true in the next document."""
        plan = self.plan
        return documents.Lie(
            amount=plan.strikes("wrong_amount", operation), currency=plan.strikes("wrong_currency", operation),
            app=plan.strikes("wrong_app", operation), merchant=plan.strikes("wrong_merchant", operation),
        )  # fmt: skip

    def _notification(
        self, event: str, summary: str, original: str, number: str, url: str, contents: Callable[[], dict[str, Any]]
    ) -> Notification:
        name, created_at = str(uuid.uuid4()), moment(self.now())

        def build() -> tuple[bytes, Mapping[str, str]]:
            resource = self.keys.seal(encode(contents()), original) | {"original_type": original}
            body = encode({
                "id": name, "create_time": created_at, "resource_type": "encrypt-resource", "event_type": event,
                "summary": summary, "resource": resource,
            })  # fmt: skip
            headers = self.signature(body, "notification")
            return body, headers | {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}

        return Notification(name, number, event, url, build)

    def signature(self, body: bytes, operation: Operation, wanted: str = "") -> dict[str, str]:
        """The headers that prove a body, as far as the faults let them."""
        plan, at = self.plan, self.now()
        if plan.strikes("unsigned", operation):
            return {}
        if plan.strikes("skewed", operation):
            at += timedelta(seconds=plan.faults.skew_seconds)
        forged, probe = plan.strikes("forged", operation), plan.strikes("probe", operation)
        return self.keys.headers(body, at, wanted=wanted, forged=forged, probe=probe)

    def _forget(self) -> None:
        """The oldest trades, where there are too many."""
        while len(self.trades) > MAX_TRADES:
            trade = self.trades.pop(next(iter(self.trades)))
            del self._by_prepay_id[trade.prepay_id]
            for number in trade.refunds:
                del self._refunds[number]


def _digits(count: int) -> str:
    return f"{secrets.randbelow(10**count):0{count}}"


def _same(trade: Trade, order: JsapiOrder) -> Trade:
    """The trade, where the order asks for the same once more."""
    if trade.state in ("SUCCESS", "REFUND"):
        raise Refused(400, "ORDERPAID", "该订单已支付")
    if trade.state == "CLOSED":
        raise Refused(400, "ORDER_CLOSED", "订单已关闭")
    if trade.order != order:
        raise Refused(403, "OUT_TRADE_NO_USED", "商户订单号重复,请求参数与原订单不一致")
    return trade


def _same_refund(refund: Refund, request: RefundRequest) -> Refund:
    if refund.request != request:
        raise Refused(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致,请核实后再试")
    return refund
