"""What a seller sends to Alipay (biz_content), checked as it checks. Amounts are yuan there and fen here."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from simulators.alipay import ZONE

YUAN = re.compile(r"^(0|[1-9]\d{0,8})(\.\d{1,2})?$")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
OutTradeNo = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_\-]+$")]


def fen_of(yuan: Any) -> int:
    """An amount in fen, exactly. Raises ValueError where it is none, or nothing."""
    if not isinstance(yuan, str) or not YUAN.fullmatch(yuan):
        raise ValueError("an amount in yuan with at most two decimals, as a text")
    whole, _, part = yuan.partition(".")
    fen = int(whole) * 100 + int(part.ljust(2, "0"))
    if not fen:
        raise ValueError("at least 0.01")
    return fen


def yuan_of(fen: int) -> str:
    """Fen as yuan, exactly."""
    return f"{fen // 100}.{fen % 100:02}"


def moment(at: datetime) -> str:
    """The way Alipay writes a time: in China's zone, without naming it."""
    return at.astimezone(ZONE).strftime(TIME_FORMAT)


def _moment_of(text: Any) -> datetime:
    return datetime.strptime(str(text), TIME_FORMAT).replace(tzinfo=ZONE)


Fen = Annotated[int, BeforeValidator(fen_of)]


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True)


class TradeOrder(_Sent):
    """alipay.trade.create."""

    out_trade_no: OutTradeNo
    total_amount: Fen
    subject: Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^/=&]+$")]
    product_code: Literal["JSAPI_PAY"]
    op_app_id: str
    buyer_open_id: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    seller_id: str | None = None
    time_expire: Annotated[datetime | None, BeforeValidator(_moment_of)] = None


class _OneTrade(_Sent):
    out_trade_no: OutTradeNo | None = None
    trade_no: str | None = None

    @model_validator(mode="after")
    def _names_a_trade(self) -> "_OneTrade":
        if self.out_trade_no is None and self.trade_no is None:
            raise ValueError("out_trade_no or trade_no")
        return self


class TradeName(_OneTrade):
    """alipay.trade.query and alipay.trade.close."""


class RefundRequest(_OneTrade):
    """alipay.trade.refund."""

    refund_amount: Fen
    out_request_no: OutTradeNo | None = None
    refund_reason: Annotated[str, StringConstraints(max_length=256)] = ""


class RefundName(_OneTrade):
    """alipay.trade.fastpay.refund.query."""

    out_request_no: OutTradeNo
    query_options: list[str] = []


class BillName(_Sent):
    """alipay.data.dataservice.bill.downloadurl.query."""

    bill_type: Literal["trade"]
    bill_date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
