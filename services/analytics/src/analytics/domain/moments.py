"""Moments as they are kept."""

from datetime import UTC, datetime


def as_kept(moment: datetime) -> datetime:
    """In UTC and to the millisecond, as the store gives it back: it makes no difference whether it was there."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
