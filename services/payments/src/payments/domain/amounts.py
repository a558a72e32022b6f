"""Numbers for people: amounts, volumes and prices as decimal texts, exactly. Pure."""

from schemas.vocabulary import mills_per_minor_unit


def amount_text(minor: int, currency: str, *, grouped: bool = False) -> str:
    """An amount in major units, `-1234.50`; grouped for reading, `-1,234.50`."""
    digits = 3 - (len(str(mills_per_minor_unit(currency))) - 1)
    return _decimal(minor, digits, digits, grouped=grouped)


def volume_text(millilitres: int, *, grouped: bool = False) -> str:
    """Litres (or kilograms of grams), `32.10`; a third decimal only where it says something."""
    return _decimal(millilitres, 3, 2, grouped=grouped)


def price_text(mills: int) -> str:
    """A unit price in major units, `7.85` or `1.859`."""
    return _decimal(mills, 3, 2)


def decimal_text(value: int, digits: int) -> str:
    """A whole number of 10^-digits as a decimal, without zeros at its end: `12.29193342`."""
    return _decimal(value, digits, 0)


def _decimal(value: int, digits: int, at_least: int, *, grouped: bool = False) -> str:
    """`value` x 10^-digits, with `at_least` so many decimals."""
    whole, rest = divmod(abs(value), 10**digits)
    decimals = f"{rest:0{digits}}" if digits else ""
    while len(decimals) > at_least and decimals.endswith("0"):
        decimals = decimals[:-1]
    sign = "-" if value < 0 else ""
    return f"{sign}{whole:{',' if grouped else ''}}" + (f".{decimals}" if decimals else "")
