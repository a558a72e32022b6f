"""Reviews, their texts sealed in their authors' boxes, and the rating that each station's document holds."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import ReplaceOne, UpdateOne

from servicekit.keyring import KeyRingError
from servicekit.mongo import MongoStore
from servicekit.vault import Box, Vault
from stations.domain.reviews import Rating, Review, stored_rating
from stations.repository.stations import Document, Session

log = logging.getLogger(__name__)

ReviewPosition = tuple[datetime, UUID]
"""Where a page ended: when its last review was given, and its id."""


class ReviewRepository:
    """Reviews for the use cases; reads without a transaction see what is committed."""

    def __init__(self, store: MongoStore, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._reviews = store.database.reviews
        self._stations = store.database.stations

    async def of_driver(self, tx: Session, station_id: UUID, driver: str) -> Review | None:
        """The driver's review of the station."""
        document = await self._reviews.find_one({"station_id": station_id, "driver": driver}, session=tx)
        return (await self._opened([document], tx))[0] if document else None

    async def all_of_driver(self, driver: str, tx: Session | None = None) -> list[Review]:
        """The driver's reviews of all stations, the oldest first."""
        async with self._store.available():
            documents = await self._reviews.find({"driver": driver}, session=tx).sort("_id", 1).to_list(None)
            return await self._opened(documents, tx)

    async def save(self, tx: Session, reviews: Sequence[Review]) -> None:
        """Writes reviews of one driver, new or revised."""
        if reviews:
            box = await self._vault.box(tx, reviews[0].driver)
            writes = [ReplaceOne({"_id": review.id}, _sealed(review, box), upsert=True) for review in reviews]
            await self._reviews.bulk_write(writes, session=tx)

    async def delete(self, tx: Session, reviews: Sequence[Review]) -> None:
        """Removes reviews."""
        await self._reviews.delete_many({"_id": {"$in": [review.id for review in reviews]}}, session=tx)

    async def delete_all_of_driver(self, tx: Session, driver: str) -> list[Review]:
        """Removes a driver's reviews, whether their texts can still be read or not; returns them without."""
        documents = await self._reviews.find({"driver": driver}, session=tx).to_list(None)
        await self._reviews.delete_many({"driver": driver}, session=tx)
        return [_review(document, None) for document in documents]

    async def rating(self, station_id: UUID) -> Rating | None:
        """The station's rating; None where there is no such station."""
        async with self._store.available():
            document = await self._stations.find_one({"_id": station_id}, ["rating"])
        return stored_rating(document) if document is not None else None

    async def ratings(self, tx: Session, station_ids: Sequence[UUID]) -> dict[UUID, Rating]:
        """The ratings of those of the stations that there are."""
        found = self._stations.find({"_id": {"$in": list(station_ids)}}, ["rating"], session=tx)
        return {document["_id"]: stored_rating(document) async for document in found}

    async def save_ratings(self, tx: Session, ratings: Mapping[UUID, Rating]) -> None:
        """Writes the ratings into their stations; whoever does so at the same time begins anew."""
        writes = [UpdateOne({"_id": one}, {"$set": {"rating": _stored(rating)}}) for one, rating in ratings.items()]
        if writes:
            await self._stations.bulk_write(writes, ordered=False, session=tx)

    async def page(self, station_id: UUID, after: ReviewPosition | None, limit: int) -> list[Review]:
        """The station's reviews, the newest first, up to `limit` + 1: one more shows that there is a next page."""
        wanted: dict[str, Any] = {"station_id": station_id}
        if after is not None:
            updated_at, review_id = after
            earlier, as_early = {"$lt": updated_at}, {"updated_at": updated_at, "_id": {"$lt": review_id}}
            wanted["$or"] = [{"updated_at": earlier}, as_early]
        async with self._store.available():
            found = self._reviews.find(wanted).sort([("updated_at", -1), ("_id", -1)]).limit(limit + 1)
            return await self._opened(await found.to_list(None), None)

    async def _opened(self, documents: Sequence[Document], tx: Session | None) -> list[Review]:
        """The reviews; one query gets the keys of all their authors."""
        authors = {document["driver"] for document in documents if document["text"] is not None}
        boxes = await self._vault.boxes(tx, list(authors)) if authors else {}
        return [_review(document, boxes.get(document["driver"])) for document in documents]


def _sealed(review: Review, box: Box) -> Document:
    fields = asdict(review)
    review_id, text = fields.pop("id"), fields["text"]
    fields["text"] = box.seal(text, text_context(review_id)) if text is not None else None
    return fields


def _review(document: Document, box: Box | None) -> Review:
    """The review; without its author's key it has no text."""
    fields = dict(document)
    review_id, sealed = fields.pop("_id"), fields["text"]
    fields["text"] = _opened_text(sealed, review_id, box) if box and sealed is not None else None
    return Review(id=review_id, **fields)


def _opened_text(sealed: bytes, review_id: UUID, box: Box) -> str | None:
    """The text; None where somebody has changed it in the store, so that one such does not hide all the others."""
    try:
        return box.open(sealed, text_context(review_id))
    except KeyRingError:
        log.exception("the text of a review cannot be opened", extra={"review": str(review_id)})
        return None


def _stored(rating: Rating) -> Document:
    return {
        "by_stars": list(rating.by_stars), "review_count": rating.count,
        "stars_average_tenths": rating.average_tenths,
    }  # fmt: skip


def text_context(review_id: UUID) -> str:
    """What a text is sealed for."""
    return f"reviews.text|{review_id}"
