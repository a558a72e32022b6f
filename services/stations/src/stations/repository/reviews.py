"""Reviews, and the rating that each station's document holds for its readers."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from servicekit.mongo import MongoStore
from stations.domain.reviews import Rating, Review, stored_rating
from stations.repository.stations import Document, Session

ReviewPosition = tuple[datetime, UUID]
"""Where a page ended: when its last review was given, and its id."""


class ReviewRepository:
    """Reviews for the use cases; reads without a transaction see what is committed."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._reviews = store.database.reviews
        self._stations = store.database.stations

    async def of_driver(self, tx: Session, station_id: UUID, driver: str) -> Review | None:
        """The driver's review of the station."""
        document = await self._reviews.find_one({"station_id": station_id, "driver": driver}, session=tx)
        return _review(document) if document else None

    async def save(self, tx: Session, review: Review) -> None:
        """Writes a review, new or revised."""
        fields = asdict(review)
        review_id = fields.pop("id")
        await self._reviews.replace_one({"_id": review_id}, fields, upsert=True, session=tx)

    async def delete(self, tx: Session, review: Review) -> None:
        """Removes a review."""
        await self._reviews.delete_one({"_id": review.id}, session=tx)

    async def rating(self, station_id: UUID, tx: Session | None = None) -> Rating | None:
        """The station's rating; None where there is no such station."""
        async with self._store.available():
            document = await self._stations.find_one({"_id": station_id}, ["rating"], session=tx)
        return stored_rating(document) if document is not None else None

    async def save_rating(self, tx: Session, station_id: UUID, rating: Rating) -> None:
        """Writes the rating into the station; whoever does so at the same time begins anew."""
        stored = {
            "by_stars": list(rating.by_stars), "review_count": rating.count,
            "stars_average_tenths": rating.average_tenths,
        }  # fmt: skip
        await self._stations.update_one({"_id": station_id}, {"$set": {"rating": stored}}, session=tx)

    async def page(self, station_id: UUID, after: ReviewPosition | None, limit: int) -> list[Review]:
        """The station's reviews, the newest first, up to `limit` + 1: one more shows that there is a next page."""
        wanted: dict[str, Any] = {"station_id": station_id}
        if after is not None:
            updated_at, review_id = after
            earlier, as_early = {"$lt": updated_at}, {"updated_at": updated_at, "_id": {"$lt": review_id}}
            wanted["$or"] = [{"updated_at": earlier}, as_early]
        async with self._store.available():
            found = self._reviews.find(wanted).sort([("updated_at", -1), ("_id", -1)]).limit(limit + 1)
            return [_review(document) async for document in found]


def _review(document: Document) -> Review:
    fields = dict(document)
    return Review(id=fields.pop("_id"), **fields)
