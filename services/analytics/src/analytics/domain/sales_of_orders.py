"""When an order is a sale, and of how much: the one rule of all views that count orders, litres and money. Pure."""

from msgspec.structs import replace

from analytics.domain.facts import EventStruct, OrderCompleted, OrderPaid, OrderRefunded

PREPAID = "prepaid"
"""Orders that are paid before anybody knows how much fuel there will be."""
OVER_DISPENSED = "over_dispensed"
"""The part of a price that a pump gave beyond what was authorised: nobody pays for it, and it is no discount."""


def sale_of(event: EventStruct) -> OrderPaid | None:
    """The sale that an event tells of, as the payment of it; None: it tells of none.

    An order is a sale when it is paid. One that was paid before fuelling is one when the pump has given fuel, of what
    that fuel took: the rest was never the station's. Its gross less its breakdown is what was paid.
    """
    if isinstance(event, OrderPaid):
        return None if event.mode == PREPAID else _without_over_dispensed(event)
    if not isinstance(event, OrderCompleted) or event.mode != PREPAID or not event.volume_ml:
        return None
    used = event.paid_minor if event.used_minor is None else event.used_minor
    return OrderPaid(
        order_id=event.order_id, version=event.version, driver_id=event.driver_id, station_id=event.station_id,
        operator=event.operator, pump_id=event.pump_id, fuel=event.fuel, mode=event.mode,
        price_mills=event.price_mills, currency=event.currency, occurred_at=event.occurred_at,
        volume_ml=event.volume_ml, gross_minor=used, breakdown=[], paid_minor=used, method=event.method or "none",
    )  # fmt: skip


def is_refund_of_sale(event: EventStruct) -> bool:
    """Whether an event gives back something of a sale; what no fuel took never was a part of one."""
    return isinstance(event, OrderRefunded) and not event.unused


def _without_over_dispensed(paid: OrderPaid) -> OrderPaid:
    over = sum(part.amount_minor for part in paid.breakdown if part.kind == OVER_DISPENSED)
    if not over:
        return paid
    parts = [part for part in paid.breakdown if part.kind != OVER_DISPENSED]
    return replace(paid, gross_minor=paid.gross_minor - over, breakdown=parts)
