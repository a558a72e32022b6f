"""Amounts and litres: integer minor units, integer thousandths per litre, integer millilitres. Never a float."""

from schemas.vocabulary import mills_per_minor_unit

MAX_MINOR = 10**12
"""More than any amount of one order, card or bill; sums of a million of them still fit 64 bits."""
MAX_VOLUME_ML = 5_000_000
"""A lorry's tanks hold less."""


def amount_of(volume_ml: int, price_mills: int, currency: str) -> int:
    """What so much fuel costs, in minor units, rounded half up as a pump's display does (OIML R 117-1, 3.3).

    Of grades that are sold by kilogram, read gram for millilitre.
    """
    unit = 1_000 * mills_per_minor_unit(currency)
    return (2 * volume_ml * price_mills + unit) // (2 * unit)


def volume_for(amount_minor: int, price_mills: int, currency: str) -> int:
    """The most millilitres that cost no more than the amount, rounding included."""
    unit = 1_000 * mills_per_minor_unit(currency)
    return (unit * (2 * amount_minor + 1) - 1) // (2 * price_mills)


def share_of(amount_minor: int, part: int, whole: int) -> int:
    """The part of an amount that belongs to a part of the whole, rounded half up; `whole` is above zero."""
    return (2 * amount_minor * part + whole) // (2 * whole)
