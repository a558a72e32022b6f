"""What every payment provider can do for us, in our words: the Protocol behind which WeChat Pay and Alipay stand.

No answer and an answer that proves nothing are the same: UNKNOWN. Only an answer that the provider signed says that
money moved, or that it did not.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from payments.domain.bill_lines import BillKind as BillKind
from payments.domain.bill_lines import BillLine as BillLine
from payments.domain.provider_words import Provider, RefundState, TradeState


class ProviderAway(Exception):
    """No answer, or none that proves anything. `was_sent`: it may have done what it was asked all the same."""

    def __init__(self, reason: str, *, was_sent: bool = True) -> None:
        super().__init__(reason)
        self.was_sent = was_sent


class ProviderRefused(Exception):
    """A signed answer that says no, so nothing happened. `code` is the provider's own; `reason` is our words.

    Codes of ours: `currency` (nobody was asked), `paid` and `not_found` of `close`, `bill_not_ready` of `bill`.
    """

    def __init__(self, code: str, reason: str, *, final: bool = True) -> None:
        super().__init__(reason)
        self.code = code
        self.final = final
        """False: the same request may succeed later (a rate limit, a system busy)."""


class NotificationRefused(Exception):
    """A notification that proves nothing: signature, time, key or contents are not good. Nothing was stored."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What a payer is to confirm on the phone. `number` is ours (out_trade_no): one for each attempt."""

    number: str
    amount_minor: int
    currency: str
    description: str
    payer_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Trade:
    """A charge as the provider has it. Whoever uses it compares amount and currency with our own attempt."""

    number: str
    state: TradeState
    trade_id: str | None = None
    """The provider's own number."""
    amount_minor: int | None = None
    currency: str | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund of a charge, whole or in part. `number` is ours (out_refund_no): the same one never refunds twice."""

    number: str
    charge_number: str
    amount_minor: int
    charged_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundResult:
    """A refund as the provider has it."""

    number: str
    state: RefundState
    refund_id: str | None = None
    amount_minor: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A provider's word, its signature, time, app and merchant found good. `id` is the same each time it is sent."""

    id: str
    trade: Trade | None = None
    refund: RefundResult | None = None


class Channel(Protocol):
    """One provider. Every method but `notification` may raise ProviderAway; what asks for a change, ProviderRefused."""

    provider: Provider

    async def payer_of(self, code: str) -> str:
        """The payer's id within our app, for a code that the payer's phone got (wx.login, my.getAuthCode).

        Raises CodeRefused of servicekit.outbound.
        """
        ...

    async def create(self, charge: Charge) -> Mapping[str, str]:
        """What the payer's phone needs to ask for the confirmation. The same charge again gives the same."""
        ...

    async def query(self, number: str) -> Trade:
        """The charge as it is now."""
        ...

    async def close(self, number: str) -> None:
        """Nobody can pay it any more. ProviderRefused with code `paid` where somebody has, `not_found` where the number
        is not known: a request under way may still create it."""
        ...

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Starts it, or says how far it is."""
        ...

    async def query_refund(self, number: str, charge_number: str) -> RefundResult:
        """The refund as it is now."""
        ...

    def bill(self, day: date) -> AsyncIterator[BillLine]:
        """The lines of a day (of the provider's time zone), read while they are asked for.

        ProviderRefused with code `bill_not_ready` until the provider has made its file.
        """
        ...

    async def notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """The notification that these very bytes are. Raises NotificationRefused."""
        ...

    acknowledgement: tuple[int, bytes, str]
    """Status, body and media type that tell the provider to stop sending."""
