"""Buckets of a price's history against a calendar that is walked minute by minute, without I/O."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.domain.history import EPOCH, MICROSECOND, Bucket, Timeline, cut, edges, timeline, zone_of
from pricing.domain.reports import Knowledge, decide

from .test_domain import NOON, STATION, report

MINUTE = timedelta(minutes=1)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "UTC", "Asia/Kolkata", "America/Havana", "Australia/Sydney")]
STARTS = [
    datetime(2026, 3, 28, 12, tzinfo=UTC),  # Europe loses an hour on the 29th
    datetime(2026, 10, 24, 12, tzinfo=UTC),  # and gains it again on the 25th
    datetime(2026, 3, 7, 12, tzinfo=UTC),  # Havana skips midnight on the 8th
    datetime(2026, 10, 31, 12, tzinfo=UTC),  # and has it twice on the 1st of November
    datetime(2026, 4, 4, 3, tzinfo=UTC),  # Sydney gains an hour on the 5th
]

Change = tuple[int, int | None]
"""The minute and the price from then on; None: no longer sold."""

changes = st.lists(st.tuples(st.integers(-200, 3_400), st.sampled_from([1, 1_799, 1_801, 1_900, None])), max_size=25)


def history(start: datetime, said: list[Change]) -> Timeline:
    said = sorted(said, key=lambda one: one[0])
    return timeline([(start + minute * MINUTE).timestamp() for minute, _ in said], [p or 0 for _, p in said], [], [])


def price_at(moment: datetime, start: datetime, said: list[Change]) -> int | None:
    """The last word up to a moment; of two for one moment the later one."""
    ordered = sorted(said, key=lambda one: one[0])
    return next((price for minute, price in reversed(ordered) if start + minute * MINUTE <= moment), None)


def name_of(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> tuple[int, ...]:
    local = moment.astimezone(zone)
    hour = (local.hour, local.fold) if bucket is Bucket.HOUR else ()
    return (local.year, local.month, local.day, *hour)


def by_minute(
    start: datetime, until: datetime, said: list[Change], bucket: Bucket, zone: ZoneInfo
) -> Iterator[tuple[str, int | None, int | None, int | None, int | None, int | None, int]]:
    """The buckets that a calendar and a stopwatch give."""
    first = name_of(start, bucket, zone)
    minute = start.replace(second=0, microsecond=0)
    while name_of(minute - MINUTE, bucket, zone) == first:
        minute -= MINUTE
    whole = [minute + n * MINUTE for n in range((until - minute) // MINUTE)]
    for _, group in groupby(whole, lambda one: name_of(one, bucket, zone)):
        minutes = list(group)
        prices = [price_at(one, start, said) for one in minutes]
        sold = [price for price in prices if price is not None]
        before = [price_at(minutes[0] - MINUTE, start, said), *prices]
        yield (
            minutes[0].strftime("%Y-%m-%dT%H:%M:%SZ"), prices[0], prices[-1], min(sold, default=None),
            max(sold, default=None), (2 * sum(sold) + len(sold)) // (2 * len(sold)) if sold else None,
            sum(a != b for a, b in zip(before, prices, strict=False)),
        )  # fmt: skip


@given(changes, st.sampled_from(STARTS), st.sampled_from(ZONES), st.sampled_from([Bucket.HOUR, Bucket.DAY]))
def test_buckets_are_what_a_minute_by_minute_calendar_gives(
    said: list[Change], start: datetime, zone: ZoneInfo, bucket: Bucket
):
    until = start + timedelta(hours=50, minutes=17)
    between = edges(start, until, bucket, zone, until)
    assert list(zip(*cut(history(start, said), between), strict=True)) == list(
        by_minute(start, until, said, bucket, zone)
    )


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-05-01", 24)])
def test_a_day_has_the_hours_that_its_clocks_give_it(day: str, hours: int):
    zone = ZoneInfo("Europe/Vienna")
    noon = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=zone)
    begins = noon.replace(hour=0)
    ends = begins + timedelta(days=1)
    now = noon + timedelta(days=9)
    between = edges(noon, noon + MINUTE, Bucket.DAY, zone, now)
    assert [EPOCH + int(edge) * MICROSECOND for edge in between] == [begins, ends]
    assert len(edges(begins, ends, Bucket.HOUR, zone, now)) == hours + 1


@pytest.mark.parametrize(("bucket", "count"), [(Bucket.DAY, 366), (Bucket.HOUR, 8_784)])
def test_a_leap_year_has_all_its_buckets(bucket: Bucket, count: int):
    zone = ZoneInfo("Europe/Berlin")
    since, until = datetime(2024, 1, 1, tzinfo=zone), datetime(2025, 1, 1, tzinfo=zone)
    assert len(edges(since, until, bucket, zone, until)) == count + 1


def test_the_last_bucket_weighs_only_what_has_passed():
    start = datetime(2026, 5, 1, 10, tzinfo=UTC)
    now = start + timedelta(minutes=15, microseconds=1)
    between = edges(start, start + timedelta(hours=9), Bucket.HOUR, ZoneInfo("UTC"), now)
    buckets = cut(history(start, [(0, 1_000), (10, 2_000)]), between)
    assert buckets.starts_at == ["2026-05-01T10:00:00Z"]
    assert buckets.means == [1_333]


def test_a_mean_is_rounded_half_up():
    start = datetime(2026, 5, 1, 10, tzinfo=UTC)
    between = edges(start, start + timedelta(hours=1), Bucket.HOUR, ZoneInfo("UTC"), start + timedelta(hours=1))
    assert cut(history(start, [(0, 1_000), (30, 1_001)]), between).means == [1_001]


def test_a_zone_that_nobody_knows_is_utc():
    assert {zone_of(name).key for name in (None, "", "Mars/Olympus", "../etc", "\0")} == {"UTC"}


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from([1_799, 1_899, None])), max_size=15, unique_by=lambda o: o[0]
    )
)
def test_a_late_report_holds_until_the_latest_word_of_another(said: list[Change]):
    """Reports in any order: at each minute the price is the latest one said for it, in whatever order it came.

    Of the times at which a price was confirmed the last counts, so a late report may hold up to it, not to an earlier.
    """
    decision = decide(
        [report(price, minute) for minute, price in said], Knowledge({STATION.station_id: STATION}, {}, {})
    )
    told = [(r, v) for r, v in decision.recorded.values() if v.outcome in {"accepted", "superseded"}]
    told.sort(key=lambda one: (one[0].effective_at, one[1].version or 99))
    price = next(iter(decision.prices.values()), None)
    again = [(c.previous_confirmed_at, c.previous_price_mills) for c in decision.changes if c.previous_confirmed_at]
    again += [(price.confirmed_at, price.price_mills)] if price else []
    line = timeline(
        [r.effective_at.timestamp() for r, _ in told], [r.price_mills or 0 for r, _ in told],
        [moment.timestamp() for moment, _ in again], [mills or 0 for _, mills in again],
    )  # fmt: skip
    confirmed = {moment for moment, _ in again}
    words = [
        (r.effective_at, r.price_mills)
        for r, v in decision.recorded.values()
        if v.outcome != "unchanged" or r.effective_at in confirmed
    ]
    for minute in range(31):
        moment = NOON + minute * MINUTE
        last = max((word for word in words if word[0] <= moment), default=(moment, None), key=lambda word: word[0])
        found = line.mills[line.moments <= (moment - EPOCH) // MICROSECOND]
        assert (found[-1] if len(found) else 0) == (last[1] or 0)
