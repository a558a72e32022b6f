"""A payment provider as it is in truth, by the rules of the real ones, and what goes wrong between it and us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from payments.domain.provider_words import Provider, RefundState, TradeState
from payments.providers.channel import (
    Charge,
    ProviderAway,
    ProviderRefused,
    RefundOrder,
    RefundResult,
    Trade,
)


class Fault(StrEnum):
    """What happens to the next request."""

    NONE = "none"
    LOST = "lost"
    """It does not arrive."""
    UNANSWERED = "unanswered"
    """It is done, and the answer is lost."""
    UNSENT = "unsent"
    """No connection."""
    BUSY = "busy"
    """A signed no; the same may succeed later."""
    LIE = "lie"
    """Another amount in the answer."""


@dataclass
class Charged:
    """A charge as it is in truth."""

    charge: Charge
    state: TradeState = TradeState.WAITING
    refunds: dict[str, int] = field(default_factory=dict)
    paid_at: datetime | None = None

    @property
    def paid_minor(self) -> int:
        """What the payer has paid."""
        return self.charge.amount_minor if self.state is TradeState.SUCCEEDED else 0

    @property
    def kept_minor(self) -> int:
        """And did not get back."""
        return self.paid_minor - sum(self.refunds.values())


class ModelProvider:
    """As much of payments.providers.channel.Channel as a payment needs."""

    provider = Provider.WECHAT

    def __init__(self) -> None:
        self.trades: dict[str, Charged] = {}
        self.fault = Fault.NONE
        """Of the next requests, until it is another one."""

    async def create(self, charge: Charge) -> Mapping[str, str]:
        """See Channel."""
        self._arrives()
        self.trades.setdefault(charge.number, Charged(charge))
        self._answers()
        return {"prepay_id": charge.number}

    async def query(self, number: str) -> Trade:
        """See Channel."""
        self._arrives()
        self._answers()
        known = self.trades.get(number)
        if known is None:
            return Trade(number, TradeState.NOT_FOUND)
        amount = known.charge.amount_minor + (self.fault is Fault.LIE)
        return Trade(number, known.state, f"t-{number}", amount, known.charge.currency, known.paid_at)

    async def close(self, number: str) -> None:
        """See Channel."""
        self._arrives()
        known = self.trades.get(number)
        if known is None:
            raise ProviderRefused("not_found", "no such charge")
        if known.state is TradeState.SUCCEEDED:
            raise ProviderRefused("paid", "somebody has paid it")
        known.state = TradeState.CLOSED
        self._answers()

    async def refund(self, order: RefundOrder) -> RefundResult:
        """See Channel."""
        self._arrives()
        known = self.trades[order.charge_number]
        if order.number not in known.refunds:
            assert order.charged_minor == known.charge.amount_minor
            if order.amount_minor > known.kept_minor:
                raise ProviderRefused("INVALID_REQUEST", "more than is left")
            known.refunds[order.number] = order.amount_minor
        self._answers()
        return self._refunded(known, order.number)

    async def query_refund(self, number: str, charge_number: str) -> RefundResult:
        """See Channel."""
        self._arrives()
        self._answers()
        return self._refunded(self.trades[charge_number], number)

    def pay(self, number: str) -> None:
        """The payer confirms, also what was closed: a payment that was under way counts."""
        trade = self.trades[number]
        trade.state, trade.paid_at = TradeState.SUCCEEDED, trade.paid_at or datetime.now(UTC)

    def _arrives(self) -> None:
        if self.fault in (Fault.LOST, Fault.UNSENT):
            raise ProviderAway("lost", was_sent=self.fault is Fault.LOST)
        if self.fault is Fault.BUSY:
            raise ProviderRefused("busy", "try again", final=False)

    def _answers(self) -> None:
        if self.fault is Fault.UNANSWERED:
            raise ProviderAway("no answer")

    def _refunded(self, known: Charged, number: str) -> RefundResult:
        if number not in known.refunds:
            return RefundResult(number, RefundState.NOT_FOUND)
        return RefundResult(number, RefundState.SUCCEEDED, f"r-{number}", known.refunds[number])
