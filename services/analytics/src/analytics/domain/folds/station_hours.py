"""What stations sold, by the hour: the view that most reports of a station are read from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from analytics.domain import facts
from analytics.domain.facts import Fact, OrderEvent, Part
from analytics.domain.moments import as_kept
from analytics.domain.packed import packed, unpacked
from analytics.domain.pseudonyms import BYTES
from analytics.domain.sales_of_orders import is_refund_of_sale, sale_of
from analytics.domain.views import Document

CAMPAIGN_KINDS = frozenset({"campaign", "card_discount"})
"""Parts of a price that are a campaign's; their reference is its id."""
HOUR_FORMAT = "%Y-%m-%dT%HZ"
HOUR_LENGTH = len("2026-04-30T10")
SUMS = (
    "orders", "volume_ml", "gross_minor", "discount_minor", "paid_minor", "refunds", "refunded_minor", "placed",
    "adjusted",
)  # fmt: skip
PARTS = ("fuels", "methods", "discounts", "campaigns", "cancelled")
"""Figures by fuel, way of paying, kind of discount and campaign, and how orders came to nothing."""


def key_of(station_id: object, at: datetime, currency: str) -> str:
    """The id of an hour's document: `0199a000-0000-7000-8000-000000000001|2026-04-30T10Z|CNY`."""
    return f"{station_id}|{at.astimezone(UTC).isoformat()[:HOUR_LENGTH]}Z|{currency}"  # twice as fast as by the format


