"""Where a station's price stands among those of its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_RADIUS_M = 50_000


@dataclass(frozen=True, slots=True)
class Position:
    """A station's price among all that sell the grade around it, itself included where it does.

    `rank` is one more than the number of stations that are cheaper, `tied` how many others ask the same; the rank and
    the differences are None where the station does not sell the grade, and prices are None where nobody does.
    """

    stations: int
    rank: int | None
    tied: int | None
    cheapest_mills: int | None
    median_mills: int | None
    above_cheapest_mills: int | None
    above_median_mills: int | None
    above_median_percent: float | None


def position(own_mills: int | None, others: Sequence[int]) -> Position:
    """The position of a price (None: not sold) among others; of an even number the median is the lower middle one."""
    prices = sorted([*others, own_mills] if own_mills is not None else others)
    if not prices:
        return Position(0, None, None, None, None, None, None, None)
    cheapest, median = prices[0], prices[(len(prices) - 1) // 2]
    if own_mills is None:
        return Position(len(prices), None, None, cheapest, median, None, None, None)
    above = own_mills - median
    return Position(
        len(prices), prices.index(own_mills) + 1, prices.count(own_mills) - 1, cheapest, median, own_mills - cheapest,
        above, round(100 * above / median, 2),
    )  # fmt: skip
