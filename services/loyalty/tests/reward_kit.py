"""Fills that campaigns reward, and what came of it."""

from typing import Any
from uuid import UUID

from loyalty.use_cases import reward_work
from schemas.events import OrderPaidV1
from servicekit.testkit import eventually

from .campaign_kit import published
from .conftest import Loyalty
from .coupon_kit import stored
from .purchase_kit import paid, take

DRIVER = "0199a000-0000-7000-8000-00000000d001"


async def fill(loyalty: Loyalty, station: UUID, driver: str = DRIVER, **fields: Any) -> OrderPaidV1:
    """A paid order that loyalty has heard of."""
    order = paid(driver, station_id=station, **fields)
    await take(loyalty, [order])
    return order


async def rewarded(loyalty: Loyalty) -> None:
    """All that is due was given, by whoever it was: the service does so by itself, too."""

    async def is_done() -> bool:
        await reward_work.give_due(loyalty.process)
        return (
            await loyalty.sql("SELECT count(*) FROM purchases WHERE rewarded_at IS NULL AND paid_at IS NOT NULL") == 0
        )

    await eventually(is_done)


async def coupons_of(loyalty: Loyalty, driver: str = DRIVER) -> int:
    """How many coupons a driver has or had."""
    return await loyalty.sql("SELECT count(*) FROM coupons WHERE driver_id = $1", driver)


async def coupon_campaign(loyalty: Loyalty, trigger: str, count: int | None = None, **fields: Any) -> dict[str, Any]:
    """A campaign that is out and gives a coupon."""
    template = await stored(loyalty)
    benefit = {"kind": "coupon", "template_id": str(template.template_id), "trigger": trigger, "count": count}
    return await published(loyalty, benefit=benefit, **fields)


async def settled(loyalty: Loyalty) -> None:
    """All rewards that waited are given or refused."""

    async def is_settled() -> bool:
        await reward_work.settle_held(loyalty.process)
        return await loyalty.sql("SELECT count(*) FROM rewards WHERE status = 'held'") == 0

    await eventually(is_settled)
