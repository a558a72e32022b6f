"""What a litre really costs: the pump price, less a campaign that holds for everyone, plus the way there and back.

All are integers. Roundings never promise too much: a discount is rounded down, a cost is rounded up. Functions take
one number or an array of them. Of grades that are sold by kilogram, read gram for millilitre.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.vocabulary import mills_per_minor_unit

Number = TypeVar("Number", int, NDArray[np.int64])

CIRCUITY_TENTHS = 13
"""A way by road is about 1.3 times as long as the straight line, and Forecourt has no road network to ask. (Germany has
1.32 in Ballou, Rahardja and Sakai, "Selected country circuity factors for travel distance estimation", 2002.)"""
MOST_MILLS = 10_000_000


def detour_m(distance_m: Number) -> Number:
    """Metres of driving to a place that lies so far off as the crow flies, and back."""
    return -(-2 * distance_m * CIRCUITY_TENTHS // 10)


def detour_mills_per_litre(detour_m: Number, consumption_ml: int, volume_ml: int, price_mills: Number) -> Number:
    """The fuel burnt on the detour at the pump price, spread over the litres that are bought.

    `consumption_ml` is per 100 km. At most 13 * 10^16 for the largest of all inputs, so 64 bits hold it.
    """
    return -(-detour_m * consumption_ml * price_mills // (100_000 * volume_ml))


def detour_minor_units(detour_m: int, consumption_ml: int, price_mills: int, currency: str) -> int:
    """The same for the whole fill."""
    return -(-detour_m * consumption_ml * price_mills // (100_000 * 1_000 * mills_per_minor_unit(currency)))
