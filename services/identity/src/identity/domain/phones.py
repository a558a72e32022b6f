"""Phone numbers that a text message can reach, in one form."""

from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

DEFAULT_REGION = "CN"
"""Whose a number without a country code is."""
MAX_CHARACTERS = 32
PREFIX_DIGITS = 3
LANGUAGES = ("zh", "en")
CHINESE_SPEAKING = frozenset({86, 852, 853, 886})
_REACHED = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
"""Some plans do not tell the two apart. All others get no text, or cost whoever sends one: premium and the like."""


class PhoneError(ValueError):
    """It is no number that a text message can reach; the text says what to send, and repeats nothing."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A number that a text message can reach."""

    number: str
    """E.164: `+` and at most 15 digits."""
    country: int
    prefix: str
    """Country code and first digits: numbers that one seller could own."""

    @property
    def language(self) -> str:
        """In which language to write to it: `zh` or `en`."""
        return "zh" if self.country in CHINESE_SPEAKING else "en"


def parse_phone(text: str) -> Phone:
    """The phone that a person means. Raises PhoneError."""
    if len(text) > MAX_CHARACTERS:
        raise PhoneError("a phone number is shorter")
    try:
        parsed = phonenumbers.parse(text, DEFAULT_REGION)
    except NumberParseException as error:
        raise PhoneError("that is no phone number: send it with its country code, like +8613800138000") from error
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        raise PhoneError("there is no such phone number: check its digits and country code")
    if phonenumbers.number_type(parsed) not in _REACHED:
        raise PhoneError("a text message cannot reach that number: send a mobile phone's")
    national = phonenumbers.national_significant_number(parsed)
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    country = int(parsed.country_code or 0)
    return Phone(number, country, f"+{country}{national[:PREFIX_DIGITS]}")
