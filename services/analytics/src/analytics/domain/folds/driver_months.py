"""What a driver bought, by the month: the view of drivers' habits. It is a person's profile, and goes with them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from analytics.domain import facts
from analytics.domain.facts import Fact
from analytics.domain.folds.purchases import add, is_news_of_driver
from analytics.domain.views import Document

MONTH_FORMAT = "%Y-%m"
KEPT_MONTHS = 37
"""This month and those that habits may ask for with it; what is older is deleted (use_cases.forgetting)."""


def key_of(driver: bytes, month: str) -> str:
    """The id of a month's document: 32 hex digits and the month in UTC, `2026-04`."""
    return f"{driver.hex()}|{month}"


class DriverMonths:
    """Per driver and month in UTC: what each event of the month says of the driver's purchases.

    A document: `driver`, `month`, `fills` {order: as folds.purchases says}. What is known of a purchase may stand in
    several months, each event in its own: who reads it joins them.
    """

    name = "driver-months"
    collection = "driver_months"
    events = (facts.OrderPaid, facts.OrderCompleted, facts.OrderRefunded)
    indexes: tuple[Mapping[str, int], ...] = ({"month": 1},)

    def keys(self, fact: Fact) -> Iterable[str]:
        """The month in which it happened, of its driver."""
        if fact.driver is None or not isinstance(fact.event, self.events) or not is_news_of_driver(fact):
            return ()
        return (key_of(fact.driver, f"{fact.event.occurred_at.astimezone(UTC):{MONTH_FORMAT}}"),)

    def begin(self, key: str, fact: Fact) -> Document:
        """A month in which nothing was bought."""
        return {"driver": fact.driver, "month": key.split("|")[1], "fills": {}}

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them."""
        for fact in facts:
            assert isinstance(fact.event, _ORDER)  # noqa: S101 - `keys` lets no other pass
            add(document["fills"], fact.event)

    def begins_at(self, key: str) -> datetime | None:
        """The beginning of its month."""
        return datetime.strptime(key.split("|")[1], MONTH_FORMAT).replace(tzinfo=UTC)


_ORDER = facts.OrderEvent
