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
    volume_ml: int


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


def customers_of(documents: Iterable[Document]) -> list[Customer]:
    """The customers in what repository.customers reads. Of visits before the time that it reads there are the first
    and the last one, without what was bought: they say whether somebody is new, and when somebody was there before."""
    everybody = (_visits(document) for document in documents)
    return [Customer(tuple(sorted(visits))) for visits in everybody if visits]


def _visits(document: Document) -> Sequence[Visit]:
    earlier = {at for at in (document["first_at"], document["last_before"]) if at and document["last_before"]}
    recent = [Visit(one["at"], one["paid_minor"], one["volume_ml"]) for one in document["visits"]]
    return [*(Visit(at, 0, 0) for at in earlier), *recent]
