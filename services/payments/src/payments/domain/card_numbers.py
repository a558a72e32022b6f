"""Numbers of fuel cards: 16 to 19 digits, the last one a check digit (ISO/IEC 7812-1). Pure but for chance."""

import re
import secrets

DIGITS = 16
MIN_DIGITS, MAX_DIGITS = 16, 19
_GAPS = re.compile(r"[\s-]+")


class BadNumber(ValueError):
    """This is no card number; the text does not repeat it."""

    def __init__(self) -> None:
        super().__init__(f"This is no card number: send the {MIN_DIGITS} to {MAX_DIGITS} digits on the card.")


def number_of(text: str) -> str:
    """The digits of a number as somebody wrote it. Raises BadNumber."""
    digits = _GAPS.sub("", text)
    if not (MIN_DIGITS <= len(digits) <= MAX_DIGITS and digits.isascii() and digits.isdigit()):
        raise BadNumber
    if check_digit(digits[:-1]) != digits[-1]:
        raise BadNumber
    return digits


def new_number(prefix: str) -> str:
    """A random number that begins with the issuer's digits."""
    digits = prefix + "".join(secrets.choice("0123456789") for _ in range(DIGITS - 1 - len(prefix)))
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """The digit that completes these by Luhn's rule: every second one doubled, from the right."""
    total = sum(sum(divmod(int(digit) * 2, 10)) if even else int(digit) for even, digit in _from_right(digits))
    return str(-total % 10)


def _from_right(digits: str) -> list[tuple[bool, str]]:
    return [(position % 2 == 0, digit) for position, digit in enumerate(reversed(digits))]


def masked(number: str) -> str:
    """The first six and the last four digits: what a number is shown by."""
    return number[:6] + "*" * (len(number) - 10) + number[-4:]
