"""What stations asked for their fuel, by the day: the view that price positions and regional averages are read from."""

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from analytics.domain import facts
from analytics.domain.facts import Fact, PriceChanged, PriceConfirmed
from analytics.domain.views import Document

NOT_SOLD = 0
"""In place of a price, since one is at least 1."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return (moment - EPOCH) // MILLISECOND


def key_of(station_id: object, fuel: str, at: datetime) -> str:
    """The id of a day's document: `0199a000-0000-7000-8000-000000000001|e5|2026-04-30`."""
    return f"{station_id}|{fuel}|{at.astimezone(UTC).date()}"


class StationPrices:
    """Per station, fuel and day in UTC: how its price changed, and how often the station said it again.

    A document: `station_id`, `fuel`, `day` (its beginning), `changes`: a sorted list of [milliseconds since 1970 from
    which it holds, version, mills or NOT_SOLD, currency], and `confirmations`.

    What holds at the pump is the change that is effective last; of those effective at one moment the highest version,
    which is a correction. Pricing gives versions in the order in which reports come, but publishes none for a time
    before the last one that was spoken of (it calls them superseded), so the two orders never disagree. A change
    belongs to the day from which it holds, a confirmation to the day that it speaks of.
    """

    name = "station-prices"
    collection = "station_prices"
    events = (facts.PriceChanged, facts.PriceConfirmed)
    indexes: tuple[Mapping[str, int], ...] = ({"station_id": 1, "fuel": 1, "day": 1},)

    def keys(self, fact: Fact) -> Iterable[str]:
        """The day of which it speaks."""
        event = fact.event
        return (key_of(event.station_id, event.fuel, _at(event)),) if isinstance(event, self.events) else ()

    def begin(self, key: str, fact: Fact) -> Document:
        """A day on which nothing was said."""
        event = fact.event
        assert isinstance(event, self.events)  # noqa: S101 - `keys` lets no other pass
        return {
            "station_id": event.station_id, "fuel": event.fuel, "day": self.begins_at(key), "changes": [],
            "confirmations": 0,
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Puts changes where they belong, and counts confirmations."""
        for event in (fact.event for fact in facts):
            if isinstance(event, PriceChanged):
                mills = NOT_SOLD if event.price_mills is None else event.price_mills
                insort(document["changes"], [milliseconds(event.effective_at), event.version, mills, event.currency])
            else:
                document["confirmations"] += 1

    def begins_at(self, key: str) -> datetime | None:
        """Its day; but a price holds until the next one, so the document of a day is needed long after it."""
        return datetime.combine(date.fromisoformat(key.rpartition("|")[2]), datetime.min.time(), UTC)


def _at(event: PriceChanged | PriceConfirmed) -> datetime:
    return event.effective_at if isinstance(event, PriceChanged) else event.confirmed_at
