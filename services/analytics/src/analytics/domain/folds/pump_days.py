"""What happened at pumps, by the day: how orders went there, and what the pumps said of themselves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from analytics.domain import facts
from analytics.domain.facts import Fact, OrderEvent, PumpStatusChanged
from analytics.domain.views import Document

STEPS: Mapping[type, str] = {
    facts.OrderPlaced: "placed", facts.OrderConfirmed: "ready", facts.OrderAuthorised: "ready",
    facts.OrderPaid: "paid", facts.OrderCompleted: "left", facts.OrderCancelled: "cancelled",
}  # fmt: skip
PLACES: Final = ("placed", "ready", "paid", "left", "cancelled")
"""A step's place in the list that an order is."""
NOT_COUNTED: Final = -1
"""In place of the number of waiting vehicles."""
MILLISECOND = timedelta(milliseconds=1)


class PumpDays:
    """Per station, pump and UTC day: `station_id`, `pump_id`, `day` (its beginning), and

    `orders` {id as 32 hexadecimal digits: when it came to each of PLACES, or null}: in milliseconds of the day, the
    earliest where it did so more than once; `ready` is that the station confirmed it or the money was held;
    `statuses`: sorted [version, milliseconds of the day, status, waiting vehicles or NOT_COUNTED].

    Each event belongs to the day in which it happened. So an order that was placed before midnight and paid after is
    in two documents, with its own steps in each: whoever reads puts them together by its id (domain.pump_times). No
    event has to know when its order began, and no order of events makes a difference. A pump has its own document
    since a station's would become large: it is written whole for each batch.
    """

    name = "pump-days"
    collection = "pump_days"
    events = (*STEPS, PumpStatusChanged)
    indexes: tuple[Mapping[str, int], ...] = ({"station_id": 1, "day": 1},)

    def keys(self, fact: Fact) -> Iterable[str]:
        """The pump's day in which it happened."""
        event = fact.event
        if type(event) not in self.events:
            return ()
        assert isinstance(event, OrderEvent | PumpStatusChanged)  # noqa: S101 - there are no others
        return (f"{event.station_id}|{event.pump_id}|{event.occurred_at.astimezone(UTC).date()}",)

    def begin(self, key: str, fact: Fact) -> Document:
        """A day on which nothing happened."""
        event = fact.event
        assert isinstance(event, OrderEvent | PumpStatusChanged)  # noqa: S101 - `keys` lets no other pass
        return {
            "station_id": event.station_id, "pump_id": event.pump_id, "day": self.begins_at(key), "orders": {},
            "statuses": [],
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them; orders and statuses stay sorted."""
        for event in (fact.event for fact in facts):
            assert isinstance(event, OrderEvent | PumpStatusChanged)  # noqa: S101 - `keys` lets no other pass
            at = (event.occurred_at - document["day"]) // MILLISECOND
            if isinstance(event, PumpStatusChanged):
                waiting = NOT_COUNTED if event.waiting_vehicles is None else event.waiting_vehicles
                document["statuses"].append([event.version, at, event.status, waiting])
            else:
                _take_step(document["orders"], event, at)
        document["orders"] = dict(sorted(document["orders"].items()))
        document["statuses"].sort()

    def begins_at(self, key: str) -> datetime | None:
        """The beginning of its day; a pump may be called anything."""
        return datetime.fromisoformat(key.rsplit("|", 1)[1]).replace(tzinfo=UTC)


def _take_step(orders: Document, event: OrderEvent, at: int) -> None:
    steps = orders.setdefault(event.order_id.hex, [None] * len(PLACES))
    place = PLACES.index(STEPS[type(event)])
    known = steps[place]
    steps[place] = at if known is None else min(known, at)
