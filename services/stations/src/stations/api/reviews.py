"""The routes of reviews: parse, call the use case, answer."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from servicekit.access import ANYONE
from servicekit.cursors import decode_cursor, next_cursor
from servicekit.problems import problem_responses
from stations.api.parts import Driver, ZonedMoment, as_json, reviews_of, stations_of
from stations.domain.reviews import Rating, Review
from stations.http_models import reviews as models
from stations.use_cases import reviews as use_cases

router = APIRouter(prefix="/v1/stations/{station_id}/reviews", tags=["reviews"])

STARS = ("one", "two", "three", "four", "five")


@router.get(
    "", summary="Read a station's reviews", response_model=models.ReviewPage,
    responses=problem_responses(400, 404, 422, 503), openapi_extra=ANYONE,
)  # fmt: skip
async def list_reviews(request: Request, station_id: UUID, query: Annotated[models.ReviewsQuery, Query()]) -> Response:
    """What drivers say of a station, the newest first, page by page, with the sum of all their stars."""
    after = decode_cursor(query.cursor, tuple[ZonedMoment, UUID]) if query.cursor is not None else None
    rating, found = await use_cases.list_reviews(reviews_of(request), station_id, after, query.limit)
    shown = found[: query.limit]
    stars = dict(zip(STARS, rating.by_stars, strict=True))
    return as_json({
        "station_id": station_id, "rating": shown_rating(rating) | {"by_stars": stars},
        "reviews": [_review(review) for review in shown],
        "next_cursor": next_cursor(found, query.limit, lambda one: (one.updated_at, one.id)),
    })  # fmt: skip


@router.post(
    "", summary="Review a station", response_model=models.ShownReview, status_code=201,
    responses={200: {"model": models.ShownReview, "description": "It replaces your review of before"}}
    | problem_responses(400, 401, 403, 404, 409, 422, 503),
)  # fmt: skip
async def review_station(request: Request, station_id: UUID, body: models.NewReview, principal: Driver) -> Response:
    """Says how you found a station. You have one review of each: another replaces it and keeps when it was created."""
    review, is_first = await use_cases.review_station(
        stations_of(request), reviews_of(request), principal.subject, station_id, body.stars, body.text
    )
    return as_json(_review(review), 201 if is_first else 200)


@router.delete(
    "/mine", summary="Withdraw your review of a station", status_code=204,
    responses=problem_responses(401, 403, 422, 503),
)  # fmt: skip
async def withdraw_review(request: Request, station_id: UUID, principal: Driver) -> Response:
    """Takes your review back, and its stars out of the sum; again, it changes nothing."""
    await use_cases.withdraw_review(stations_of(request), reviews_of(request), principal.subject, station_id)
    return Response(status_code=204)


def shown_rating(rating: Rating) -> dict[str, Any]:
    """A ShownRating."""
    return {"stars_average_tenths": rating.average_tenths, "review_count": rating.count}


def _review(review: Review) -> dict[str, Any]:
    """A ShownReview, which does not say whose it is."""
    shown = asdict(review)
    return {"review_id": review.id, **{name: shown[name] for name in ("stars", "text", "created_at", "updated_at")}}
