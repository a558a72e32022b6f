"""Who fuels where: the view that new and returning drivers, and all that is said of customers, are read from."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.folds.purchases import add
from analytics.domain.sales_of_orders import sale_of
from analytics.domain.views import Document

KEPT = frozenset({"at", "currency", "paid_minor", "volume_ml"})
"""What a station's books need of a visit; nothing of the driver's car."""


class StationDrivers:
    """Per station and driver: when the driver was there, and what each fill came to.

    A document: `station_id`, `driver`; `first_at`, `last_at` and `orders`, of the orders that were a sale (see
    domain.sales_of_orders); `visits` {order: KEPT, as folds.purchases says}.

    It keeps moments, not months: a month begins with the station's own midnight, and a station's time zone is known
    where a report is made, not where events are folded. It is about all times: topics alone, which no longer reach
    back to a driver's first visit, do not make it anew.
    """

    name = "station-drivers"
    collection = "station_drivers"
    events = (facts.OrderPaid, facts.OrderCompleted)
    indexes: tuple[Mapping[str, int], ...] = (
        {"station_id": 1, "first_at": 1}, {"station_id": 1, "last_at": 1}, {"driver": 1},
    )  # fmt: skip

    def keys(self, fact: Fact) -> Iterable[str]:
        """The station and the driver of an order that became a sale."""
        if fact.driver is None or not isinstance(fact.event, self.events) or sale_of(fact.event) is None:
            return ()
        return (f"{fact.event.station_id}|{fact.driver.hex()}",)

    def begin(self, key: str, fact: Fact) -> Document:
        """A driver who never was there."""
        assert isinstance(fact.event, facts.OrderEvent)  # noqa: S101 - `keys` lets no other pass
        return {
            "station_id": fact.event.station_id, "driver": fact.driver,
            "first_at": None, "last_at": None, "orders": 0, "visits": {},
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them."""
        for fact in facts:
            event = fact.event
            assert isinstance(event, _ORDER)  # noqa: S101 - `keys` lets no other pass
            add(document["visits"], event, KEPT)
            _come(document, event.occurred_at)

    def begins_at(self, key: str) -> datetime | None:
        """None: it is about all times."""
        return None


_ORDER = facts.OrderEvent


def _come(document: Document, at: datetime) -> None:
    document["orders"] += 1
    document["first_at"] = min(document["first_at"] or at, at)
    document["last_at"] = max(document["last_at"] or at, at)
