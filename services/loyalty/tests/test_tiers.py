"""Tiers by the fuel of twelve months."""

from datetime import date, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from loyalty.domain.tiers import (
    TIERS,
    carried_until,
    counted_ml,
    first_counted,
    month_of,
    months_after,
    next_tier,
    tier_for,
    volume_in,
)

MONTHS = st.dates(date(2024, 1, 1), date(2026, 12, 1)).map(lambda day: day.replace(day=1))


def test_tiers_rise_with_their_thresholds() -> None:
    assert [tier_for(tier.threshold_ml).word for tier in TIERS] == [tier.word for tier in TIERS]
    assert [tier_for(tier.threshold_ml - 1).word for tier in TIERS[1:]] == [tier.word for tier in TIERS[:-1]]
    assert tier_for(-1) is TIERS[0]
    assert [next_tier(tier) for tier in TIERS] == [*TIERS[1:], None]


def test_a_month_is_that_of_utc() -> None:
    beijing = timezone(timedelta(hours=8))
    assert month_of(datetime(2026, 12, 1, 7, 59, tzinfo=beijing)) == date(2026, 11, 1)
    assert month_of(datetime(2026, 12, 1, 8, 0, tzinfo=beijing)) == date(2026, 12, 1)


def test_the_running_month_and_the_eleven_before_count() -> None:
    november = date(2026, 11, 1)
    assert first_counted(november) == date(2025, 12, 1)
    assert volume_in({date(2025, 11, 1): 1, date(2025, 12, 1): 10, november: 100}, november) == 110


@given(MONTHS, st.integers(-30, 30), st.integers(-30, 30))
def test_months_add_up(month: date, some: int, more: int) -> None:
    assert months_after(months_after(month, some), more) == months_after(month, some + more)
    assert months_after(month, 12) == month.replace(year=month.year + 1)


@given(st.dictionaries(MONTHS, st.integers(1, 2_000_000), max_size=20), MONTHS)
def test_a_tier_holds_as_long_as_it_is_said_and_no_longer(months: dict[date, int], now: date) -> None:
    until = carried_until(months, now)
    tier = tier_for(volume_in(months, now))
    if until is None:
        assert tier is TIERS[0]
        return
    assert until >= now
    holding = [tier_for(volume_in(months, months_after(now, count))).threshold_ml for count in range(60)]
    lost = next(index for index, threshold in enumerate(holding) if threshold < tier.threshold_ml)
    assert until == months_after(now, lost - 1)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_refunds_take_their_share_of_the_fuel(volume_ml: int, paid: int, refunded: int) -> None:
    counted = counted_ml(volume_ml, paid, min(refunded, paid))
    assert 0 <= counted <= volume_ml
    assert counted_ml(volume_ml, paid, 0) == volume_ml
    if paid:
        assert counted_ml(volume_ml, paid, paid) == 0
