"""What Alipay says of a charge, in an answer or a notification. Pure."""

from datetime import datetime

import msgspec

from payments.providers.bill_files import minor_of
from payments.providers.channel import ProviderAway, Trade, TradeState
from servicekit.alipay_gateway import TIME_FORMAT, ZONE

CURRENCY = "CNY"
SUCCESS = "10000"
WAITING = "WAIT_BUYER_PAY"
PAID = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
CLOSED = "TRADE_CLOSED"


class Reply(msgspec.Struct):
    """What every answer of Alipay's holds."""

    code: str = SUCCESS
    sub_code: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return self.code == SUCCESS and not self.sub_code


class TradeReply(Reply):
    """The answer to a query."""

    out_trade_no: str = ""
    trade_no: str = ""
    trade_status: str = ""
    total_amount: str = ""
    trans_currency: str = CURRENCY
    send_pay_date: str = ""
    """When it was paid; empty where it never was."""


def trade_of(reply: TradeReply, number: str) -> Trade:
    """The charge. Raises ProviderAway where the answer is about another one, or says too little.

    A charge that was never paid and one that went back whole are both TRADE_CLOSED: that it was paid once is what
    tells them apart.
    """
    if reply.out_trade_no != number:
        raise ProviderAway("an answer about another charge")
    if reply.trade_status == WAITING:
        state = TradeState.WAITING
    elif reply.trade_status in PAID or (reply.trade_status == CLOSED and reply.send_pay_date):
        state = TradeState.SUCCEEDED
    elif reply.trade_status == CLOSED:
        state = TradeState.CLOSED
    else:
        raise ProviderAway("an answer with a state that we do not know")
    try:
        amount = minor_of(reply.total_amount) if reply.total_amount else None
        paid_at = moment(reply.send_pay_date)
    except ValueError:
        raise ProviderAway("an answer that is not Alipay's") from None
    if state is TradeState.SUCCEEDED and (amount is None or not reply.trade_no):
        raise ProviderAway("an answer that says too little")
    return Trade(
        number, state, reply.trade_no or None, amount, reply.trans_currency,
        paid_at if state is TradeState.SUCCEEDED else None,
    )  # fmt: skip


def moment(text: str) -> datetime | None:
    """A time as Alipay writes it; None where it writes none. Raises ValueError for anything else."""
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=ZONE) if text else None
