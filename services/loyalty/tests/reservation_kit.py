"""A driver who pays: reservations as payments asks for them, the events that follow, and what all of it left behind."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from loyalty.use_cases import points, reservation_work
from loyalty.use_cases.purchases import take_orders
from schemas.events import OrderCancelledV1, OrderPaidV1, OrderRefundedV1
from schemas.reservations import PATH
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.testkit_services import any_message

from .conftest import OPERATOR, Loyalty

GROSS = 31_400
"""40 litres at 7.85."""


@dataclass
class Payer:
    """A driver at a station."""

    loyalty: Loyalty
    station_id: UUID
    driver_id: str = field(default_factory=lambda: str(new_id()))

    @classmethod
    async def at_a_station(cls, loyalty: Loyalty, **fields: Any) -> "Payer":
        """One who was never met, at a station that is known."""
        return cls(loyalty, await loyalty.station(**fields))

    @property
    def headers(self) -> dict[str, str]:
        """The driver's own."""
        return self.loyalty.driver(self.driver_id)

    async def award(self, amount: int) -> None:
        """Points that the driver may spend."""
        at = datetime.now(UTC)
        await self.loyalty.store.transact(lambda tx: points.award(
            self.loyalty.process, tx, self.driver_id, amount, reason="reward", key=str(new_id()), at=at
        ))  # fmt: skip

    async def spendable(self) -> int:
        """How many there are now."""
        async with self.loyalty.store.connection() as connection:
            return await points.spendable(connection, self.driver_id)

    def body(self, **fields: Any) -> dict[str, Any]:
        """What payments asks for the driver."""
        standard = {
            "reservation_id": new_id(), "order_id": new_id(), "driver_id": self.driver_id,
            "station_id": self.station_id, "operator": OPERATOR, "fuel": "petrol_95", "price_mills": 7_850,
            "volume_ml": 40_000, "gross_minor": GROSS, "currency": "CNY", "method": "wechat", "coupon_ids": [],
            "points": 0,
        } | fields  # fmt: skip
        return standard | {
            name: str(standard[name]) for name in ("reservation_id", "order_id", "station_id")
        } | {"coupon_ids": [str(one) for one in standard["coupon_ids"]]}  # fmt: skip

    async def ask(self, **fields: Any) -> httpx.Response:
        """The reply to what payments asks."""
        return await self.loyalty.client.post(PATH, json=self.body(**fields), headers=self.headers)

    async def reserved(self, **fields: Any) -> dict[str, Any]:
        """What is asked for, once it is set aside: the body with the answer."""
        body = self.body(**fields)
        reply = await self.loyalty.client.post(PATH, json=body, headers=self.headers)
        assert reply.status_code == 200, reply.text
        return body | reply.json()

    async def release(self, reservation_id: str) -> None:
        """Payments lets go."""
        reply = await self.loyalty.client.post(f"{PATH}/{reservation_id}/release", headers=self.headers)
        assert reply.status_code == 204, reply.text


def off(reserved: dict[str, Any], *kinds: str) -> int:
    """What parts of these kinds (none: all) take off."""
    return sum(part["amount_minor"] for part in reserved["breakdown"] if not kinds or part["kind"] in kinds)


def paid(reserved: dict[str, Any], **fields: Any) -> OrderPaidV1:
    """The order is paid with it."""
    return OrderPaidV1.model_validate(_order(reserved) | {
        "version": 5, "volume_ml": reserved["volume_ml"], "gross_minor": reserved["gross_minor"],
        "breakdown": reserved["breakdown"], "paid_minor": reserved["gross_minor"] - off(reserved),
        "method": reserved["method"], "reservation_id": reserved["reservation_id"],
    } | fields)  # fmt: skip


def refunded(reserved: dict[str, Any], refunded_minor: int | None = None, **fields: Any) -> OrderRefundedV1:
    """So much of it was refunded by now, or all."""
    paid_minor = reserved["gross_minor"] - off(reserved)
    amount = paid_minor if refunded_minor is None else refunded_minor
    return OrderRefundedV1.model_validate(_order(reserved) | {
        "version": 7, "refund_id": new_id(), "amount_minor": amount, "refunded_minor": amount,
        "paid_minor": paid_minor, "method": "wechat", "reason": "wrong_amount",
    } | fields)  # fmt: skip


def cancelled(reserved: dict[str, Any]) -> OrderCancelledV1:
    """Nothing will be paid."""
    return OrderCancelledV1.model_validate(_order(reserved) | {
        "version": 5, "how": "cancelled", "reason": "by_driver", "reservation_id": reserved["reservation_id"],
    })  # fmt: skip


def _order(reserved: dict[str, Any]) -> dict[str, Any]:
    names = ("order_id", "driver_id", "station_id", "operator", "fuel", "price_mills", "currency")
    fixed = {"pump_id": "1", "mode": "post_pay", "occurred_at": datetime.now(UTC)}
    return {name: reserved[name] for name in names} | fixed


async def tell(loyalty: Loyalty, *events: OrderPaidV1 | OrderRefundedV1 | OrderCancelledV1) -> None:
    """Handles the events as the consumer does: all in one transaction."""
    await loyalty.process.earning.read()
    await loyalty.process.campaigns.read()

    received = [Received(event, any_message()) for event in events]
    await loyalty.store.transact(lambda tx: take_orders(loyalty.process, tx, received))


async def expire(loyalty: Loyalty, reservation_id: str | None = None) -> int:
    """The time of a reservation, or of all, is over, and the service sees to it."""
    await loyalty.sql(
        "UPDATE reservations SET expires_at = $2 WHERE status = 'held' AND ($1::uuid IS NULL OR reservation_id = $1)",
        reservation_id, datetime.now(UTC) - timedelta(seconds=1),
    )  # fmt: skip
    return await reservation_work.expire_due(loyalty.process)


async def used(loyalty: Loyalty, campaign_id: UUID) -> tuple[int, int]:
    """(minor units, times) that are taken of a campaign; by its drivers the same."""
    (row,) = await loyalty.rows(
        """SELECT coalesce(sum(used_minor), 0)::bigint AS used_minor, coalesce(sum(uses), 0)::bigint AS uses
           FROM campaign_use WHERE campaign_id = $1""",
        campaign_id,
    )  # fmt: skip
    (own,) = await loyalty.rows(
        """SELECT coalesce(sum(used_minor), 0)::bigint AS used_minor, coalesce(sum(uses), 0)::bigint AS uses
           FROM campaign_drivers WHERE campaign_id = $1""",
        campaign_id,
    )  # fmt: skip
    assert own == row
    return row["used_minor"], row["uses"]


async def coupon_is(loyalty: Loyalty, coupon_id: UUID) -> str:
    """What became of a coupon."""
    return await loyalty.sql("SELECT status FROM coupons WHERE coupon_id = $1", coupon_id)


async def status_of(loyalty: Loyalty, reserved: dict[str, Any]) -> str | None:
    """What became of a reservation; None where nothing is kept of it."""
    query = "SELECT status FROM reservations WHERE reservation_id = $1::uuid"
    return await loyalty.sql(query, reserved["reservation_id"])


async def differences(loyalty: Loyalty) -> list[str]:
    """The kinds of all that were noted."""
    return [row["kind"] for row in await loyalty.rows("SELECT kind FROM differences ORDER BY kind")]
