"""Who a card's holder is by law: a real name and a document of identity. Pure."""

import re
from dataclasses import dataclass

_RESIDENT = re.compile(r"[1-9]\d{16}[\dX]")
_PASSPORT = re.compile(r"[A-Z0-9]{5,17}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose card it is; personal data, both of them."""

    name: str
    document: str


def document_of(text: str) -> str:
    """The number of a resident identity card (GB 11643-1999, its check digit good) or of a passport.

    Raises ValueError, whose text does not repeat it.
    """
    number = "".join(text.split()).upper()
    if _RESIDENT.fullmatch(number):
        total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number[:-1], strict=True))
        if _CHECKS[total % 11] == number[-1]:
            return number
    elif _PASSPORT.fullmatch(number):
        return number
    raise ValueError("this is no number of a resident identity card (18 characters) or a passport")


def shown_document(document: str) -> str:
    """The first six and the last four characters, of a short one the last two: what it is shown by."""
    if len(document) < 12:
        return "*" * (len(document) - 2) + document[-2:]
    return document[:6] + "*" * (len(document) - 10) + document[-4:]
