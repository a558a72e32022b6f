"""A driver's purchases, joined from the months in which something became known of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from analytics.domain.folds.purchases import join
from analytics.domain.views import Document


@dataclass(frozen=True, slots=True)
class Refund:
    """What went back of a purchase."""

    at: datetime
    amount_minor: int
    volume_ml: int
    """Fuel that was not received."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A purchase of fuel."""

    at: datetime | None
    """When it was bought; None where that is not in the months that were read, but something else of it is: a refund,
    or a payment before fuelling."""
    station_id: UUID
    fuel: str
    currency: str
    volume_ml: int
    gross_minor: int
    """At the pump, before discounts."""
    paid_minor: int
    """Of an order that was paid before fuelling, what the fuel took of it."""
    discount_minor: int
    vehicle_id: UUID | None
    odometer_km: int | None
    refunds: tuple[Refund, ...]

    @property
    def region(self) -> tuple[UUID, str, date] | None:
        """What its price is held against: the station's region, for the fuel, on the day in UTC. None: with nothing,
        where nothing was bought in the end."""
        refunded_minor = sum(refund.amount_minor for refund in self.refunds)
        if self.at is None or not self.received_ml or refunded_minor >= max(self.paid_minor, 1):
            return None
        return self.station_id, self.fuel, self.at.astimezone(UTC).date()

    @property
    def received_ml(self) -> int:
        """What came into the tank."""
        return self.volume_ml - sum(refund.volume_ml for refund in self.refunds)


def fills_of(months: Iterable[Document]) -> list[Fill]:
    """The purchases in documents of the view `driver-months`, in the order in which they were paid."""
    known: dict[str, Document] = {}
    for month in months:
        for order, told in month["fills"].items():
            join(known.setdefault(order, {}), told)
    return sorted(map(_fill, known.values()), key=lambda fill: fill.at or datetime.max.replace(tzinfo=UTC))


def _fill(known: Document) -> Fill:
    refunds = [Refund(one["at"], one["amount_minor"], one["volume_ml"]) for one in known.get("refunds", {}).values()]
    paid_minor, gross_minor = known.get("paid_minor", 0), known.get("gross_minor", 0)
    return Fill(
        known.get("at"), known["station_id"], known["fuel"], known["currency"], known.get("volume_ml", 0), gross_minor,
        paid_minor, gross_minor - paid_minor, known.get("vehicle_id"), known.get("odometer_km"), tuple(refunds),
    )  # fmt: skip
