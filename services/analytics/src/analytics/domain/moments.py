"""Moments as they are kept."""

from datetime import UTC, datetime


def as_kept(moment: datetime) -> datetime:
    """In UTC and to the millisecond, as the store gives it back: it makes no difference whether it was there."""
    beyond = moment.microsecond % 1000
    if beyond == 0 and moment.tzinfo is UTC:  # as most are
        return moment
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond - beyond)
