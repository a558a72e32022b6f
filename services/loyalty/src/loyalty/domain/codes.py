"""Codes that stand for something for a while: to claim a coupon, to be shown at a counter. Pure but for chance."""

import re
import secrets
import unicodedata
from datetime import timedelta

CODE_CHARACTERS = 12
"""Of an alphabet of 32: 60 random bits."""
MOST_WRONG = 10
"""Of one caller within FORGET_WRONG_AFTER, whatever the codes are for."""
FORGET_WRONG_AFTER = timedelta(hours=1)
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that nobody takes for another."""
_GAPS = re.compile(r"[\s·•.\-]+")


def new_code() -> str:
    """A code that cannot be guessed, in groups of four for whoever types it."""
    letters = [secrets.choice(_ALPHABET) for _ in range(CODE_CHARACTERS)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, CODE_CHARACTERS, 4))


def code_of(text: str) -> str:
    """A code as it is compared: upper case, no gaps."""
    return _GAPS.sub("", unicodedata.normalize("NFKC", text)).upper()
