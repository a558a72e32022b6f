"""Which of many discounts together leave the least to pay: exactly for all but odd ones, and never slowly. Pure.

Discounts are taken off one after the other in a fixed order. What one leaves never falls when what it is taken from
rises, so of two ways to the same place, with the same groups used, only one with less left, or at less cost, can still
become the best. And a way that could not leave as little as one that is known, even if all others took the most they
can, is not followed. That keeps a search over all combinations small; the tests prove it equal to trying them all.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from operator import attrgetter

from msgspec import Struct

from loyalty.domain.outlook import BITS, Outlook, Taker, of_others
from loyalty.domain.terms import MOST_BASIS_POINTS

MOST_TAKERS = 64
MOST_STEPS = 512
"""Of each of the two rounds: more discounts, and more steps on ways, than usual campaigns need. Beyond them what
promises least is let go: what is found is still allowed and adds up, but another combination might be better. So no set
of campaigns can stop the service."""


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
    able = [taker for taker in takers if taker.whole]
    alone = [taker for taker in able if taker.group is None and (taker.required or not required)]
    ways = [_with(Way(gross), min(alone, key=_alone))] if alone else []
    if None not in required or not ways:
        grouped = [one for one in able if one.group is not None and (one.required or one.group not in required)]
        ways.append(_best_of_groups(gross, grouped) if grouped else Way(gross))
    return min(ways, key=_rank)


_whole = attrgetter("whole")


def _alone(taker: Taker) -> tuple[int, int]:
    return -taker.whole, taker.cost


def _best_of_groups(gross: int, takers: Sequence[Taker]) -> Way:
    """The best way, found in two rounds: first how little can be left, whatever the cost; then the ways that do it."""
    good = _through(gross, takers, {one.group: one for one in sorted(takers, key=_whole)})
    takers = _promising(gross, takers, good.left)
    if len(takers) == len({taker.group for taker in takers}) and _needs_all(gross, takers, good):
        return good
    good = min(good, _largest_of_each(gross, takers, good.left), key=_rank)
    takers = _promising(gross, takers, good.left, MOST_TAKERS)
    good = _improved(gross, takers, good)
    takers = _promising(gross, takers, good.left)
    least = min([good, *_sweep(gross, _latest(takers), good.left, cost_counts=False)], key=_rank)
    if least.left < good.left:
        takers = _promising(gross, takers, least.left)
    return min([least, *_sweep(gross, takers, least.left, cost_counts=True)], key=_rank)


def _largest_of_each(gross: int, takers: Sequence[Taker], measure: int) -> Way:
    """The way with the largest of each group, by what they take of so much."""
    return _through(gross, takers, {one.group: one for one in sorted(takers, key=lambda one: one.takes(measure))})


def _needs_all(gross: int, takers: Sequence[Taker], way: Way) -> bool:
    """Whether a way with all of these would leave more without any one of them; then no other leaves as little."""
    return all(_through(gross, takers, {it.group: it for it in takers if it is not one}).left > way.left
               for one in takers)  # fmt: skip


def _through(gross: int, takers: Sequence[Taker], chosen: Mapping[str | None, Taker]) -> Way:
    way = Way(gross)
    for taker in takers:
        if taker is chosen.get(taker.group):
            way = _with(way, taker)
    return way


def _improved(gross: int, takers: Sequence[Taker], way: Way) -> Way:
    """The way with each taker tried in place of the one of its group."""
    held = {offer_id for offer_id, _ in way.parts()}
    chosen = {taker.group: taker for taker in takers if taker.required or taker.id in held}
    for taker in takers:
        other = chosen | {taker.group: taker}
        tried = _through(gross, takers, other)
        if tried.left < way.left:
            way, chosen = tried, other
    return way


def _promising(gross: int, takers: Sequence[Taker], known: int, most: int | None = None) -> list[Taker]:
    """Those that could be in a way that leaves no more than is known to be possible: as a rule a few of many."""
    others = of_others(gross, takers)
    scored: list[tuple[bool, int, int]] = []
    for position, taker in enumerate(takers):
        left, amounts = others[taker.group]
        if taker.whole == taker.most:
            hope = left - amounts - taker.whole
        else:
            hope = left - left * taker.basis_points // MOST_BASIS_POINTS - amounts
        if hope <= known or taker.required:
            scored.append((not taker.required, hope, position))
    if most is not None and len(scored) > most:
        scored = sorted(sorted(scored)[:most], key=lambda one: one[2])
    return [takers[position] for *_, position in scored]


def _latest(takers: Sequence[Taker]) -> list[Taker]:
    """All but those amounts of which the same group has as large a one later: that leaves no more, as a share that is
    taken between the two is then taken of more."""
    largest: dict[str | None, int] = {}
    found: list[Taker] = []
    for taker in reversed(takers):
        if taker.basis_points == MOST_BASIS_POINTS:
            if taker.most <= largest.get(taker.group, 0):
                continue
            largest[taker.group] = taker.most
        found.append(taker)
    return found[::-1]


def _sweep(gross: int, takers: Sequence[Taker], known: int, *, cost_counts: bool) -> list[Way]:
    """The ways to the end that leave no more than is known to be possible; the cheapest of them only if that counts."""
    outlook = Outlook(gross, takers)
    closing = {taker.group: position for position, taker in enumerate(takers)}
    most, ways = MOST_STEPS // max(1, len(takers)), Ways({0: [Way(gross)]})
    for position, taker in enumerate(takers):
        found = _step(ways, taker, outlook.bits[taker.group], closes=closing[taker.group] == position)
        best = _undominated if cost_counts else _first
        ways = _hopeful({used: best(those) for used, those in found.items()}, outlook, position + 1, known, most)
    return [way for those in ways.values() for way in those]


def _hopeful(ways: Ways, outlook: Outlook, position: int, known: int, most: int) -> Ways:
    """The ways that could still leave what is known to be possible, of them so many that promise the most."""
    scored: list[tuple[int, int, int, int, Way]] = []
    for used, those in ways.items():
        kept, amount = outlook.after(position, used)
        for way in those:
            hope = (way.left * kept >> BITS) - amount
            if hope <= known:
                scored.append((hope, way.left, way.cost, used, way))
    if len(scored) > most:
        scored = sorted(scored, key=lambda one: one[:4])[:most]
    found: defaultdict[int, list[Way]] = defaultdict(list)
    for *_, used, way in scored:
        found[used].append(way)
    return found


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
    return found


def _with(way: Way, taker: Taker) -> Way:
    """The way, and then the taker; the same way where that takes nothing."""
    amount = taker.takes(way.left)
    return Way(way.left - amount, way.cost + taker.cost, Taken(taker.id, amount, way.last)) if amount else way


def _first(ways: list[Way]) -> list[Way]:
    return [min(ways, key=_rank)] if len(ways) > 1 else ways


def _undominated(ways: list[Way]) -> list[Way]:
    """Those of which no other leaves as little at as low a cost."""
    found: list[Way] = []
    for way in sorted(ways, key=_rank):
        if not found or way.cost < found[-1].cost:
            found.append(way)
    return found


def _rank(way: Way) -> tuple[int, int]:
    return way.left, way.cost
