"""Hours of a week by a station's own clock: one rule for all who ask whether something holds."""

from collections.abc import Collection
from datetime import datetime


def is_in_hours(local: datetime, weekdays: Collection[int], from_time: str, until_time: str) -> bool:
    """Whether a clock that shows `local` is inside; `until_time` not after `from_time`: over midnight.

    `weekdays` are those on which it begins (ISO: Monday is 1), times are `HH:MM`. Clocks that jump ahead skip what they
    skip, and an hour that they show twice counts twice.
    """
    today, clock = local.isoweekday(), f"{local.hour:02}:{local.minute:02}"
    if from_time < until_time:
        return today in weekdays and from_time <= clock < until_time
    yesterday = (today - 2) % 7 + 1
    return (today in weekdays and clock >= from_time) or (yesterday in weekdays and clock < until_time)
