"""Amounts and litres: integer minor units, integer thousandths per litre, integer millilitres. Never a float.

The rules are those of the orders that are paid (payments): a quote that was a cent off would be a broken promise.
"""

from schemas.vocabulary import mills_per_minor_unit

MAX_VOLUME_ML = 5_000_000
"""A lorry's tanks hold less."""
MAX_MINOR = 10**10
"""More than any fill costs, in any currency."""


def amount_of(volume_ml: int, price_mills: int, currency: str) -> int:
    """What so much fuel costs, in minor units, rounded half up as a pump's display does (OIML R 117-1, 3.3)."""
    unit = 1_000 * mills_per_minor_unit(currency)
    return (2 * volume_ml * price_mills + unit) // (2 * unit)


def volume_for(amount_minor: int, price_mills: int, currency: str) -> int:
    """The most millilitres that cost no more than the amount, rounding included."""
    unit = 1_000 * mills_per_minor_unit(currency)
    return (unit * (2 * amount_minor + 1) - 1) // (2 * price_mills)


def whole_amount_of(volume_ml: int, mills: int, currency: str) -> int:
    """What so many thousandths off each litre come to, in whole minor units: what is begun is not given."""
    return volume_ml * mills // (1_000 * mills_per_minor_unit(currency))


def amount_text(minor: int, currency: str) -> str:
    """An amount for people: `200.00 CNY`."""
    digits = 3 - (len(str(mills_per_minor_unit(currency))) - 1)
    whole, rest = divmod(minor, 10**digits)
    return (f"{whole:,}.{rest:0{digits}}" if digits else f"{whole:,}") + f" {currency}"


def litres_text(volume_ml: int) -> str:
    """A volume for people, in litres (or kilograms): `30` or `32.5`."""
    whole, rest = divmod(volume_ml, 1_000)
    return f"{whole:,}" + (f".{rest:03}".rstrip("0") if rest else "")
