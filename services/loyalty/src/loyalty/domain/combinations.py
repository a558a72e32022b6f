"""Which of many discounts together leave the least to pay, exactly and fast. Pure.

Discounts are taken off one after the other in a fixed order. What one leaves never falls when what it is taken from
rises, so of two ways to the same place, with the same groups used, only one with less left, or at less cost, can still
become the best. That keeps a search over all combinations small; it is proved equal to trying them all in the tests.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from loyalty.domain.terms import MOST_BASIS_POINTS

MOST_WAYS = 512
"""More ways at once than real campaigns can make. Beyond it those that have most left are let go: what is found is
still allowed and exact, but another combination might be better. So no set of campaigns can stop the service."""


class Taker(Struct, frozen=True):
    """What takes off a share of what is left, at most so much; in one shape for each kind of discount."""

    id: str
    group: str | None
    """Of one group at most one holds; one without a group holds alone."""
    most: int
    cost: int
    """Of ways that leave the same to pay, that of the lowest sum of costs is taken. Above zero."""
    basis_points: int = MOST_BASIS_POINTS
    required: bool = False

    def takes(self, left: int) -> int:
        """What it takes off so much."""
        return min(self.most, left * self.basis_points // MOST_BASIS_POINTS)


class Way(Struct, frozen=True):
    """Some of the discounts, in their order, and what they leave."""

    left: int
    cost: int = 0
    last: "Taken | None" = None

    def parts(self) -> list[tuple[str, int]]:
        """(id, what it takes off) of each, in the order in which they are taken off."""
        parts: list[tuple[str, int]] = []
        link = self.last
        while link is not None:
            parts.append((link.id, link.amount))
            link = link.before
        return parts[::-1]


class Taken(Struct, frozen=True):
    """The last discount of a way, and those before it."""

    id: str
    amount: int
    before: "Taken | None"


Ways = dict[int, list[Way]]
"""Ways worth following, by the groups (as bits) that they have used and that others could still use."""


def best_way(gross: int, takers: Sequence[Taker]) -> Way:
    """The way with the least left, then the least cost, of those that hold all that is required.

    `takers` come in the order in which they are taken off; those that are required must be allowed together. A
    discount that would take nothing is in no way, not even where it is required.
    """
    required = {taker.group for taker in takers if taker.required}
    able = [taker for taker in takers if taker.takes(gross)]
    alone = [taker for taker in able if taker.group is None and (taker.required or not required)]
    ways = [_with(Way(gross), taker) for taker in alone]
    if None not in required or not ways:
        grouped = [one for one in able if one.group is not None and (one.required or one.group not in required)]
        ways.append(_best_of_groups(gross, grouped))
    return min(ways, key=_rank)


def _best_of_groups(gross: int, takers: Sequence[Taker]) -> Way:
    """The best way, found in two rounds: first how little can be left, whatever the cost; then the ways that do it."""
    takers = _promising(gross, takers)
    least = min(_sweep(gross, [replace(one, cost=0) for one in takers], None), key=_rank)
    return min(_sweep(gross, takers, least.left), key=_rank, default=least)


def _promising(gross: int, takers: Sequence[Taker]) -> list[Taker]:
    """Those that could be in a best way: as a rule a few of many.

    A good way is that of the largest of each group. One that would leave more than that even if all others took as
    much as from the whole price, which they never do after one another, cannot be in a better one.
    """
    whole = [taker.takes(gross) for taker in takers]
    largest: dict[str | None, tuple[int, Taker]] = {}
    for taker, amount in zip(takers, whole, strict=True):
        if taker.group not in largest or amount > largest[taker.group][0]:
            largest[taker.group] = amount, taker
    good = gross
    for taker in takers:
        if taker is largest[taker.group][1]:
            good -= taker.takes(good)
    spare = good - gross + sum(amount for amount, _ in largest.values())
    return [
        taker for taker, amount in zip(takers, whole, strict=True)
        if taker.required or amount + spare >= largest[taker.group][0]
    ]  # fmt: skip


def _sweep(gross: int, takers: Sequence[Taker], least: int | None) -> list[Way]:
    """The ways to the end; where it is known, only those that come to the least that can be left."""
    bits = _bits(takers)
    bound = None if least is None else _Bound(gross, takers, bits, least)
    closing = {taker.group: position for position, taker in enumerate(takers)}
    ways: Ways = {0: [Way(gross)]}
    for position, taker in enumerate(takers):
        ways = _step(ways, taker, bits.get(taker.group, 0), closes=closing[taker.group] == position)
        if bound:
            ways = bound.within(ways, position + 1)
        if sum(map(len, ways.values())) > MOST_WAYS:
            ways = _fewer(ways)
    return [way for those in ways.values() for way in those]


def _bits(takers: Sequence[Taker]) -> dict[str | None, int]:
    """A bit for each group that has several to choose from; of any other nothing need be remembered."""
    sizes = Counter(taker.group for taker in takers)
    return {group: 1 << place for place, group in enumerate(group for group, size in sizes.items() if size > 1)}


def _step(ways: Ways, taker: Taker, bit: int, *, closes: bool) -> Ways:
    """The ways with the taker, where it may hold, and those without it, where it need not.

    Where it is the last of its group, nobody need remember any longer whether the group was used.
    """
    kept = ~bit if closes else -1
    found: defaultdict[int, list[Way]] = defaultdict(list)
    for used, those in ways.items():
        may_hold = not used & bit
        for way in those:
            longer = _with(way, taker) if may_hold else way
            if longer is not way:
                found[(used | bit) & kept].append(longer)
            if longer is way or not taker.required:
                found[used & kept].append(way)
    return {used: _undominated(those) if len(those) > 1 else those for used, those in found.items()}


def _with(way: Way, taker: Taker) -> Way:
    """The way, and then the taker; the same way where that takes nothing."""
    amount = taker.takes(way.left)
    return Way(way.left - amount, way.cost + taker.cost, Taken(taker.id, amount, way.last)) if amount else way


def _undominated(ways: list[Way]) -> list[Way]:
    """Those of which no other leaves as little at as low a cost."""
    found: list[Way] = []
    for way in sorted(ways, key=_rank):
        if not found or way.cost < found[-1].cost:
            found.append(way)
    return found


def _rank(way: Way) -> tuple[int, int]:
    return way.left, way.cost


def _fewer(ways: Ways) -> Ways:
    """The MOST_WAYS ways that leave the least."""
    worst = sorted(_rank(way) for those in ways.values() for way in those)[MOST_WAYS - 1]
    return {used: [way for way in those if _rank(way) <= worst] for used, those in ways.items()}


class _Bound:
    """What could be left at the least by what is still to come: what has no choice in it exactly, the rest at most.

    A discount that came earlier than at the end takes no more than at the whole price, and what comes after it falls by
    no more than that: so to take the most of each group off at the end never says too much.
    """

    def __init__(self, gross: int, takers: Sequence[Taker], bits: Mapping[str | None, int], least: int) -> None:
        self._least = least
        self._takers = [None if taker.group in bits else taker for taker in takers]
        self._most: list[dict[int, int]] = [{}]
        for taker in reversed(takers):
            most = self._most[-1]
            if bit := bits.get(taker.group):
                most = most | {bit: max(most.get(bit, 0), taker.takes(gross))}
            self._most.append(most)
        self._most.reverse()

    def within(self, ways: Ways, position: int) -> Ways:
        """The ways that could still leave `least`; `position` is the first of what is still to come."""
        most = self._most[position].items()
        found: Ways = {}
        for used, those in ways.items():
            allowed = self._least + sum(amount for bit, amount in most if not used & bit)
            if good := [way for way in those if self._left(way.left, position) <= allowed]:
                found[used] = good
        return found

    def _left(self, left: int, position: int) -> int:
        for taker in self._takers[position:]:
            if taker is not None:
                left -= taker.takes(left)
        return left
