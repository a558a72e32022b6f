"""Alipay as a mini program uses it.

alipay.trade.create, query, close, refund and fastpay.refund.query of https://opendocs.alipay.com/open, with their codes
"""

import logging
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any, Never, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from payments.providers import alipay_notifications
from payments.providers.alipay_bills import bill_lines
from payments.providers.alipay_trades import CURRENCY, Reply, TradeReply, moment, trade_of
from payments.providers.bill_files import minor_of, yuan_of
from payments.providers.channel import (
    BillLine,
    Charge,
    Notification,
    Provider,
    ProviderAway,
    ProviderRefused,
    RefundOrder,
    RefundResult,
    RefundState,
    Trade,
    TradeState,
)
from servicekit.alipay_gateway import TIME_FORMAT, ZONE, AlipayGateway
from servicekit.outbound import TIMEOUT_SECONDS, BaseUrl, CodeRefused, Outbound, PlatformAway, TooOften

log = logging.getLogger(__name__)

NOTIFICATIONS_PATH = "/v1/webhooks/alipay"
MAX_SUBJECT = 256
CALL_LIMITED = "40005"
BUSINESS = "40004"
UNKNOWN_NUMBER = "ACQ.TRADE_NOT_EXIST"
NUMBER_TAKEN = frozenset({"ACQ.TRADE_HAS_SUCCESS", "ACQ.CONTEXT_INCONSISTENT", "ACQ.TRADE_BUYER_NOT_MATCH"})
"""Something happened under the number already, so nobody can say that nothing did."""
NOT_OPEN = frozenset({"ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS"})
"""Paid, or closed: to close it says no more."""
AGAIN_LATER = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH"})
UNKNOWN = frozenset({"ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR"})
"""A business error that says nothing of what was done."""
LOGIN_METHOD = "alipay.system.oauth.token"
RETRY_SECONDS = 60


