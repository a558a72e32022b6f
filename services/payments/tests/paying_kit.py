"""A driver with a bound payer at the till of a running service whose providers are the simulators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from payments.domain.ledger import Account, AccountKind
from payments.domain.orders import Order
from payments.domain.provider_words import Provider
from payments.repository import ledger, orders
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import Payments
from .provider_kit import QUICK_SECONDS, Played
from .station_kit import dispensed_order

BOTH = ("wechat", "alipay")
AMOUNT = 23_550
"""30 litres at 7.85."""


@dataclass
class Till:
    """What a test of paying does and looks at."""

    payments: Payments
    world: Played
    driver_id: str
    station_id: UUID

    @property
    def driver(self) -> dict[str, str]:
        """The driver's header."""
        return self.payments.driver(self.driver_id)

    @property
    def head(self) -> dict[str, str]:
        """The header of the station's manager."""
        return self.payments.staff("refunds:write", sub=str(new_id()))

    async def order(self, **fields: Any) -> Order:
        """An order whose fuel was dispensed, and which is to be paid."""
        fields = {"pump_id": new_id().hex[-12:]} | fields
        return await dispensed_order(self.payments, self.station_id, driver_id=self.driver_id, **fields)

    async def pay(self, order: Order, method: str = "wechat", key: str | None = None, **fields: Any) -> httpx.Response:
        """The reply to paying it."""
        headers = self.driver | {"Idempotency-Key": key or str(new_id())}
        path = f"/v1/orders/{order.order_id}/pay"
        return await self.payments.client.post(path, json={"method": method, **fields}, headers=headers)

    async def refund(self, order: Order, head: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        """The reply to refunding it."""
        headers = (head or self.head) | {"Idempotency-Key": str(new_id())}
        body = {"reason": "wrong_amount"} | fields
        return await self.payments.client.post(f"/v1/orders/{order.order_id}/refunds", json=body, headers=headers)

    async def paid(self, order: Order, method: str = "wechat") -> Order:
        """The order once it is paid, by the provider's word and the notification."""
        reply = await self.pay(order, method)
        assert reply.status_code == 200, reply.text
        await self.confirm(order, method)
        return await self.until(order, "paid", "completed", "authorised")

    async def confirm(self, order: Order, method: str = "wechat", *, late: bool = False) -> None:
        """The payer confirms the newest charge on the phone; its look is due."""
        await self.world.pay(method, await self.number(order), late=late)
        await self.look()

    async def number(self, order: Order) -> str:
        """The number of the newest charge."""
        attempt_id = await self.payments.sql(
            "SELECT attempt_id FROM attempts WHERE purpose_id = $1 ORDER BY attempt_id DESC LIMIT 1", order.order_id
        )
        return attempt_id.hex

    async def look(self, *, age_seconds: int = 0) -> None:
        """All that waits is due now, as if so much time had passed."""
        await self.payments.sql(
            """UPDATE attempts SET (created_at, expires_at, closed_at, next_look_at)
                   = (created_at - make_interval(secs => $1), expires_at - make_interval(secs => $1),
                      closed_at - make_interval(secs => $1), now() - interval '1 s')
               WHERE next_look_at IS NOT NULL""",
            age_seconds,
        )  # fmt: skip
        await self.payments.sql("UPDATE refunds SET next_look_at = now() WHERE next_look_at IS NOT NULL")

    async def bind(self, name: str) -> None:
        """The driver lets us know who the driver is at the provider."""
        body = {"openid" if name == "wechat" else "open_id": f"o-canary-{self.driver_id[-6:]}"}
        login = (await self.world.controls.post(f"/control/{name}/logins", json=body)).json()
        code = login.get("code") or login.get("js_code") or login.get("auth_code")
        reply = await self.payments.client.put(f"/v1/me/payers/{name}", json={"code": code}, headers=self.driver)
        assert reply.status_code < 300, (reply.text, login)

    def impatient(self) -> None:
        """Our end waits for answers for a short while only."""
        process, channel = self.payments.process, self.world.channel("wechat", timeout_seconds=QUICK_SECONDS)
        process.channels = process.channels | {channel.provider: channel}

    def two_people_above(self, amount_minor: int) -> None:
        """Refunds of more need two people."""
        settings = self.payments.settings.model_copy(update={"refund_approval_minor": {"CNY": amount_minor}})
        self.payments.process.settings = settings

    async def until(self, order: Order, *statuses: str) -> Order:
        """The order once it has one of these statuses."""
        found: list[Order] = []

        async def is_there() -> bool:
            found[:] = [await self.now(order)]
            return found[0].status in statuses

        with suppress(AssertionError):
            await eventually(is_there)
        assert found[0].status in statuses, found[0]
        return found[0]

    async def until_rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """The rows of a query once there are some."""

        async def look() -> list[dict[str, Any]]:
            return await self.payments.rows(query, *arguments)

        return await eventually(look)

    async def now(self, order: Order) -> Order:
        """The order as it is."""
        async with self.payments.store.connection() as connection:
            found = await orders.find(connection, order.order_id)
        assert found is not None
        return found

    async def balance(self, kind: AccountKind, owner: Any) -> int:
        """What was posted on an account."""
        async with self.payments.store.connection() as connection:
            return (await ledger.balance(connection, Account(kind, str(owner), "CNY"))).posted_minor

    async def station(self) -> int:
        """The station's revenue."""
        return await self.balance(AccountKind.STATION, self.station_id)


@asynccontextmanager
async def till_of(payments: Payments, world: Played, *providers: str) -> AsyncIterator[Till]:
    """A till whose driver has bound these providers, in a good mood; in the end the books must balance.

    What a test puts into the process's place is gone after it.
    """
    as_made = dict(vars(payments.process))
    payments.process.channels = {Provider(name): world.channel(name) for name in BOTH}
    try:
        till = Till(payments, world, str(new_id()), await payments.station())
        for name in BOTH:
            world.fault(name)
        for name in providers:
            await till.bind(name)
        yield till
        assert await payments.sql("SELECT coalesce(sum(amount_minor), 0) FROM postings") == 0
    finally:
        vars(payments.process).update(as_made)
