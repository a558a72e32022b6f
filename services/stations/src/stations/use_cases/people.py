"""What the service has of drivers: their favourites and reviews."""

from dataclasses import asdict
from typing import Any

from servicekit.vault import Vault
from stations.repository.favourites import FavouriteRepository
from stations.repository.reviews import ReviewRepository
from stations.repository.stations import Session
from stations.use_cases.reviews import merge_reviews, rate


class DriverData:
    """See servicekit.personal_data.PersonalData."""

    kept = frozenset[str]()

    def __init__(self, favourites: FavouriteRepository, reviews: ReviewRepository, vault: Vault) -> None:
        self._favourites = favourites
        self._reviews = reviews
        self._vault = vault

    async def collect(self, subject: str) -> dict[str, Any]:
        """Favourites with their notes, and reviews with their texts."""
        favourites = await self._favourites.of_driver(subject)
        reviews = [asdict(review) for review in await self._reviews.all_of_driver(subject)]
        for review in reviews:
            review["review_id"] = review.pop("id")
            del review["driver"]  # whoever reads it is
        return {"favourites": [asdict(one) for one in favourites.stations], "reviews": reviews}

    async def erase(self, tx: Session, subject: str) -> dict[str, int]:
        """Deletes all; the stars of the driver's reviews leave the ratings, which stay the sum of what is shown."""
        reviews = await self._reviews.delete_all_of_driver(tx, subject)
        await rate(self._reviews, tx, {review.station_id: (review, None) for review in reviews})
        favourites = await self._favourites.delete(tx, subject)
        shredded = await self._vault.shred(tx, subject)
        return {"favourites": favourites, "reviews": len(reviews), "data_keys": int(shredded)}

    async def merge(self, tx: Session, subject: str, into: str) -> None:
        """Hands all over, sealed anew in the other account's box; the key of this one is deleted."""
        theirs = await self._favourites.of_driver(subject, tx)
        if theirs.stations:
            mine = await self._favourites.of_driver(into, tx)
            await self._favourites.save(tx, mine.taking_over(theirs))
        await self._favourites.delete(tx, subject)
        await merge_reviews(self._reviews, tx, subject, into)
        await self._vault.shred(tx, subject)
