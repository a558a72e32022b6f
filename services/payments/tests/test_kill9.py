"""kill -9 at every step of a payment, and of a refund: afterwards the books equal what the provider did."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from payments.domain.orders import Order
from payments.settings import Settings
from payments.use_cases.context import Payments as Process
from servicekit.ids import new_id
from servicekit.postgres import PostgresStore
from servicekit.testkit import Issuer, KafkaProbe, eventually

from .conftest import Payments
from .kill_kit import Brakes, Victim, victim_of
from .paying_kit import AMOUNT, Till
from .provider_kit import played

UNDER_WAY = ["paying", "unknown", "refunding"]


@dataclass
class Scene:
    """One order at each step of its life, all in one process that will be killed."""

    till: Till
    brakes: Brakes
    keys: dict[str, str] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)

    async def order(self, step: str) -> Order:
        """The order that will be at this step."""
        self.orders[step], self.keys[step] = await self.till.order(), str(new_id())
        return self.orders[step]

    async def pay(self, step: str) -> httpx.Response:
        """Pays it, always with the same key."""
        return await self.till.pay(self.orders[step], key=self.keys[step])

    async def waiting(self, step: str) -> Order:
        """It waits for its payer; nobody looks at it for a while."""
        order = await self.order(step)
        assert (await self.pay(step)).status_code == 200
        sleep = "UPDATE attempts SET next_look_at = now() + interval '1 hour' WHERE purpose_id = $1"
        await self.till.payments.sql(sleep, order.order_id)
        return order

    async def confirm(self, order: Order) -> None:
        """The payer confirms on the phone; the provider tells us."""
        await self.till.world.pay("wechat", await self.till.number(order))

    async def paid(self, step: str) -> Order:
        """It is paid."""
        order = await self.waiting(step)
        await self.confirm(order)
        return await self.till.until(order, "paid")


async def bring_each_order_to_its_step(scene: Scene) -> None:
    """Walks through all the places where a process may die."""
    till, brakes = scene.till, scene.brakes
    refunded = [await scene.paid(step) for step in ("refund asked", "refund done", "refund not written")]
    cancelled = await scene.waiting("close done")
    await till.payments.sql("UPDATE orders SET dispensed_at = NULL WHERE order_id = $1", cancelled.order_id)

    await scene.order("create asked")
    await brakes.at_provider("create", "received", partial(scene.pay, "create asked"))
    await scene.order("create done")
    await brakes.at_provider("create", "done", partial(scene.pay, "create done"))
    order = await scene.order("create not written")
    await brakes.before_write("create", order, partial(scene.pay, "create not written"))

    await scene.waiting("waits for its payer")
    order = await scene.waiting("told, not asked")
    await brakes.at_provider("query", "received", partial(scene.confirm, order))
    order = await scene.waiting("asked, not answered")
    await brakes.at_provider("query", "done", partial(scene.confirm, order))
    order = await scene.waiting("answered, not written")
    await brakes.before_write("query", order, partial(scene.confirm, order))

    await brakes.at_provider("refund", "received", partial(till.refund, refunded[0], amount_minor=550))
    await brakes.at_provider("refund", "done", partial(till.refund, refunded[1], amount_minor=550))
    await brakes.before_write("refund", refunded[2], partial(till.refund, refunded[2], amount_minor=550))

    async def cancel() -> None:
        await till.payments.client.post(f"/v1/orders/{cancelled.order_id}/cancel", headers=till.driver)
        look = "UPDATE attempts SET next_look_at = now() WHERE purpose_id = $1"
        await till.payments.sql(look, cancelled.order_id)

    await brakes.at_provider("close", "done", cancel)

    await brakes.lock(await scene.order("nothing written"))
    brakes.begin(partial(scene.pay, "nothing written"))  # the driver's own turn is held from here on
    await brakes.until_waiting()


@pytest.fixture
async def scene(
    settings: Settings, environment: dict[str, str], issuer: Issuer, kafka: KafkaProbe, tmp_path: Path
) -> AsyncIterator[tuple[Scene, Victim]]:
    async with played() as world, PostgresStore.connect(settings) as store:
        victim = victim_of(environment, world, issuer, tmp_path / "payments.log")
        async with httpx.AsyncClient(base_url=victim.url, timeout=60) as client:
            payments = Payments(client, Process(settings, store), issuer, settings, kafka)
            till = Till(payments, world, str(new_id()), await payments.station())
            brakes = Brakes(world, store)
            try:
                await victim.start()
                yield Scene(till, brakes), victim
            finally:
                await victim.kill()
                await brakes.release()


async def test_killed_at_every_step_money_equals_reality(scene: tuple[Scene, Victim]) -> None:
    the, victim = scene
    till, world = the.till, the.till.world
    await till.bind("wechat")
    await bring_each_order_to_its_step(the)
    await victim.kill()
    await the.brakes.release()
    await the.confirm(the.orders["waits for its payer"])  # nobody hears of it
    await victim.start()

    async def is_settled() -> bool:
        await till.look(age_seconds=100)
        await till.payments.sql("UPDATE notifications SET next_look_at = now() WHERE next_look_at IS NOT NULL")
        open_rows = await till.payments.sql(
            """SELECT (SELECT count(*) FROM attempts WHERE next_look_at IS NOT NULL AND closed_at IS NULL)
                    + (SELECT count(*) FROM refunds WHERE next_look_at IS NOT NULL)
                    + (SELECT count(*) FROM notifications WHERE next_look_at IS NOT NULL)"""
        )
        return open_rows == 0

    await eventually(is_settled, 30.0)
    statuses = {step: (await till.now(order)).status for step, order in the.orders.items()}
    assert not set(statuses.values()) & set(UNDER_WAY), statuses
    assert statuses == dict.fromkeys(statuses, "paid") | {
        "nothing written": "confirmed", "create asked": "confirmed", "create done": "confirmed",
        "create not written": "confirmed", "close done": "cancelled",
    }  # fmt: skip
    charged = sum(trade.order.amount.total for trade in world.wechat.trades.values() if trade.transaction_id)
    back = sum(trade.refunded for trade in world.wechat.trades.values())
    assert (charged, back) == (7 * AMOUNT, 3 * 550)
    assert await till.station() == charged - back
    assert await till.payments.sql("SELECT sum(amount_minor) FROM postings") == 0
    assert await till.payments.sql("SELECT sum(paid_minor - refunded_minor) FROM orders") == charged - back
    await till.payments.sql("UPDATE idempotency_keys SET created_at = created_at - interval '1 minute'")
    again = await the.pay("create done")  # its answer was never given: it says where to look
    assert again.status_code == 202, again.text
    assert (await the.pay("nothing written")).json()["payment"]["status"] == "waiting"
