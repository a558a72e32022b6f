"""Purchases and offers for tests of prices, and the best combination found by trying them all."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from loyalty.domain.amounts import amount_of
from loyalty.domain.terms import (
    DISCOUNTS,
    Benefit,
    Offer,
    Percentage,
    PerFill,
    PerLitre,
    PriceLock,
    Purchase,
    Scope,
    Stacking,
)

AT = datetime(2026, 4, 30, 10, 0, tzinfo=UTC)
PURCHASE = Purchase(
    driver_id="driver", operator="test-operator", station_id="station", time_zone="Asia/Shanghai", fuel="petrol_95",
    price_mills=7_850, volume_ml=40_000, gross_minor=31_400, currency="CNY", method="wechat", tier="member", at=AT,
)  # fmt: skip


def fill(volume_ml: int = 40_000, price_mills: int = 7_850, currency: str = "CNY") -> Purchase:
    """So much fuel at this price."""
    gross = amount_of(volume_ml, price_mills, currency)
    return replace(
        PURCHASE, volume_ml=volume_ml, price_mills=price_mills, gross_minor=gross, currency=currency
    )  # fmt: skip


def offer(
    offer_id: str, benefit: Benefit, *, kind: str = "campaign", group: str | None = "campaign", priority: int = 100,
    scope: Scope | None = None, days: int = 30,
) -> Offer:  # fmt: skip
    """An offer that holds at the stations of the purchase's operator."""
    return Offer(
        offer_id, kind, f"canary-{offer_id}", PURCHASE.operator, benefit, scope or Scope(), Stacking(group, priority),
        "CNY", AT - timedelta(days=1), AT + timedelta(days=days),
    )  # fmt: skip


def coupon(offer_id: str, benefit: Benefit, **fields: Any) -> Offer:
    """A driver's coupon."""
    as_coupon: Any = {"kind": "coupon", "group": "coupon"}
    return offer(offer_id, benefit, **as_coupon | fields)


AMOUNTS = st.integers(1, 40)
BENEFITS: st.SearchStrategy[Benefit] = st.one_of(
    st.builds(Percentage, st.sampled_from([1, 333, 1_000, 5_000, 9_999, 10_000]), st.none() | AMOUNTS),
    st.builds(PerLitre, st.integers(1, 400)),
    st.builds(PerFill, AMOUNTS),
    st.builds(PriceLock, st.integers(1, 1_000)),
)
"""Of amounts so small that many combinations come to the same, or to nothing."""


@st.composite
def offers(draw: st.DrawFn, most: int = 7) -> list[Offer]:
    """Offers of all groups and priorities."""
    return [
        offer(
            f"{place:02}", draw(BENEFITS), kind=draw(st.sampled_from(["coupon", "coupon", "campaign"])),
            group=draw(st.sampled_from(["a", "a", "b", "c", None])), priority=draw(st.integers(1, 3)),
            days=draw(st.integers(1, 3)),
        )
        for place in draw(st.permutations(range(draw(st.integers(0, most)))))
    ]  # fmt: skip


FILLS = st.builds(fill, st.integers(1, 90_000), st.integers(1, 1_000))
LEFT = st.dictionaries(st.sampled_from([f"{place:02}" for place in range(7)]), st.integers(0, 30), max_size=4)


def best_by_trying(
    purchase: Purchase, offers: Sequence[Offer], left: Mapping[str, int], required: Collection[str]
) -> tuple[int, dict[str, int]] | None:
    """(what is left to pay, what each takes off) of the best of all combinations; None where none is allowed."""
    good = [one for one in offers if isinstance(one.benefit, DISCOUNTS) and one.refusal(purchase) is None]
    good = [one for one in good if left.get(one.id, 1) > 0]
    tried = chain.from_iterable(combinations(good, size) for size in range(len(good) + 1))
    allowed = (chosen for chosen in tried if _is_allowed(chosen) and set(required) <= {one.id for one in chosen})
    outcomes = [_outcome(purchase, chosen, left) for chosen in allowed]
    return min(outcomes, key=lambda outcome: _rank(outcome, good))[:2] if outcomes else None


def _is_allowed(chosen: Sequence[Offer]) -> bool:
    groups = [one.stacking.group for one in chosen]
    return len(chosen) < 2 or (None not in groups and len(set(groups)) == len(groups))


def _outcome(purchase: Purchase, chosen: Sequence[Offer], left: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    rest, taken = purchase.gross_minor, dict[str, int]()
    for one in sorted(chosen, key=lambda one: (one.stacking.priority, one.id)):
        amount = min(_wanted(one.benefit, purchase, rest), rest, left.get(one.id, rest))
        if amount > 0:
            taken[one.id] = amount
            rest -= amount
    return rest, taken


def _wanted(benefit: Benefit, purchase: Purchase, rest: int) -> int:
    match benefit:
        case Percentage(basis_points, most):
            wanted = rest * basis_points // 10_000
            return wanted if most is None else min(most, wanted)
        case PerLitre(mills):
            return purchase.volume_ml * mills // 10_000
        case PerFill(amount):
            return amount
        case PriceLock(price_mills):
            return purchase.gross_minor - amount_of(purchase.volume_ml, price_mills, purchase.currency)
        case other:
            raise TypeError(other)


def _rank(outcome: tuple[int, dict[str, int]], offers: Sequence[Offer]) -> tuple[object, ...]:
    rest, taken = outcome
    coupons = [one for one in offers if one.id in taken and one.kind == "coupon"]
    others = sorted(one.id for one in offers if one.id in taken and one.kind != "coupon")
    return rest, len(coupons), sorted((one.ends_at or AT, one.id) for one in coupons), len(others), others
