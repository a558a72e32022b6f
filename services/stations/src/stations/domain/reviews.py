"""What drivers say of a station, and the sum of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

MAX_STARS = 5
MAX_TEXT_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Review:
    """One driver's word on one station; a new one replaces it and keeps its id and when it was first given."""

    id: UUID
    station_id: UUID
    driver: str
    stars: int
    text: str | None
    created_at: datetime
    updated_at: datetime

    def revised(self, stars: int, text: str | None, now: datetime) -> "Review":
        """The driver's new word."""
        return replace(self, stars=stars, text=text, updated_at=now)


@dataclass(frozen=True, slots=True)
class Rating:
    """How many reviews gave 1, 2, ... 5 stars."""

    by_stars: tuple[int, ...] = (0,) * MAX_STARS

    @property
    def count(self) -> int:
        """How many reviews there are."""
        return sum(self.by_stars)

    @property
    def average_tenths(self) -> int | None:
        """The average in tenths of a star, half a tenth rounded up; None without reviews."""
        if not self.count:
            return None
        stars = sum(stars * count for stars, count in enumerate(self.by_stars, 1))
        return (20 * stars + self.count) // (2 * self.count)

    def changed(self, before: Review | None, after: Review | None) -> "Rating":
        """The rating once one review came, went or changed."""
        counts = list(self.by_stars)
        if before is not None:
            counts[before.stars - 1] -= 1
        if after is not None:
            counts[after.stars - 1] += 1
        return Rating(tuple(counts))


def replaced_by_newer(theirs: Iterable[Review], mine: Iterable[Review]) -> list[Review]:
    """Of two accounts of one driver: the older review of each station that both have reviewed."""
    of_station = {one.station_id: one for one in mine}
    return [
        min(one, of_station[one.station_id], key=lambda review: (review.updated_at, review.id))
        for one in theirs
        if one.station_id in of_station
    ]


def stored_rating(document: Mapping[str, object]) -> Rating:
    """The rating of a stored station; one that nobody has reviewed holds none."""
    match document.get("rating"):
        case {"by_stars": list(by_stars)}:
            return Rating(tuple(by_stars))
    return Rating()
