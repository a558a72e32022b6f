"""Alipay's asynchronous notifications: a form, signed over its decoded values. Pure.

See "asynchronous notifications" of https://opendocs.alipay.com/open.
"""

from datetime import datetime
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.providers.alipay_trades import TradeReply, moment, trade_of
from payments.providers.channel import Notification, NotificationRefused, ProviderAway, RefundResult, RefundState
from servicekit import alipay_signing as signing

MAX_FIELDS = 100


def read(
    body: bytes, key: RSAPublicKey, app_id: str, seller_id: str, now: datetime, life_seconds: float
) -> Notification:
    """The notification that these bytes are. Raises NotificationRefused."""
    try:
        form = _form(body)
        signature = form.pop("sign", "")
        if form.pop("sign_type", "") != "RSA2" or not signing.is_signed(signing.text_to_sign(form), signature, key):
            raise NotificationRefused("its signature is not good")
        sent_at = moment(form.get("notify_time", ""))
        if sent_at is None or abs((now - sent_at).total_seconds()) >= life_seconds:
            raise NotificationRefused("it is of another time")
        if (form.get("app_id"), form.get("seller_id")) != (app_id, seller_id):
            raise NotificationRefused("it is another app's, or another seller's")
        return _notification(form)
    except (ProviderAway, ValueError) as error:
        raise NotificationRefused("it is not Alipay's") from error


def _form(body: bytes) -> dict[str, str]:
    """The fields. Raises ValueError where a name comes twice: one could be signed and the other be read."""
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
                      max_num_fields=MAX_FIELDS)  # fmt: skip
    form = dict(pairs)
    if len(form) != len(pairs):
        raise ValueError("a name comes twice")
    return form


def _notification(form: dict[str, str]) -> Notification:
    """Of a refund where it names one: its amount is of all refunds together, so that says nothing."""
    reply = TradeReply(
        out_trade_no=form.get("out_trade_no", ""), trade_no=form.get("trade_no", ""),
        trade_status=form.get("trade_status", ""), total_amount=form.get("total_amount", ""),
        send_pay_date=form.get("gmt_payment", ""),
    )  # fmt: skip
    trade, name = trade_of(reply, reply.out_trade_no), form.get("notify_id", "")
    if not name or not trade.number:
        raise ValueError("it names no charge")
    if form.get("refund_fee") and (number := form.get("out_biz_no")):
        return Notification(name, refund=RefundResult(number, RefundState.SUCCEEDED))
    return Notification(name, trade=trade)
