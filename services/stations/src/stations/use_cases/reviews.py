"""What the service does about reviews."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from servicekit.ids import new_id
from servicekit.problems import Problem
from stations.domain.reviews import Rating, Review, replaced_by_newer
from stations.repository.reviews import ReviewPosition, ReviewRepository
from stations.repository.stations import Session, StationRepository
from stations.use_cases.access import stored_now
from stations.use_cases.search import no_such_station


async def review_station(
    stations: StationRepository, reviews: ReviewRepository, driver: str, station_id: UUID, stars: int, text: str | None
) -> tuple[Review, bool]:
    """The driver's only review of the station, and whether it is the first. Raises Problem 401, 404, 409."""
    now, review_id = stored_now(), new_id()

    async def apply(tx: Session) -> tuple[Review, bool]:
        station = await stations.get(tx, station_id)
        if station is None:
            raise no_such_station()
        if station.closed_at is not None:
            raise Problem(409, "station-closed", "The station closed for good; nobody reviews it any more.")
        before = await reviews.of_driver(tx, station_id, driver)
        after = (
            before.revised(stars, text, now) if before
            else Review(review_id, station_id, driver, stars, text, now, now)
        )  # fmt: skip
        await reviews.save(tx, [after])
        await rate(reviews, tx, {station_id: (before, after)})
        return after, before is None

    return await stations.transact_for(driver, apply)


async def withdraw_review(
    stations: StationRepository, reviews: ReviewRepository, driver: str, station_id: UUID
) -> None:
    """The driver has no review of the station; again, it changes nothing."""

    async def apply(tx: Session) -> None:
        if (review := await reviews.of_driver(tx, station_id, driver)) is not None:
            await reviews.delete(tx, [review])
            await rate(reviews, tx, {station_id: (review, None)})

    await stations.transact(apply)


async def list_reviews(
    reviews: ReviewRepository, station_id: UUID, after: ReviewPosition | None, limit: int
) -> tuple[Rating, list[Review]]:
    """The station's rating, and a page of its reviews, up to `limit` + 1. Raises Problem 404."""
    rating = await reviews.rating(station_id)
    if rating is None:
        raise no_such_station()
    return rating, await reviews.page(station_id, after, limit)


async def merge_reviews(reviews: ReviewRepository, tx: Session, driver: str, into: str) -> None:
    """Gives a driver's reviews to another account of the same driver; of each station the newer one stays."""
    theirs = await reviews.all_of_driver(driver, tx)
    older = replaced_by_newer(theirs, await reviews.all_of_driver(into, tx))
    await reviews.delete(tx, older)
    await reviews.save(tx, [replace(review, driver=into) for review in theirs if review not in older])
    await rate(reviews, tx, {review.station_id: (review, None) for review in older})


async def rate(
    reviews: ReviewRepository, tx: Session, changes: Mapping[UUID, tuple[Review | None, Review | None]]
) -> None:
    """Brings ratings up to date with one driver's reviews of stations: each as it was before and is now."""
    ratings = await reviews.ratings(tx, list(changes))
    changed = {station_id: rating.changed(*changes[station_id]) for station_id, rating in ratings.items()}
    await reviews.save_ratings(tx, changed)
