"""Words that services share: grades of fuel, currencies and their units."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field


class Fuel(StrEnum):
    """One vocabulary of grades for every country. Germany's feed calls them Super E5, Super E10 and Diesel (B7)."""

    PETROL_92 = "petrol_92"
    PETROL_95 = "petrol_95"
    PETROL_98 = "petrol_98"
    E5 = "e5"
    E10 = "e10"
    E85 = "e85"
    DIESEL_B0 = "diesel_b0"
    DIESEL_B7 = "diesel_b7"
    PREMIUM_PETROL = "premium_petrol"
    PREMIUM_DIESEL = "premium_diesel"
    LPG = "lpg"
    CNG = "cng"
    ADBLUE = "adblue"
    HYDROGEN = "hydrogen"

    __hash__ = str.__hash__  # an enum's own is Python code, and grades are keys in every hot path


class PumpStatus(StrEnum):
    """What a pump does now, from the driver's arrival to the receipt."""

    FREE = "free"
    IN_USE = "in_use"
    READY_TO_PAY = "ready_to_pay"
    LOCKED = "locked"
    IN_TRANSACTION = "in_transaction"
    OUT_OF_ORDER = "out_of_order"


PriceMills = Annotated[int, Field(ge=1, le=10_000_000, strict=True)]
"""A unit price: integer thousandths of the currency's major unit per litre (per kilogram for CNG and hydrogen)."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code")]
"""An ISO 4217 currency code."""

Region = Annotated[
    str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", description="ISO 3166: a country (AT) or a subdivision (CN-GD)")
]
"""Where rules and price levels hold: a country or one of its subdivisions."""

Version = Annotated[int, Field(ge=1, description="Grows by one with each change of the aggregate")]

_WITHOUT_MINOR_UNITS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)  # fmt: skip
_WITH_THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def mills_per_minor_unit(currency: str) -> int:
    """A cent is 10 mills, a yen is 1,000, a fils is 1 (ISO 4217)."""
    if currency in _WITH_THOUSANDTHS:
        return 1
    return 1_000 if currency in _WITHOUT_MINOR_UNITS else 10
