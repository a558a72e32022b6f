"""What drivers, stations and staff do in a trial of payments: each order is a small story, drawn from the seed."""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feeds.platform import PlatformError
from forecourt.chaos_world import CARD_MINOR, Driver, World, confirm, recharge
from forecourt.fuel_stops import FUEL
from schemas.base import rfc3339
from servicekit.ids import new_id

PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.15
LITTLE_MINOR = 30_000
"""With less on the card it is recharged first."""
UNDER_WAY = frozenset({"paying", "unknown"})
NOT_YET = frozenset({
    "request-in-flight", "order-changed", "too-many-open-orders", "no-such-station", "fuel-not-sold", "loyalty-away",
})  # fmt: skip
"""Refusals that say: in a moment."""
TRY_AGAIN = frozenset({
    "payment-refused", "payment-in-progress", "invalid-transition", "insufficient-funds", "reservation-refused",
})  # fmt: skip
"""Refusals after which a driver looks at the order, and pays again or otherwise."""
METHODS = ("wechat", "alipay", "fuel_card")
MAX_TRIES = 6
SWITCH_SECONDS = 20.0
"""After so long a driver tries another way."""


@dataclass(frozen=True)
class Story:
    """What is to happen with one order."""

    mode: str
    method: str
    litres_ml: int
    station: int
    cancels: str
    """`` (no), `placed`, or `paying`: then the payer confirms it too late; who has fuelled pays otherwise."""
    adjusts: bool
    declines: bool
    refunds: str
    """`` (no), `part` or `whole`."""
    gives: float
    """What the pump gives of what was asked for, where the money comes first."""
    points: int
    """The most to spend, where the fuel comes first; who has fewer pays without."""


def draw(luck: random.Random) -> Story:
    """The next story."""
    return Story(
        mode=luck.choices(("post_pay", "pre_auth", "prepaid"), (50, 30, 20))[0],
        method=luck.choice(METHODS),
        litres_ml=luck.randrange(3_000, 30_000), station=luck.randrange(10**6),
        cancels=luck.choices(("", "placed", "paying"), (91, 4, 5))[0], adjusts=luck.random() < 0.06,
        declines=luck.random() < 0.05, refunds=luck.choices(("", "part", "whole"), (88, 9, 3))[0],
        gives=luck.choices((1.0, 0.7, 0.0, 1.02), (70, 24, 3, 3))[0],
        points=luck.choices((0, 20, 150), (60, 25, 15))[0],
    )  # fmt: skip


class Trial:
    """All the orders of a trial, as many at once as there are drivers."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._seed = seed
        self.name = secrets.token_hex(4)
        """So that its pumps are no other trial's."""
        self.order_ids: list[str] = []
        """Every order that the platform said it had taken."""
        self.gave_up: Counter[str] = Counter()
        """Why drivers lost patience."""

    async def run(self, count: int, advance: Callable[[], object]) -> None:
        """Plays so many stories; each driver takes the next one that nobody has taken."""
        numbers = iter(range(count))

        async def play(driver: Driver) -> None:
            for number in numbers:
                try:
                    await _Telling(self, self._world, driver, self._seed, number).tell()
                except PlatformError as error:
                    self.gave_up[error.kind or str(error)] += 1
                advance()

        await asyncio.gather(*map(play, self._world.drivers))


