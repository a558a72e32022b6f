"""What a merchant sends to WeChat Pay, checked as it checks: names, lengths, characters. Amounts are fen."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

OutTradeNo = Annotated[str, StringConstraints(min_length=6, max_length=32, pattern=r"^[0-9A-Za-z_\-|*]+$")]
OutRefundNo = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_\-|*@]+$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=127)]
Url = Annotated[str, StringConstraints(max_length=255, pattern=r"^https?://[^?#\s]+$")]
"""No query is allowed; the real one takes https only."""
MAX_FEN = 100_000_000_00


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Amount(_Sent):
    """What is charged."""

    total: int = Field(ge=1, le=MAX_FEN)
    currency: Annotated[str, StringConstraints(pattern="^CNY$")] = "CNY"


class Payer(_Sent):
    """Who pays: their id within the merchant's app."""

    openid: Annotated[str, StringConstraints(min_length=1, max_length=128)]


class JsapiOrder(_Sent):
    """POST /v3/pay/transactions/jsapi."""

    appid: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    mchid: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    description: Text
    out_trade_no: OutTradeNo
    time_expire: Annotated[AwareDatetime | None, Field(strict=False)] = None
    attach: Annotated[str, StringConstraints(max_length=128)] = ""
    notify_url: Url
    amount: Amount
    payer: Payer


class CloseRequest(_Sent):
    """POST .../close."""

    mchid: str


class RefundAmount(_Sent):
    """How much of how much goes back."""

    refund: int = Field(ge=1, le=MAX_FEN)
    total: int = Field(ge=1, le=MAX_FEN)
    currency: Annotated[str, StringConstraints(pattern="^CNY$")] = "CNY"


class RefundRequest(_Sent):
    """POST /v3/refund/domestic/refunds."""

    transaction_id: str | None = None
    out_trade_no: OutTradeNo | None = None
    out_refund_no: OutRefundNo
    reason: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = None
    notify_url: Url | None = None
    amount: RefundAmount

    @model_validator(mode="after")
    def _names_one_trade(self) -> "RefundRequest":
        if (self.transaction_id is None) == (self.out_trade_no is None):
            raise ValueError("one of transaction_id and out_trade_no")
        return self


def is_day(text: str) -> bool:
    """Whether it is a day, YYYY-MM-DD."""
    try:
        return len(text) == 10 and bool(datetime.strptime(text, "%Y-%m-%d"))
    except ValueError:
        return False
