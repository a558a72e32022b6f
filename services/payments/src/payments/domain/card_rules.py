"""The law of prepaid cards, as data: how much one may hold, and for how long. Pure.

A currency without a row has no cards here: nobody has read its law yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CardRules:
    """What holds for the cards of a currency; amounts in its minor units."""

    time_zone: str
    """In which a card's days are counted."""
    named_max_minor: int
    """The most on a card whose holder is known by real name."""
    anonymous_max_minor: int
    anonymous_years: int
    """How long an anonymous card lives at least, and here: no longer. A named one does not expire."""
    real_name_from_minor: int
    """A recharge of so much or more needs a real name."""


CARD_RULES: Mapping[str, CardRules] = {
    # Measures for single-purpose prepaid cards, Ministry of Commerce 2012 no. 9, articles 15, 18 and 19.
    "CNY": CardRules("Asia/Shanghai", 500_000, 100_000, 3, 1_000_000),
}


@dataclass(frozen=True, slots=True)
class CapRefusal:
    """A recharge that would break a rule: which, and what may still be put on the card."""

    rule: str
    text: str
    limit: int
    remaining: int


def recharge_refusal(currency: str, balance_minor: int, amount_minor: int, *, named: bool, cards: int = 1
                     ) -> CapRefusal | None:  # fmt: skip
    """Why so much may not be put on an account that this many cards draw on; None where it may be.

    A company's account holds at most what its cards could hold each by itself, so that it is no way around the cap.
    """
    rules = CARD_RULES[currency]
    limit = (rules.named_max_minor if named else rules.anonymous_max_minor) * cards
    remaining = max(0, limit - balance_minor)
    if amount_minor >= rules.real_name_from_minor and not named:
        text = f"From {rules.real_name_from_minor} minor units on a recharge needs its holder's real name."
        return CapRefusal("real_name", text, rules.real_name_from_minor, remaining)
    if amount_minor > remaining:
        more = "" if named else " Name its holder to raise that."
        text = f"At most {limit} minor units may be on it: {remaining} may still be put there.{more}"
        return CapRefusal("named_max" if named else "anonymous_max", text, limit, remaining)
    return None


def expiry_of(currency: str, opened_at: datetime, *, named: bool) -> datetime | None:
    """When a card that was opened then ends; None: never."""
    if named:
        return None
    year = opened_at.year + CARD_RULES[currency].anonymous_years
    try:
        return opened_at.replace(year=year)
    except ValueError:  # the 29th of February
        return opened_at.replace(year=year, month=3, day=1)
