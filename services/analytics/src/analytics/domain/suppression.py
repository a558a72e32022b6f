"""What is left out of reports since it would say something of single drivers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from analytics.domain.documents import SUPPRESSED, Suppressed
from analytics.domain.metrics import LEAST_DRIVERS

Value = TypeVar("Value")
OTHER = "other"
"""Ways of paying that few drivers chose, together."""


def is_small(drivers: int) -> bool:
    """Whether figures about so many drivers are left out; about nobody there is nothing to hide."""
    return 0 < drivers < LEAST_DRIVERS


def shown(value: Value, drivers: int) -> Value | Suppressed:
    """The figure about so many drivers, or SUPPRESSED where they are too few."""
    return SUPPRESSED if is_small(drivers) else value


def hidden(drivers: Sequence[int]) -> set[int]:
    """Which of groups that add up to something that is known are left out, by their place.

    The small ones; and where these may be fewer than LEAST_DRIVERS together, so that the sum less the others would
    tell of them, the smallest of the others as well.
    """
    small = {place for place, count in enumerate(drivers) if is_small(count)}
    others = [(count, place) for place, count in enumerate(drivers) if count >= LEAST_DRIVERS]
    return small | {min(others)[1]} if small and others else small


def hidden_within(groups: Iterable[object], drivers: Sequence[int]) -> set[int]:
    """The same where sums are known of each of `groups`, which name for each place what it adds up to."""
    places: dict[object, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    return {own[one] for own in places.values() for one in hidden([drivers[place] for place in own])}


def ways_told(methods: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """What was paid in each way, by name, with OTHER in the place of those that few orders were paid in.

    An order has one way of paying, so that fewer than LEAST_DRIVERS orders are no more drivers. Where all of OTHER are
    still few, the smallest way that is left is one of them; where none is left, nothing is told.
    """
    told = {name: dict(of) for name, of in methods.items() if name != OTHER and of["orders"] >= LEAST_DRIVERS}
    few = [dict(of) for name, of in methods.items() if name not in told]
    if few and told and _orders(few) < LEAST_DRIVERS:
        few.append(told.pop(min(told, key=lambda name: (told[name]["orders"], name))))
    if few and _orders(few) >= LEAST_DRIVERS:
        told[OTHER] = {figure: sum(of[figure] for of in few) for figure in few[0]}
    return dict(sorted(told.items()))


def _orders(methods: Iterable[Mapping[str, int]]) -> int:
    return sum(of["orders"] for of in methods)