class AlipayPaySettings(BaseModel):
    """A seller's app and keys; PAYMENTS_ALIPAY__APP_ID and so on."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    app_id: str
    seller_id: str = Field(pattern=r"^2088\d{12}$", description="Who gets the money: an account at Alipay")
    app_private_key: SecretStr = Field(description="Ours: PEM, or base64 of PKCS#1 or PKCS#8")
    platform_public_key: str = Field(description="Alipay's, for this app: PEM, or base64 of its SubjectPublicKeyInfo")
    base_url: BaseUrl = "https://openapi.alipay.com"
    bill_hosts: tuple[str, ...] = Field(
        ("dwbillcenter.alipay.com",), description="Where bills may be fetched from, beside base_url"
    )
    notification_seconds: int = Field(300, ge=1, le=86_400, description="How old a notification may be")
    timeout_seconds: float = Field(TIMEOUT_SECONDS, gt=0, le=30)


class _Login(Reply):
    open_id: str = ""
    user_id: str = ""


class _Created(Reply):
    out_trade_no: str = ""
    trade_no: str = ""


class _Refunded(Reply):
    out_trade_no: str = ""
    fund_change: str = ""
    gmt_refund_pay: str = ""


class _RefundReply(Reply):
    out_trade_no: str = ""
    out_request_no: str = ""
    refund_status: str = ""
    refund_amount: str = ""
    gmt_refund_pay: str = ""


Answer = TypeVar("Answer", bound=Reply)


class AlipayPay:
    """See `payments.providers.channel.Channel`. Raises ValueError where its keys are none."""

    provider = Provider.ALIPAY
    acknowledgement: tuple[int, bytes, str] = (200, b"success", "text/plain")

    def __init__(self, settings: AlipayPaySettings, http: Outbound, public_url: str) -> None:
        self._settings = settings
        self._http = http
        self._gateway = AlipayGateway(
            http, settings.base_url, settings.app_id, settings.app_private_key.get_secret_value(),
            settings.platform_public_key, settings.timeout_seconds,
        )  # fmt: skip
        self._notify_url = public_url.rstrip("/") + NOTIFICATIONS_PATH

    async def payer_of(self, code: str) -> str:
        """See Channel: the open_id; the user_id where an app is still of the older kind."""
        part = await self._gateway.call(LOGIN_METHOD, grant_type="authorization_code", code=code)
        reply = _read(part, _Login)
        if reply.sub_code == "isv.code-invalid":
            raise CodeRefused("Alipay's isv.code-invalid")
        if reply.code == CALL_LIMITED:
            raise TooOften(RETRY_SECONDS)
        if not reply.is_success or not (payer := reply.open_id or reply.user_id):
            raise PlatformAway(f"Alipay's {reply.code} {reply.sub_code}")
        return payer

    async def create(self, charge: Charge) -> Mapping[str, str]:
        """See Channel."""
        _require_our_currency(charge.currency)
        reply = await self._ask(_Created, "alipay.trade.create", {
            "out_trade_no": charge.number, "total_amount": yuan_of(charge.amount_minor),
            "subject": charge.description[:MAX_SUBJECT], "product_code": "JSAPI_PAY",
            "op_app_id": self._settings.app_id, "buyer_open_id": charge.payer_id,
            "seller_id": self._settings.seller_id,
            "time_expire": charge.expires_at.astimezone(ZONE).strftime(TIME_FORMAT),
        }, notify_url=self._notify_url)  # fmt: skip
        if reply.sub_code in NUMBER_TAKEN:
            raise ProviderAway(f"Alipay's {reply.sub_code}: the number was used")
        _require_success(reply)
        if reply.out_trade_no != charge.number or not reply.trade_no:
            raise ProviderAway("an answer about another charge")
        return {"tradeNO": reply.trade_no}

    async def query(self, number: str) -> Trade:
        """See Channel."""
        reply = await self._ask(TradeReply, "alipay.trade.query", {"out_trade_no": number})
        if reply.sub_code == UNKNOWN_NUMBER:
            return Trade(number, TradeState.NOT_FOUND)
        _require_success(reply)
        return trade_of(reply, number)

    async def close(self, number: str) -> None:
        """See Channel."""
        reply = await self._ask(Reply, "alipay.trade.close", {"out_trade_no": number})
        if reply.sub_code == UNKNOWN_NUMBER:
            raise ProviderRefused("not_found", "Alipay does not know the number")
        if reply.sub_code in NOT_OPEN or reply.sub_code in NUMBER_TAKEN:
            state = (await self.query(number)).state
            if state is TradeState.SUCCEEDED:
                raise ProviderRefused("paid", "somebody has paid it")
            if state in (TradeState.CLOSED, TradeState.FAILED):
                return
        _require_success(reply)

    async def refund(self, order: RefundOrder) -> RefundResult:
        """See Channel. Alipay refunds at once, and says only of the first of the same requests that money moved."""
        _require_our_currency(order.currency)
        reply = await self._ask(_Refunded, "alipay.trade.refund", {
            "out_trade_no": order.charge_number, "out_request_no": order.number,
            "refund_amount": yuan_of(order.amount_minor), "refund_reason": order.reason[:MAX_SUBJECT],
        })  # fmt: skip
        _require_success(reply)
        if reply.out_trade_no != order.charge_number:
            raise ProviderAway("an answer about another charge")
        return await self.query_refund(order.number, order.charge_number)

    async def query_refund(self, number: str, charge_number: str) -> RefundResult:
        """See Channel."""
        reply = await self._ask(_RefundReply, "alipay.trade.fastpay.refund.query", {
            "out_trade_no": charge_number, "out_request_no": number, "query_options": ["gmt_refund_pay"],
        })  # fmt: skip
        if reply.sub_code == UNKNOWN_NUMBER:
            return RefundResult(number, RefundState.NOT_FOUND)
        _require_success(reply)
        if reply.refund_status != "REFUND_SUCCESS":
            return RefundResult(number, RefundState.NOT_FOUND)
        if (reply.out_trade_no, reply.out_request_no) != (charge_number, number):
            raise ProviderAway("an answer about another refund")
        try:
            amount = minor_of(reply.refund_amount)
        except ValueError:
            raise ProviderAway("an answer that says too little") from None
        return RefundResult(number, RefundState.SUCCEEDED, number, amount, moment(reply.gmt_refund_pay))

    def bill(self, day: date) -> AsyncIterator[BillLine]:
        """See Channel."""
        return bill_lines(self._http, self._settings.base_url, self._settings.bill_hosts, self._bill_url, day)

    async def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """See Channel."""
        settings = self._settings
        return alipay_notifications.read(
            body, self._gateway.platform_key, settings.app_id, settings.seller_id, datetime.now(ZONE),
            settings.notification_seconds,
        )  # fmt: skip

    async def _bill_url(self, day: date) -> str:
        content = {"bill_type": "trade", "bill_date": day.isoformat()}
        reply = await self._ask(_BillReply, "alipay.data.dataservice.bill.downloadurl.query", content)
        if reply.sub_code == "isp.bill_not_exist":
            raise ProviderRefused("bill_not_ready", "Alipay has not made the day's bill yet", final=False)
        _require_success(reply)
        return reply.bill_download_url

    async def _ask(self, kind: type[Answer], method: str, content: Mapping[str, Any], **parameters: str) -> Answer:
        """The answer's signed part. Raises ProviderAway."""
        try:
            part = await self._gateway.call(method, biz_content=msgspec.json.encode(content).decode(), **parameters)
            return _read(part, kind)
        except PlatformAway as error:
            raise ProviderAway(str(error), was_sent=error.was_sent) from error


class _BillReply(Reply):
    bill_download_url: str = ""


def _read(part: str, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(part, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise PlatformAway("an answer that is not Alipay's") from None


def _require_our_currency(currency: str) -> None:
    if currency != CURRENCY:
        raise ProviderRefused("currency", f"Alipay takes {CURRENCY}, not {currency}")


def _require_success(reply: Reply) -> None:
    """Lets success through. Raises ProviderAway where an error says nothing of what was done, ProviderRefused else."""
    if reply.is_success:
        return
    code = reply.sub_code or reply.code
    if reply.sub_code in UNKNOWN or reply.code not in (BUSINESS, CALL_LIMITED, "40001", "40002", "40003", "40006"):
        raise ProviderAway(f"Alipay's {reply.code} {code}")
    _refuse(reply, code)


def _refuse(reply: Reply, code: str) -> Never:
    if reply.code not in (BUSINESS, CALL_LIMITED):
        log.error("alipay refuses us", extra={"error_code": reply.code, "sub_code": reply.sub_code})
    again = reply.code == CALL_LIMITED or code in AGAIN_LATER
    raise ProviderRefused(code, f"Alipay answered {code}", final=not again)
