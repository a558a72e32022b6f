"""How a card comes to a driver: proof that one has it in the hand, codes of invitations. Pure but for chance."""

import hashlib
import re
import secrets
import unicodedata
from datetime import timedelta

MAX_WRONG_CODES = 5
"""Of one physical card; after them it needs a new activation code."""
MAX_WRONG_BINDINGS = 10
"""Of one driver within FORGET_WRONG_AFTER, whatever the cards."""
FORGET_WRONG_AFTER = timedelta(days=1)
INVITATION_LIFE = timedelta(days=14)
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that nobody takes for another."""
_CODE_CHARACTERS = 20
_GAPS = re.compile(r"[\s·•.\-]+")


def activation_code_of(text: str) -> str:
    """A code as it is compared: upper case, no gaps."""
    return _folded(text)


def plate_of(text: str) -> str:
    """A number plate as it is compared: upper case, no gaps."""
    return _folded(text)


def new_code() -> str:
    """A code of 100 random bits, in groups of five for whoever types it."""
    letters = [secrets.choice(_ALPHABET) for _ in range(_CODE_CHARACTERS)]
    return "-".join("".join(letters[start : start + 5]) for start in range(0, _CODE_CHARACTERS, 5))


def code_hash(code: str) -> bytes:
    """What is kept of such a code: it is too random to be guessed from a hash."""
    return hashlib.sha256(_folded(code).encode()).digest()


def _folded(text: str) -> str:
    return _GAPS.sub("", unicodedata.normalize("NFKC", text)).upper()
