"""Tiers: what a driver's fuel of twelve months makes of them. Pure; volumes in millilitres, months in UTC.

The twelve months are the running one and the eleven before. So a tier rises at once, and falls when a month has passed
that carried it, or when its fuel was refunded: it follows from the months alone, whatever order purchases came in.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from msgspec import Struct

MONTHS = 12


class Tier(Struct, frozen=True):
    """A tier: from how much fuel on, and the factor of what is earned (basis points; 12,500 are a quarter more)."""

    word: str
    threshold_ml: int
    basis_points: int


TIERS = (
    Tier("member", 0, 10_000),
    Tier("silver", 500_000, 11_000),
    Tier("gold", 1_200_000, 12_500),
    Tier("platinum", 2_400_000, 15_000),
)
"""The lowest first; the words are those of campaigns' scopes and of events."""
BY_WORD = {tier.word: tier for tier in TIERS}


def tier_for(volume_ml: int) -> Tier:
    """The tier that so much fuel in twelve months makes."""
    return max((tier for tier in TIERS if tier.threshold_ml <= volume_ml), key=_threshold, default=TIERS[0])


def next_tier(tier: Tier) -> Tier | None:
    """The tier above; None: it is the highest."""
    return min((one for one in TIERS if one.threshold_ml > tier.threshold_ml), key=_threshold, default=None)


def _threshold(tier: Tier) -> int:
    return tier.threshold_ml


def counted_ml(volume_ml: int, paid_minor: int, refunded_minor: int) -> int:
    """What of a purchase's fuel counts: the share of it that was not refunded, as its points are.

    Where nothing was paid, any refund undoes it whole.
    """
    if not paid_minor:
        return 0 if refunded_minor else volume_ml
    return volume_ml * max(0, paid_minor - refunded_minor) // paid_minor


def month_of(moment: datetime) -> date:
    """The UTC month of a moment, as its first day."""
    return moment.astimezone(UTC).date().replace(day=1)


def months_after(month: date, count: int) -> date:
    """So many months later; a negative count is earlier."""
    year, index = divmod(month.year * 12 + month.month - 1 + count, 12)
    return date(year, index + 1, 1)


def first_counted(month: date) -> date:
    """The oldest month that counts in this one."""
    return months_after(month, 1 - MONTHS)


def counted_months(month: date) -> list[date]:
    """All months that count in this one, the oldest first."""
    return [months_after(first_counted(month), count) for count in range(MONTHS)]


def volume_in(months: Mapping[date, int], month: date) -> int:
    """The fuel that counts in a month; what came with a date after it counts as well."""
    oldest = first_counted(month)
    return sum(volume for of, volume in months.items() if of >= oldest)


def carried_until(months: Mapping[date, int], month: date) -> date | None:
    """The last month in which the present tier holds if no more fuel comes; None: it cannot fall."""
    tier = tier_for(volume_in(months, month))
    if tier is TIERS[0]:
        return None
    ends = sorted(months_after(of, MONTHS) for of in months if of >= first_counted(month))
    return months_after(next(end for end in ends if volume_in(months, end) < tier.threshold_ml), -1)
