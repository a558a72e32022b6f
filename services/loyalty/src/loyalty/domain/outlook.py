"""How little a price could become, whatever is combined: what tells the search which ways it need not follow. Pure.

What a discount takes is never more than its share, and never more than its most. Shares take the most where they come
before amounts. So what is left is never less than what it is once the largest share of each group is taken off, and
then the largest amounts. Of a group that has both, a line lies above both, between all there is to pay and the least
that can ever be left. Everything is rounded so that too much is promised rather than too little.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from loyalty.domain.terms import MOST_BASIS_POINTS

BITS = 40
"""The parts that lines leave are counted in 2^-40."""
_ONE = 1 << BITS


class Taker(Struct, frozen=True):
    """What takes off a share of what is left, at most so much; in one shape for each kind of discount."""

    id: str
    group: str | None
    """Of one group at most one holds; one without a group holds alone."""
    most: int
    whole: int
    """What it takes off all that there is to pay."""
    cost: int
    """Of ways that leave the same to pay, that of the lowest sum of costs is taken. Above zero."""
    basis_points: int = MOST_BASIS_POINTS
    required: bool = False

    def takes(self, left: int) -> int:
        """What it takes off so much."""
        return min(self.most, left * self.basis_points // MOST_BASIS_POINTS)


Largest = dict[str | None, tuple[int, int]]
"""By group, the largest amount of its discounts and the largest share, in basis points; each discount counts as one."""
Line = tuple[int, int]
"""(the part that is left, in 2^-40; the amount that is taken off after that)"""


def of_others(gross: int, takers: Sequence[Taker]) -> dict[str | None, tuple[int, int]]:
    """For each group, what all others could take off: (what their shares leave, their amounts)."""
    largest = _largest(takers)
    lowest = _lowest(gross, largest)
    lines = {group: _line(gross, lowest, *shape) for group, shape in largest.items()}
    kept, amounts = _together(lines.values())
    return {
        group: (gross * min(_ONE, kept * _ONE // own_kept if own_kept else 0) >> BITS, amounts - amount)
        for group, (own_kept, amount) in lines.items()
    }


class Outlook:
    """What those that are still to come could take off, by how far a search is and which groups it has used."""

    def __init__(self, gross: int, takers: Sequence[Taker]) -> None:
        """`takers` in the order in which they are taken off."""
        lowest, largest = _lowest(gross, _largest(takers)), Largest()
        self.bits = {group: 1 << place for place, group in enumerate(dict.fromkeys(one.group for one in takers))}
        yet: tuple[dict[int, Line], dict[int, Line]] = {}, {}
        self._yet = [yet]
        for taker in reversed(takers):
            if _note(largest, taker):
                yet = yet[0] | {self.bits[taker.group]: _line(gross, lowest, *largest[taker.group])}, {}
            self._yet.append(yet)
        self._yet.reverse()

    def after(self, position: int, used: int) -> Line:
        """What the groups that are not used could take off from here; `position` is that of the first to come."""
        lines, known = self._yet[position]
        if used not in known:
            known[used] = _together(line for bit, line in lines.items() if not used & bit)
        return known[used]


def _largest(takers: Iterable[Taker]) -> Largest:
    largest = Largest()
    for taker in takers:
        _note(largest, taker)
    return largest


def _note(largest: Largest, taker: Taker) -> bool:
    """Whether it is larger than those before."""
    amount, share = largest.get(taker.group, (0, 0))
    if taker.whole == taker.most:
        if taker.whole <= amount:
            return False
        amount = taker.whole
    else:
        if taker.basis_points <= share:
            return False
        share = taker.basis_points
    largest[taker.group] = amount, share
    return True


def _lowest(gross: int, largest: Largest) -> int:
    return max(0, gross - sum(max(amount, gross * share // MOST_BASIS_POINTS) for amount, share in largest.values()))


def _line(gross: int, lowest: int, amount: int, share: int) -> Line:
    """A line above both the amount and the share, from the lowest that can be left to the gross."""
    amount *= MOST_BASIS_POINTS
    top, bottom = max(amount, gross * share), max(amount, lowest * share)
    slope = -((bottom - top) * _ONE // ((gross - lowest) * MOST_BASIS_POINTS))
    base = bottom - (slope * lowest * MOST_BASIS_POINTS >> BITS)
    return _ONE - min(_ONE, slope), max(0, -(-base // MOST_BASIS_POINTS))


def _together(lines: Iterable[Line]) -> Line:
    kept, amounts = _ONE, 0
    for own_kept, amount in lines:
        kept = kept * own_kept >> BITS
        amounts += amount
    return kept, amounts
