"""A station's customers as its books know them: each one's visits."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from analytics.domain.views import Document


class Visit(NamedTuple):
    """A driver was there and paid."""

    at: datetime
    paid_minor: int
    """As the books of hours have it: what was paid, though some of it goes back where less was dispensed than paid."""
    volume_ml: int
    """0 while the pump of an order that was paid before has not given anything."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One driver's visits, the first one first; there is one at least."""

    visits: tuple[Visit, ...]

    def within(self, starts_at: datetime, ends_at: datetime) -> tuple[Visit, ...]:
        """The visits in a time, its end not counted."""
        return self.visits[self._before(starts_at) : self._before(ends_at)]

    def until(self, ends_at: datetime) -> tuple[Visit, ...]:
        """The visits before a moment."""
        return self.visits[: self._before(ends_at)]

    def _before(self, moment: datetime) -> int:
        return bisect_left(self.visits, moment, key=lambda visit: visit.at)


def customers_of(documents: Iterable[Document], currency: str) -> list[Customer]:
    """The customers in documents of the view `station-drivers`; what was paid in another currency is not counted."""
    everybody = (_visits(document, currency) for document in documents)
    return [Customer(tuple(sorted(visits))) for visits in everybody if visits]


def _visits(document: Document, currency: str) -> Sequence[Visit]:
    """Of orders whose payment is known."""
    return [
        Visit(one["at"], one["paid_minor"], one.get("volume_ml", 0))
        for one in document["visits"].values()
        if one.get("currency") == currency and "at" in one
    ]
