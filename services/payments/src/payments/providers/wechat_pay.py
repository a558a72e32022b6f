"""WeChat Pay v3 as a mini program uses it.

https://pay.weixin.qq.com/doc/v3/merchant/4013070356 (query), and beside it orders, closing, refunds, notifications.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Never, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from payments.providers.channel import (
    BillLine,
    Charge,
    Notification,
    NotificationRefused,
    Provider,
    ProviderAway,
    ProviderRefused,
    RefundOrder,
    RefundResult,
    RefundState,
    Trade,
    TradeState,
)
from payments.providers.payer_codes import wechat_payer
from payments.providers.wechat_pay_bills import bill_lines
from payments.providers.wechat_pay_client import Reply, WechatPayClient, WechatPaySettings
from payments.providers.wechat_pay_signing import Sealed, Unproven
from servicekit.outbound import Outbound

log = logging.getLogger(__name__)

CURRENCY = "CNY"
ZONE = ZoneInfo("Asia/Shanghai")
NOTIFICATIONS_PATH = "/v1/webhooks/wechatpay"
MAX_DESCRIPTION = 127
MAX_REASON = 80
TRADE_STATES = {
    "SUCCESS": TradeState.SUCCEEDED,
    "REFUND": TradeState.SUCCEEDED,  # paid, and something of it went back
    "NOTPAY": TradeState.WAITING,
    "USERPAYING": TradeState.WAITING,
    "ACCEPT": TradeState.WAITING,
    "CLOSED": TradeState.CLOSED,
    "REVOKED": TradeState.CLOSED,
    "PAYERROR": TradeState.FAILED,
}
REFUND_STATES = {
    "SUCCESS": RefundState.SUCCEEDED,
    "PROCESSING": RefundState.PROCESSING,
    "CLOSED": RefundState.FAILED,
    "ABNORMAL": RefundState.FAILED,
}
UNKNOWN_NUMBER = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
CLOSED = frozenset({"ORDER_CLOSED", "ORDERCLOSED"})
PAID = frozenset({"ORDERPAID", "ORDER_PAID"})
NUMBER_TAKEN = frozenset({"OUT_TRADE_NO_USED"}) | PAID
"""Something happened under the number already, so nobody can say that nothing did."""
AGAIN_LATER = frozenset({"FREQUENCY_LIMITED", "RATELIMIT_EXCEEDED", "FREQUENCY_LIMIT_EXCEED", "NOT_ENOUGH"})
"""Nothing was done, and the same may be asked again: too often, or our own account has too little to refund from."""
OUR_FAULT = frozenset({"PARAM_ERROR", "NO_AUTH", "NOAUTH", "SIGN_ERROR", "MCH_NOT_EXISTS", "APPID_MCHID_NOT_MATCH"})


class _Amount(msgspec.Struct):
    total: int | None = None
    refund: int | None = None
    currency: str = CURRENCY


class _Trade(msgspec.Struct):
    appid: str
    mchid: str
    out_trade_no: str
    trade_state: str
    transaction_id: str | None = None
    success_time: datetime | None = None
    amount: _Amount | None = None


class _Refund(msgspec.Struct):
    out_trade_no: str
    out_refund_no: str
    refund_id: str
    amount: _Amount
    status: str = ""
    refund_status: str = ""
    """What a notification has in the place of `status`."""
    mchid: str | None = None
    success_time: datetime | None = None


class _Prepay(msgspec.Struct):
    prepay_id: str


class _Envelope(msgspec.Struct):
    id: str
    event_type: str
    resource_type: str
    resource: Sealed


Document = TypeVar("Document", _Trade, _Refund, _Prepay, _Envelope)


class WechatPay:
    """See `payments.providers.channel.Channel`. Raises ValueError where its keys are none."""

    provider = Provider.WECHAT
    acknowledgement: tuple[int, bytes, str] = (200, b'{"code":"SUCCESS"}', "application/json")

    def __init__(self, settings: WechatPaySettings, http: Outbound, public_url: str) -> None:
        self._settings = settings
        self._http = http
        self._client = WechatPayClient(settings, http)
        self._notify_url = public_url.rstrip("/") + NOTIFICATIONS_PATH

    async def payer_of(self, code: str) -> str:
        """See Channel."""
        settings = self._settings
        return await wechat_payer(
            self._http, settings.login_base_url, settings.app_id, settings.app_secret.get_secret_value(), code
        )

    async def create(self, charge: Charge) -> Mapping[str, str]:
        """See Channel."""
        _require_our_currency(charge.currency)
        reply = await self._client.ask("POST", "/v3/pay/transactions/jsapi", {
            "appid": self._settings.app_id, "mchid": self._settings.merchant_id, "out_trade_no": charge.number,
            "description": charge.description[:MAX_DESCRIPTION], "notify_url": f"{self._notify_url}/payments",
            "time_expire": charge.expires_at.astimezone(ZONE).isoformat(timespec="seconds"),
            "amount": {"total": charge.amount_minor, "currency": CURRENCY}, "payer": {"openid": charge.payer_id},
        })  # fmt: skip
        if reply.status != 200:
            if reply.code in NUMBER_TAKEN:
                raise ProviderAway(f"WeChat's {reply.code}: the number was used")
            _refuse(reply)
        return self._client.client_parameters(_read(reply.body, _Prepay).prepay_id)

    async def query(self, number: str) -> Trade:
        """See Channel."""
        reply = await self._client.ask("GET", f"{_trade_path(number)}?mchid={self._settings.merchant_id}")
        if reply.code in UNKNOWN_NUMBER:
            return Trade(number, TradeState.NOT_FOUND)
        if reply.status != 200:
            _refuse(reply)
        document = _read(reply.body, _Trade)
        self._require_ours(document, number)
        return _trade(document)

    async def close(self, number: str) -> None:
        """See Channel."""
        reply = await self._client.ask("POST", f"{_trade_path(number)}/close", {"mchid": self._settings.merchant_id})
        if reply.status == 204 or reply.code in CLOSED:
            return
        if reply.code in PAID:
            raise ProviderRefused("paid", "somebody has paid it")
        if reply.code in UNKNOWN_NUMBER:
            raise ProviderRefused("not_found", "WeChat does not know the number")
        _refuse(reply)

    async def refund(self, order: RefundOrder) -> RefundResult:
        """See Channel."""
        _require_our_currency(order.currency)
        reply = await self._client.ask("POST", "/v3/refund/domestic/refunds", {
            "out_trade_no": order.charge_number, "out_refund_no": order.number, "reason": order.reason[:MAX_REASON],
            "notify_url": f"{self._notify_url}/refunds",
            "amount": {"refund": order.amount_minor, "total": order.charged_minor, "currency": CURRENCY},
        })  # fmt: skip
        if reply.status != 200:
            _refuse(reply)
        return _refund(_read(reply.body, _Refund), order.number, order.charge_number)

    async def query_refund(self, number: str, charge_number: str) -> RefundResult:
        """See Channel."""
        reply = await self._client.ask("GET", f"/v3/refund/domestic/refunds/{number}")
        if reply.code in UNKNOWN_NUMBER:
            return RefundResult(number, RefundState.NOT_FOUND)
        if reply.status != 200:
            _refuse(reply)
        return _refund(_read(reply.body, _Refund), number, charge_number)

    def bill(self, day: date) -> AsyncIterator[BillLine]:
        """See Channel."""
        return bill_lines(self._client, day)

    async def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """See Channel."""
        try:
            await self._client.require_signed(headers, body)
            envelope = _read(body, _Envelope)
            return self._notification(envelope, self._client.opened(envelope.resource))
        except (Unproven, ProviderAway) as error:
            raise NotificationRefused(str(error)) from error

    def _notification(self, envelope: _Envelope, opened: bytes) -> Notification:
        if envelope.event_type.startswith("TRANSACTION."):
            document = _read(opened, _Trade)
            self._require_ours(document, document.out_trade_no)
            return Notification(envelope.id, trade=_trade(document))
        if envelope.event_type.startswith("REFUND."):
            document = _read(opened, _Refund)
            if document.mchid != self._settings.merchant_id:
                raise Unproven("it is another merchant's")
            return Notification(envelope.id, refund=_refund(document, document.out_refund_no, document.out_trade_no))
        raise Unproven("it tells of something that we did not ask for")

    def _require_ours(self, document: _Trade, number: str) -> None:
        ours = (self._settings.app_id, self._settings.merchant_id, number)
        if (document.appid, document.mchid, document.out_trade_no) != ours:
            raise ProviderAway("an answer about another app's, merchant's or order's charge")


def _trade_path(number: str) -> str:
    return f"/v3/pay/transactions/out-trade-no/{number}"


def _require_our_currency(currency: str) -> None:
    if currency != CURRENCY:
        raise ProviderRefused("currency", f"WeChat Pay takes {CURRENCY}, not {currency}")


def _read(body: bytes, kind: type[Document]) -> Document:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderAway("an answer that is not WeChat's") from None


def _trade(document: _Trade) -> Trade:
    amount = document.amount or _Amount()
    state = TRADE_STATES.get(document.trade_state)
    if state is None or (state is TradeState.SUCCEEDED and (amount.total is None or not document.transaction_id)):
        raise ProviderAway("an answer that says too little")
    return Trade(
        document.out_trade_no, state, document.transaction_id, amount.total, amount.currency,
        document.success_time if state is TradeState.SUCCEEDED else None,
    )  # fmt: skip


def _refund(document: _Refund, number: str, charge_number: str) -> RefundResult:
    state, amount = REFUND_STATES.get(document.status or document.refund_status), document.amount
    if (document.out_refund_no, document.out_trade_no, amount.currency) != (number, charge_number, CURRENCY):
        raise ProviderAway("an answer about another refund")
    if state is None or amount.refund is None:
        raise ProviderAway("an answer that says too little")
    return RefundResult(number, state, document.refund_id, amount.refund, document.success_time)


def _refuse(reply: Reply) -> Never:
    """What an answer with an error means. Only 4xx says that nothing was done."""
    code = reply.code
    if not 400 <= reply.status < 500 or not code or code in ("SYSTEM_ERROR", "SYSTEMERROR"):
        raise ProviderAway(f"status {reply.status} {code}")
    if code in OUR_FAULT:
        log.error("wechat pay refuses us", extra={"error_code": code})
    again = reply.status == 429 or code in AGAIN_LATER
    raise ProviderRefused(code, f"WeChat Pay answered {code}", final=not again)


__all__ = ["WechatPay", "WechatPaySettings"]