class _Telling:
    """One order's story as it happens."""

    def __init__(self, trial: Trial, world: World, driver: Driver, seed: int, number: int) -> None:
        self._trial = trial
        self._world = world
        self._driver = driver
        self._number = number
        self._story = draw(random.Random(f"{seed}/{number}"))  # noqa: S311 - no secret
        self._points = self._story.points
        self._path = ""

    async def tell(self) -> None:
        """From the nozzle to the receipt, or to wherever the story ends."""
        story, order = self._story, await self._place()
        self._trial.order_ids.append(order["order_id"])
        self._path = f"/v1/orders/{order['order_id']}"
        if story.cancels == "placed":
            await self._driver_does("cancel")
            return
        if story.mode == "post_pay":
            await self._dispense(story.litres_ml)
            if story.adjusts:
                await self._adjust()
        if not await self._pay():
            return
        if story.mode != "post_pay":
            await self._dispense(int(story.litres_ml * story.gives))
            await self._until(lambda seen: seen["status"] not in UNDER_WAY | {"authorised"})
        if story.refunds:
            await self._refund()

    async def _place(self) -> dict[str, Any]:
        story = self._story
        station_id = self._world.station_ids[story.station % len(self._world.station_ids)]
        wanted: dict[str, Any] = {"fill_up": True}
        if story.mode == "pre_auth":
            wanted = {"volume_ml": story.litres_ml}
        elif story.mode == "prepaid":
            wanted = {"amount_minor": max(100, story.litres_ml * 785 // 1_000)}
        body = {
            "station_id": station_id, "pump_id": f"{self._trial.name}-{self._number}", "fuel": FUEL,
            "mode": story.mode, **wanted,
        }  # fmt: skip
        return await self._insist("/v1/orders", body)

    async def _dispense(self, volume_ml: int) -> None:
        body = {
            "dispense_id": str(new_id()), "volume_ml": volume_ml,
            "ended_at": rfc3339(datetime.now(UTC)),
        }  # fmt: skip
        for _ in range(2):  # a pump's controller that is not sure says it again
            await self._world.system.post(f"{self._path}/dispenses", body, body["dispense_id"])

    async def _adjust(self) -> None:
        volume_ml = self._story.litres_ml - 500
        body = {"volume_ml": volume_ml, "reason": "pump_fault"}
        await self._world.system.post(f"{self._path}/adjust", body, str(new_id()))
        await self._driver_does("accept")

    async def _pay(self) -> bool:
        """Pays until it is paid, another way where one takes too long; whether the story goes on."""
        story, changes_mind = self._story, self._story.declines or self._story.cancels == "paying"
        methods = (story.method, *(method for method in METHODS if method != story.method))
        given_up: dict[str, str] = {}
        for number in range(MAX_TRIES):
            client = await self._try_to_pay(methods[number % len(methods)])
            if given_up and story.cancels == "paying":
                await confirm(self._world.outside, given_up, late=True)
            if client and changes_mind and number == 0:
                if story.mode == "post_pay":  # the fuel is in the tank: another way to pay is all that is left
                    given_up = client
                    continue
                await self._driver_does("cancel")
                await confirm(self._world.outside, client if story.cancels == "paying" else {}, late=True)
                return False
            if client:
                await confirm(self._world.outside, client)
            seen = await self._until(lambda seen: seen["status"] not in UNDER_WAY, SWITCH_SECONDS)
            if seen["status"] not in UNDER_WAY | {"placed", "confirmed"}:
                return seen["status"] in {"authorised", "paid", "completed"}
        return False

    async def _try_to_pay(self, method: str) -> dict[str, str] | None:
        """What the phone needs to ask for the confirmation; None where there is nothing to confirm."""
        if method == "fuel_card":
            await self._fill_the_card()
        body: dict[str, Any] = {"method": method}
        if method == "fuel_card":
            body["card_id"] = self._driver.card_id
        if self._story.mode == "post_pay":
            body["points"] = self._points
        try:
            return (await self._insist(f"{self._path}/pay", body))["payment"]["client"]
        except PlatformError as error:
            if error.kind not in TRY_AGAIN:
                raise
            self._points = 0
            return None

    async def _fill_the_card(self) -> None:
        client = await self._driver.present()
        card = await client.get(f"/v1/fuel-cards/{self._driver.card_id}")
        if (left := card["balance"]["available_minor"]) < LITTLE_MINOR:
            await recharge(self._driver, self._world.outside, CARD_MINOR - left)

    async def _refund(self) -> None:
        seen = await (await self._driver.present()).get(self._path)
        left = seen["paid_minor"] - seen["refunded_minor"]
        if left < 2:
            return
        what = {"whole": True} if self._story.refunds == "whole" else {"amount_minor": left // 2}
        manager = await self._world.manager.present()
        await manager.post(f"{self._path}/refunds", {**what, "reason": "goodwill"}, str(new_id()))

    async def _driver_does(self, what: str) -> None:
        await (await self._driver.present()).post(f"{self._path}/{what}", None, str(new_id()))

    async def _insist(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Asks under one key until the answer is not `in a moment`."""
        key, deadline = str(new_id()), time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await (await self._driver.present()).post(path, body, key)
            except PlatformError as error:
                if error.kind not in NOT_YET or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(LOOK_SECONDS)

    async def _until(
        self, is_so: Callable[[dict[str, Any]], bool], patience_seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """The order once it is so, as the driver's app looks at it; as it is then where that takes too long."""
        deadline = time.monotonic() + patience_seconds
        while True:
            seen = await (await self._driver.present()).get(self._path)
            if is_so(seen) or time.monotonic() > deadline:
                return seen
            await asyncio.sleep(LOOK_SECONDS)