class StationHours:
    """Per station, hour in UTC and currency: its orders, what they came to, and who came.

    A document: `station_id`, `begins_at`, `currency`, `operator`; the sums SUMS; `fuels` {fuel: orders, volume_ml,
    gross_minor, paid_minor}, `methods` {way of paying: orders, paid_minor}, `discounts` {kind: orders,
    discount_minor}, `campaigns` {id: orders, discount_minor, paid_minor, volume_ml}, `cancelled` {how: orders};
    `drivers` (see domain.packed) and `driver_count` of those who paid.

    An order counts in the hour in which it became a sale (domain.sales_of_orders): in which it was paid, or the pump
    gave what had been paid before. A refund, and fuel that it says was not received, count in the hour of that: so the
    volume of an hour may be below zero.
    """

    name = "station-hours"
    collection = "station_hours"
    events = (
        facts.OrderPlaced, facts.OrderAdjusted, facts.OrderPaid, facts.OrderCompleted, facts.OrderRefunded,
        facts.OrderCancelled,
    )  # fmt: skip
    indexes: tuple[Mapping[str, int], ...] = ({"station_id": 1, "begins_at": 1},)

    def keys(self, fact: Fact) -> Iterable[str]:
        """The hour in which it happened; of payments and completions only those that are a sale."""
        event = fact.event
        if not isinstance(event, self.events) or (isinstance(event, _TOLD) and not sale_of(event)):
            return ()
        if isinstance(event, facts.OrderRefunded) and not is_refund_of_sale(event):
            return ()
        return (key_of(event.station_id, event.occurred_at, event.currency),)

    def begin(self, key: str, fact: Fact) -> Document:
        """An hour in which nothing happened."""
        event = fact.event
        assert isinstance(event, OrderEvent)  # noqa: S101 - `keys` lets no other pass
        begins_at = event.occurred_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return {
            "station_id": event.station_id, "begins_at": begins_at, "currency": event.currency,
            "operator": "", "operator_at": begins_at,
            **dict.fromkeys(SUMS, 0), **{part: {} for part in PARTS}, "drivers": b"", "driver_count": 0,
        }  # fmt: skip

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Adds them; parts stay in the order of their names."""
        for fact in facts:
            event: Any = fact.event
            _ADD[type(event)](document, event)
            _keep_operator(document, event)
        for part in PARTS:
            document[part] = dict(sorted(document[part].items()))
        if paid := {fact.driver for fact in facts if fact.driver and isinstance(fact.event, _TOLD)}:
            document["drivers"] = packed(unpacked(document["drivers"]) | paid)
            document["driver_count"] = len(document["drivers"]) // BYTES

    def begins_at(self, key: str) -> datetime | None:
        """The beginning of its hour."""
        return datetime.strptime(key.split("|")[1], HOUR_FORMAT).replace(tzinfo=UTC)


_TOLD = (facts.OrderPaid, facts.OrderCompleted)


def _placed(document: Document, _: facts.OrderPlaced) -> None:
    document["placed"] += 1


def _adjusted(document: Document, _: facts.OrderAdjusted) -> None:
    document["adjusted"] += 1


def _cancelled(document: Document, event: facts.OrderCancelled) -> None:
    document["cancelled"][event.how] = document["cancelled"].get(event.how, 0) + 1


def _sold(document: Document, event: facts.OrderPaid | facts.OrderCompleted) -> None:
    sale = sale_of(event)
    assert sale is not None  # noqa: S101 - `keys` lets no other pass
    volume_ml, paid = sale.volume_ml, {"orders": 1, "paid_minor": sale.paid_minor}
    sold = {**paid, "volume_ml": volume_ml, "gross_minor": sale.gross_minor}
    _add(document, {**sold, "discount_minor": sum(part.amount_minor for part in sale.breakdown)})
    _add_to(document["fuels"], sale.fuel, {name: sold[name] for name in _NOTHING_SOLD})
    _add_to(document["methods"], sale.method, paid)
    for kind, amount in _amounts(sale.breakdown, lambda part: part.kind):
        _add_to(document["discounts"], kind, {"orders": 1, "discount_minor": amount})
    for campaign, amount in _amounts(sale.breakdown, _campaign_of):
        _add_to(document["campaigns"], campaign, {**paid, "discount_minor": amount, "volume_ml": volume_ml})


def _refunded(document: Document, event: facts.OrderRefunded) -> None:
    document["refunds"] += 1
    document["refunded_minor"] += event.amount_minor
    if event.volume_ml:
        _add_volume(document, event.fuel, -event.volume_ml)


_ADD: Mapping[type, Callable[[Document, Any], None]] = {
    facts.OrderPlaced: _placed, facts.OrderAdjusted: _adjusted, facts.OrderCancelled: _cancelled,
    facts.OrderPaid: _sold, facts.OrderCompleted: _sold, facts.OrderRefunded: _refunded,
}  # fmt: skip
_NOTHING_SOLD = {"orders": 0, "volume_ml": 0, "gross_minor": 0, "paid_minor": 0}


def _add_volume(document: Document, fuel: str, volume_ml: int) -> None:
    document["volume_ml"] += volume_ml
    _add_to(document["fuels"], fuel, {**_NOTHING_SOLD, "volume_ml": volume_ml})


def _add_to(parts: Document, name: str, figures: Mapping[str, int]) -> None:
    _add(parts.setdefault(name, dict.fromkeys(figures, 0)), figures)


def _add(figures: Document, more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        figures[name] += amount


def _campaign_of(part: Part) -> str | None:
    return part.reference if part.kind in CAMPAIGN_KINDS else None


def _amounts(parts: Iterable[Part], name_of: Callable[[Part], str | None]) -> Iterable[tuple[str, int]]:
    """What an order's parts of each name come to: an order counts once for each, however many parts it has."""
    sums: dict[str, int] = {}
    for part in parts:
        if name := name_of(part):
            sums[name] = sums.get(name, 0) + part.amount_minor
    return sums.items()


def _keep_operator(document: Document, event: OrderEvent) -> None:
    """Whose station it was at last in the hour; of two at once the last by name, so that their order is no matter."""
    at = as_kept(event.occurred_at)
    if (at, event.operator) > (document["operator_at"], document["operator"]):
        document["operator_at"], document["operator"] = at, event.operator
