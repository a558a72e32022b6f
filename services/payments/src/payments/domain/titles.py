"""Whom an invoice is for: a person, or an organisation with its taxpayer number. Pure."""

from dataclasses import dataclass
from enum import StrEnum

MAX_TITLES = 20
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Of a social credit code: neither I, O, S, V nor Z, which are mistaken for digits and each other."""
LENGTH = 18


class TitleKind(StrEnum):
    """Who buys."""

    INDIVIDUAL = "individual"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Title:
    """A buyer as an invoice names it; all of it is personal data."""

    kind: TitleKind
    name: str
    taxpayer_id: str | None = None
    address: str | None = None
    phone: str | None = None
    bank_name: str | None = None
    bank_account: str | None = None
    email: str | None = None


class BadTitle(ValueError):
    """The title cannot be on an invoice; `field` is what is wrong with it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


def require_good(title: Title) -> None:
    """Lets a title through that may be on an invoice. Raises BadTitle."""
    if title.kind is TitleKind.INDIVIDUAL:
        if title.taxpayer_id is not None:
            raise BadTitle("taxpayer_id", "An individual's title has no taxpayer number; leave it out.")
        return
    if title.taxpayer_id is None:
        raise BadTitle("taxpayer_id", "An organisation's title needs its taxpayer number.")
    if not is_credit_code(title.taxpayer_id):
        raise BadTitle("taxpayer_id", "This is no social credit code of 18 signs; look whether a sign is mistyped.")


def is_credit_code(text: str) -> bool:
    """Whether it is a unified social credit code (GB 32100-2015): its last sign checks the others."""
    if len(text) != LENGTH or any(sign not in _SIGNS for sign in text):
        return False
    return _SIGNS[check_value(text[:-1])] == text[-1]


def check_value(first_signs: str) -> int:
    """The value of the check sign: the weights are the powers of 3 modulo 31."""
    total = sum(_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(first_signs))
    return -total % 31
