"""What a fill earns in points, and which rule of its operator says so. Pure, in integers."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

ONCE = 10_000
"""Basis points of a factor that changes nothing."""

Basis = Literal["amount", "litre"]


class EarningRule(Struct, frozen=True):
    """So many points for each `per`: minor units of what is paid (`amount`), or millilitres (`litre`)."""

    basis: Basis
    points: int
    per: int


NOTHING = EarningRule("amount", 0, 1)
"""Where neither an operator nor the platform gives points."""


class ScopedRule(Struct, frozen=True):
    """A rule of an operator, and where it holds; None: everywhere, for each grade, in each currency."""

    rule: EarningRule
    station_ids: tuple[str, ...] | None = None
    fuels: tuple[str, ...] | None = None
    currency: str | None = None
    """Of the amounts; a rule that counts litres may leave it out."""

    def holds(self, station_id: str, fuel: str, currency: str) -> bool:
        """Whether a fill is in its scope."""
        return (
            (self.station_ids is None or station_id in self.station_ids)
            and (self.fuels is None or fuel in self.fuels)
            and self.currency in {None, currency}
        )

    @property
    def specificity(self) -> tuple[bool, bool, bool]:
        """What names stations comes before what names grades, and that before what names a currency."""
        return self.station_ids is not None, self.fuels is not None, self.currency is not None


def best_rule(rules: Iterable[ScopedRule], station_id: str, fuel: str, currency: str) -> EarningRule | None:
    """The most specific rule that holds; of equally specific ones the first in the list. None: none holds."""
    holding = (one for one in rules if one.holds(station_id, fuel, currency))
    best = max(holding, key=lambda one: one.specificity, default=None)
    return best.rule if best else None


def earned(
    rule: EarningRule, *, paid_minor: int, gross_minor: int, points_minor: int, volume_ml: int,
    tier_basis_points: int, multiplier_basis_points: int,
) -> int:  # fmt: skip
    """The points for a fill; what was paid by points earns none, and neither does a fill for which nothing was paid.

    `points_minor` is what points took off; the two factors are basis points (ONCE: as the rule says). It is rounded
    down once, at the end, so that no order of the steps gives another sum.
    """
    if paid_minor <= 0:
        return 0
    base, divisor = paid_minor, rule.per
    if rule.basis == "litre":
        base, divisor = volume_ml * max(0, gross_minor - points_minor), rule.per * gross_minor
    return rule.points * base * tier_basis_points * multiplier_basis_points // (divisor * ONCE * ONCE)


MOST_RULES = 50
MOST_BASIS_POINTS = 2_000
"""What points may be worth of what is paid: more is a slip of the pen."""
MOST_POINTS_A_LITRE = 500


class TooMuch(ValueError):
    """A rule gives more than any operator means to; the text says so."""


def require_sane(rule: ScopedRule, points_per_minor: Mapping[str, int]) -> None:
    """Raises TooMuch. `points_per_minor` is how many points take off one minor unit, by currency."""
    given = rule.rule
    if given.basis == "litre" and given.points * 1_000 > MOST_POINTS_A_LITRE * given.per:
        raise TooMuch(f"a litre earns at most {MOST_POINTS_A_LITRE} points")
    if given.basis == "amount":
        worth = points_per_minor.get(rule.currency or "")
        if worth is None:
            known = ", ".join(sorted(points_per_minor))
            raise TooMuch(f"a rule by amount names a currency in which points are worth something: {known}")
        if given.points * ONCE > MOST_BASIS_POINTS * given.per * worth:
            raise TooMuch(f"points are worth at most {MOST_BASIS_POINTS // 100} % of what is paid")
