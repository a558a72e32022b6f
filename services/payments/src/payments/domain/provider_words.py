"""Payment providers, and what they say of a charge or a refund, in our words."""

from enum import StrEnum


class Provider(StrEnum):
    """Who moves the money."""

    WECHAT = "wechat"
    ALIPAY = "alipay"


class TradeState(StrEnum):
    """What became of a charge."""

    WAITING = "waiting"
    """Nobody has paid yet; it can still be paid."""
    SUCCEEDED = "succeeded"
    """Paid; refunds do not change that."""
    CLOSED = "closed"
    """Not paid, and cannot be any more."""
    FAILED = "failed"
    NOT_FOUND = "not_found"
    """The provider does not know the number: nothing was charged. It may still be created by a request under way."""


class RefundState(StrEnum):
    """What became of a refund at the provider."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Refused, closed, or abnormal (the payer's account takes nothing): people must look."""
    NOT_FOUND = "not_found"
