"""A driver's month: what was paid, what went back, and what is on the cards, adding up to the minor unit. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from payments.domain.records import Fill, Totals, sums_of, totals_of

MONTH_PATTERN = r"^20\d\d-(0[1-9]|1[0-2])$"
DEFAULT_ZONE = "Asia/Shanghai"
"""Where most drivers are. One zone holds for a whole bill, so that each payment is in exactly one month."""
MAX_LINES = 10_000
"""Of one bill: more than a lorry fleet's driver ever has."""


class BadMonth(ValueError):
    """No month, or no time zone, that a bill can be for; the text is for the caller."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in a time zone."""

    year: int
    month: int
    zone: ZoneInfo

    @property
    def starts_at(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=self.zone)

    @property
    def ends_at(self) -> datetime:
        """The first moment that is not in it any more."""
        return datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=self.zone)

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


def month_of(text: str, time_zone: str) -> Month:
    """The month that a text like `2026-11` names. Raises BadMonth."""
    if not re.fullmatch(MONTH_PATTERN, text, re.ASCII):
        raise BadMonth("A bill is for a month such as 2026-11, from 2000-01 to 2099-12.")
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: it names a folder of the database
        raise BadMonth("There is no such time zone; send one of the IANA database, such as Asia/Shanghai.") from None
    return Month(int(text[:4]), int(text[5:]), zone)


@dataclass(frozen=True, slots=True)
class RefundLine:
    """A refund that reached the driver in the month; its order may be of an earlier one."""

    refund_id: UUID
    order_id: UUID
    at: datetime
    station: str | None
    amount_minor: int
    currency: str
    method: str
    reason: str


@dataclass(frozen=True, slots=True)
class RechargeLine:
    """Money that was put on a card, or on a company's account, in the month."""

    recharge_id: UUID
    card_id: UUID | None
    at: datetime
    amount_minor: int
    currency: str
    method: str


@dataclass(frozen=True, slots=True)
class CardMonth:
    """A card's own account over the month, from the ledger."""

    card_id: UUID
    kind: str
    currency: str
    opening_minor: int
    movements: Mapping[str, int]
    """What came (above zero) and went (below) by the kind of transfer."""

    @property
    def closing_minor(self) -> int:
        """What is on it at the end."""
        return self.opening_minor + sum(self.movements.values())


@dataclass(frozen=True, slots=True)
class CurrencyBill:
    """All of one currency."""

    currency: str
    totals: Totals
    fills: tuple[Fill, ...]
    refunds: tuple[RefundLine, ...]
    recharges: tuple[RechargeLine, ...]
    cards: tuple[CardMonth, ...]

    @property
    def refunded_minor(self) -> int:
        """What went back in the month, also of earlier months' orders."""
        return sum(refund.amount_minor for refund in self.refunds)

    @property
    def net_minor(self) -> int:
        """What fuelling cost in the month: paid less refunded. It may be below zero."""
        return self.totals.paid_minor - self.refunded_minor

    @property
    def recharged_minor(self) -> int:
        """What was put on cards."""
        return sum(recharge.amount_minor for recharge in self.recharges)


@dataclass(frozen=True, slots=True)
class Bill:
    """A driver's bill of a month; no currency is in it where nothing happened."""

    month: Month
    is_complete: bool
    """Whether the month is over; until then it may grow."""
    currencies: tuple[CurrencyBill, ...]


class _HasCurrency(Protocol):
    @property
    def currency(self) -> str: ...


Line = TypeVar("Line", bound=_HasCurrency)


def bill_of(
    month: Month, now: datetime, fills: Iterable[Fill], refunds: Iterable[RefundLine],
    recharges: Iterable[RechargeLine], cards: Iterable[CardMonth],
) -> Bill:  # fmt: skip
    """The bill that these lines of the month make."""
    fills, refunds, recharges, cards = list(fills), list(refunds), list(recharges), list(cards)
    currencies = sorted({line.currency for line in (*fills, *refunds, *recharges, *cards)})
    totals = {one.currency: one for one in totals_of(sums_of(fills))}
    return Bill(
        month, month.ends_at <= now,
        tuple(
            CurrencyBill(
                currency, totals.get(currency, Totals(currency, ())), _of(currency, fills), _of(currency, refunds),
                _of(currency, recharges), _of(currency, cards),
            )
            for currency in currencies
        ),
    )  # fmt: skip


def _of(currency: str, lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.currency == currency)
