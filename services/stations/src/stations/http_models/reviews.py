"""What the routes of reviews take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.base import Moment
from stations.domain.plain_text import plain
from stations.domain.reviews import MAX_STARS, MAX_TEXT_CHARACTERS
from stations.http_models.base import Limit, Model

Stars = Annotated[int, Field(ge=1, le=MAX_STARS, strict=True, examples=[4])]
Count = Annotated[int, Field(ge=0, examples=[12])]


def _plain(value: object) -> object:
    return plain(value) if isinstance(value, str) else value


class NewReview(Model):
    """What a driver says of a station."""

    stars: Stars
    text: Annotated[
        Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARACTERS)] | None, BeforeValidator(_plain),
        Field(description="Plain text; it has no meaning as HTML", examples=["Clean, and the coffee is good."]),
    ] = None  # fmt: skip


class ReviewsQuery(Model):
    """Which reviews to list."""

    cursor: Annotated[str | None, Field(description="`next_cursor` of the page before")] = None
    limit: Limit = 20


class ShownReview(Model):
    """A review; nobody is told whose it is."""

    review_id: UUID
    stars: Stars
    text: Annotated[
        str | None,
        Field(description="Plain text: show it as such, never as HTML", examples=["Clean, and the coffee is good."]),
    ]
    created_at: Moment
    updated_at: Moment


class StarCounts(Model):
    """How many reviews gave so many stars."""

    one: Count
    two: Count
    three: Count
    four: Count
    five: Count


class ShownRating(Model):
    """The sum of all reviews of a station."""

    stars_average_tenths: Annotated[
        int | None, Field(ge=10, le=50, description="Tenths of a star; null: no reviews", examples=[43])
    ]
    review_count: Count


class DetailedRating(ShownRating):
    """The sum of all reviews of a station, and how many gave so many stars."""

    by_stars: StarCounts


class ReviewPage(Model):
    """A page of reviews, the newest first; there are more where `next_cursor` is not null."""

    station_id: UUID
    rating: DetailedRating
    reviews: list[ShownReview]
    next_cursor: str | None
