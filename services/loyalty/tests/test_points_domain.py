"""The rules of points, without a store."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain import points as domain
from loyalty.domain.point_words import text_of
from loyalty.domain.points import Counter, Entry, Grant, Kind, Lot, Part, TooFewPoints
from loyalty.domain.purchases import kept_points
from schemas.events import PointsAccruedV1, PointsRedeemedV1, PointsReversedV1
from servicekit.ids import new_id

NOW = datetime(2026, 3, 14, 15, tzinfo=UTC)


@st.composite
def lots_of_driver(draw: st.DrawFn) -> list[Lot]:
    """Lots with something in them, partly held, perhaps more than that; or a debt alone."""
    if draw(st.integers(0, 5)) == 0:
        return [Lot(domain.debt_id("d"), -draw(st.integers(0, 50)), 0, None)]
    found = draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20), st.integers(-2, 5)), max_size=6))
    return [Lot(new_id(), left, held, NOW + timedelta(days=days)) for left, held, days in found]


@given(lots_of_driver(), st.integers(1, 120))
def test_what_is_taken_is_taken_whatever_there_is(lots: list[Lot], points: int) -> None:
    parts, new = domain.take("d", lots, points)
    assert sum(part.points for part in parts) == -points
    left = domain.after(lots, parts, new)
    assert len({lot.id for lot in left}) == len(left)
    assert all(lot.remaining >= 0 for lot in left if lot.expires_at)
    debts = [lot.remaining for lot in left if lot.expires_at is None]
    assert len(debts) <= 1
    assert not sum(debts) or not any(lot.remaining for lot in left if lot.expires_at)


@given(lots_of_driver(), st.lists(st.tuples(st.integers(1, 30), st.integers(1, 90)), min_size=1, max_size=4))
def test_what_is_given_pays_what_is_owed_first(lots: list[Lot], given_: list[tuple[int, int]]) -> None:
    grants = [Grant(points, NOW + timedelta(days=days)) for points, days in given_]
    parts, new = domain.give(lots, grants, new_id)
    total = sum(grant.points for grant in grants)
    assert sum(part.points for part in parts) == total
    owed = -sum(lot.remaining for lot in lots if lot.expires_at is None)
    left = domain.after(lots, parts, new)
    assert -sum(lot.remaining for lot in left if lot.expires_at is None) == max(0, owed - total)
    assert sum(lot.remaining for lot in new) == max(0, total - owed)


@given(lots_of_driver(), st.integers(1, 100))
def test_what_is_set_aside_is_free_and_ends_first(lots: list[Lot], points: int) -> None:
    available = domain.spendable(lots, NOW)
    if points > available:
        with pytest.raises(TooFewPoints) as refused:
            domain.choose(lots, points, NOW)
        assert refused.value.available == available
        return
    chosen = {part.lot_id: part.points for part in domain.choose(lots, points, NOW)}
    assert sum(chosen.values()) == points
    usable = [lot for lot in lots if lot.free and lot.expires_at and lot.expires_at > NOW]
    assert all(chosen[lot_id] <= lot.free for lot in usable if (lot_id := lot.id) in chosen)
    for lot in usable:
        if chosen.get(lot.id, 0) < lot.free:
            assert not any(other.order > lot.order and other.id in chosen for other in usable)


def test_points_that_were_reversed_while_they_were_held_are_not_there_twice() -> None:
    held, new = Lot(new_id(), 0, 50, NOW + timedelta(days=9)), Lot(new_id(), 80, 0, NOW + timedelta(days=5))
    assert domain.spendable([held, new], NOW) == 30
    assert domain.account_of([held, new], NOW).held == 50


def test_what_is_given_back_first_is_what_would_have_lasted_longest() -> None:
    parts = [Part(new_id(), 10, NOW + timedelta(days=days)) for days in (90, 200)]
    assert domain.give_back(parts, 0, 12, NOW) == [
        Grant(10, NOW + timedelta(days=200)), Grant(2, NOW + timedelta(days=90))
    ]  # fmt: skip


@given(lots_of_driver())
def test_what_expires_is_neither_held_nor_more_than_is_free(lots: list[Lot]) -> None:
    lost = {part.lot_id: -part.points for part in domain.expire(lots, NOW)}
    assert all(0 < lost[lot.id] <= lot.free for lot in lots if lot.id in lost)
    assert all(lot.expires_at and lot.expires_at <= NOW for lot in lots if lot.id in lost)
    free = max(0, sum(lot.remaining - lot.held for lot in lots))
    over = sum(lot.free for lot in lots if lot.expires_at and lot.expires_at <= NOW)
    assert sum(lost.values()) == min(free, over)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.data())
def test_what_is_given_back_in_steps_is_what_is_given_back_at_once(spent: list[int], data: st.DataObject) -> None:
    parts = [Part(new_id(), points, NOW + timedelta(days=100 * n)) for n, points in enumerate(spent)]
    totals = sorted(data.draw(st.sets(st.integers(1, sum(spent)), max_size=4)) | {sum(spent)})
    by_end: dict[datetime, int] = {}
    already = 0
    for total in totals:
        grants = domain.give_back(parts, already, total, NOW)
        assert sum(grant.points for grant in grants) == total - already
        for grant in grants:
            by_end[grant.expires_at] = by_end.get(grant.expires_at, 0) + grant.points
        already = total
    soonest = NOW + domain.GIVEN_BACK_FOR
    assert by_end == {max(part.expires_at or soonest, soonest): part.points for part in parts}


@pytest.mark.parametrize(
    ("earned_at", "months", "ends"),
    [
        (datetime(2026, 3, 14, tzinfo=UTC), 24, datetime(2028, 4, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 1, datetime(2027, 2, 1, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), 1, datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime.fromisoformat("2026-04-01T07:00:00+08:00"), 12, datetime(2027, 4, 1, tzinfo=UTC)),
    ],
)
def test_points_last_to_the_end_of_a_utc_month(earned_at: datetime, months: int, ends: datetime) -> None:
    assert domain.expiry(earned_at, months) == ends


@given(st.integers(0, 10**6), st.integers(0, 10**7), st.lists(st.integers(0, 2 * 10**7), max_size=5))
def test_refunds_leave_a_share_that_only_falls(due: int, paid_minor: int, refunds: list[int]) -> None:
    left = [kept_points(due, paid_minor, one) for one in sorted(refunds)]
    assert left == sorted(left, reverse=True)
    assert all(0 <= one <= due for one in left)
    if paid_minor:
        assert kept_points(due, paid_minor, paid_minor) == kept_points(due, paid_minor, paid_minor * 2) == 0
    assert kept_points(due, paid_minor, 0) == due


def entry(kind: Kind, points: int, **fields: object) -> Entry:
    """An entry of this kind."""
    parts = (Part(new_id(), points, NOW),)
    standard = {
        "id": new_id(), "key": "k", "driver_id": "d", "kind": kind, "reason": "order", "counter": Counter.ISSUED,
        "at": NOW, "parts": parts, "order_id": new_id(),
    }  # fmt: skip
    return Entry(**standard | fields)  # pyright: ignore[reportArgumentType] - as the test wants it


def test_each_kind_of_entry_has_its_event_and_its_words() -> None:
    accrued = domain.event_of(entry(Kind.ACCRUED, 5, told={"expires_at": NOW}), 3, 8)
    assert isinstance(accrued, PointsAccruedV1)
    assert (accrued.points, accrued.version, accrued.balance) == (5, 3, 8)
    redeemed = domain.event_of(entry(Kind.REDEEMED, -5, told={"amount_minor": 5, "currency": "CNY"}), 4, 3)
    assert isinstance(redeemed, PointsRedeemedV1)
    assert (redeemed.points, redeemed.amount_minor) == (5, 5)
    assert isinstance(domain.event_of(entry(Kind.REVERSED, -5), 5, -2), PointsReversedV1)
    assert domain.event_of(entry(Kind.FORFEITED, -5), 5, 0) is None
    assert domain.event_of(entry(Kind.MOVED, -5), 5, 0) is None
    assert isinstance(domain.event_of(entry(Kind.MOVED, 5, told={"expires_at": NOW}), 5, 0), PointsAccruedV1)
    assert all(text_of(kind, "whatever comes") for kind in Kind)
