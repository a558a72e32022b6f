"""Points against a model: whatever is earned, held, spent, refunded, given back, merged, erased, and said twice.

After each step the sum of a driver's lots, the balance and the postings are the same: what the model says.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty.domain.points import TooFewPoints
from loyalty.repository import points as repository
from loyalty.use_cases import expiring, point_people, points
from schemas.events import OrderPaidV1, OrderRefundedV1
from servicekit.erasures import Erasure
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Loyalty
from .purchase_kit import NOW, paid, refunded, take

FAST = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DRIVERS = 2

names = st.integers(0, 3)
"""Business keys; few, so that many are said again."""
drivers = st.integers(0, DRIVERS - 1)
amounts = st.integers(1, 60)
steps = st.one_of(
    st.tuples(st.just("award"), names, drivers, amounts),
    st.tuples(st.just("order"), names, drivers, st.integers(0, 8_000)),
    st.tuples(st.just("refund"), names, drivers, st.integers(1, 9_000)),
    st.tuples(st.just("hold"), names, drivers, amounts),
    st.tuples(st.just("release"), names, drivers, amounts),
    st.tuples(st.just("spend_hold"), names, drivers, amounts),
    st.tuples(st.just("spend"), names, drivers, amounts),
    st.tuples(st.just("give_back"), names, drivers, amounts),
    st.tuples(st.just("expire"), names, drivers, st.integers(1, 3)),
    st.tuples(st.sampled_from(["merge", "award", "order", "hold"]), names, drivers, amounts),
    st.tuples(st.sampled_from(["erase", "award", "order", "hold"]), names, drivers, amounts),
)
Step = tuple[str, int, int, int]


@dataclass
class Use:
    """What is set aside or was spent."""

    driver: int
    points: int
    status: str
    given_back: int = 0


@dataclass
class Order:
    """What is known of an order; a driver of None: of nobody any more."""

    driver: int | None
    paid: int | None = None
    refunded: int = 0

    @property
    def posted(self) -> int:
        """What it leaves by now; a point for each yuan."""
        if not self.paid or self.driver is None:
            return 0
        return (self.paid // 100) * max(0, self.paid - self.refunded) // self.paid


@dataclass
class Model:
    """What should be, kept in the plainest way."""

    balance: list[int] = field(default_factory=lambda: [0] * DRIVERS)
    awarded: set[int] = field(default_factory=set[int])
    uses: dict[str, Use] = field(default_factory=dict[str, Use])
    orders: dict[int, Order] = field(default_factory=dict[int, Order])
    owner: list[int | None] = field(default_factory=lambda: [0, 1])
    """Who each driver is now."""

    def held(self, driver: int) -> int:
        """What is set aside."""
        return sum(use.points for use in self.uses.values() if use.driver == driver and use.status == "held")

    def spendable(self, driver: int) -> int:
        """What is not."""
        return max(0, self.balance[driver] - self.held(driver))

    def is_here(self, driver: int) -> bool:
        """Whether the driver can sign in."""
        return self.owner[driver] == driver

    def award(self, name: int, driver: int, amount: int) -> None:
        """Once for the name."""
        owner = self.owner[driver]
        if name not in self.awarded and owner is not None:
            self.awarded.add(name)
            self.balance[owner] += amount

    def order(self, name: int, driver: int, amount: int) -> None:
        """The first payment of an order counts; of its refunds the largest sum."""
        order = self.orders.setdefault(name, Order(None))
        if order.paid is None:
            order.driver, order.paid = self.owner[name % DRIVERS], amount
            if order.driver is not None:
                self.balance[order.driver] += order.posted

    def refund(self, name: int, driver: int, amount: int) -> None:
        """See `order`."""
        order = self.orders.setdefault(name, Order(None))
        before, order.refunded = order.posted, max(order.refunded, amount)
        if order.driver is not None:
            self.balance[order.driver] -= before - order.posted

    def hold(self, name: int, driver: int, amount: int) -> bool:
        """Whether there was enough, or it is held already."""
        return self._use(f"h{name}", driver, amount, "held")

    def spend(self, name: int, driver: int, amount: int) -> bool:
        """The same, at once."""
        return self._use(f"s{name}", driver, amount, "spent")

    def _use(self, key: str, driver: int, amount: int, status: str) -> bool:
        if key in self.uses:
            return True
        if self.spendable(driver) < amount:
            return False
        self.uses[key] = Use(driver, amount, status)
        if status == "spent":
            self.balance[driver] -= amount
        return True

    def release(self, name: int, driver: int, amount: int) -> None:
        """What is held is free again."""
        if (use := self.uses.get(f"h{name}")) and use.status == "held":
            use.status = "released"

    def spend_hold(self, name: int, driver: int, amount: int) -> None:
        """Also where it is not held any more."""
        use = self.uses.get(f"h{name}")
        if use and use.status != "spent" and self.owner[use.driver] is not None:
            use.status = "spent"
            self.balance[use.driver] -= use.points

    def give_back(self, name: int, driver: int, amount: int) -> None:
        """So much in all; of what was held, or of what was spent at once."""
        use = self.uses.get(f"{'hs'[driver]}{name}")
        if use and use.status == "spent" and self.owner[use.driver] is not None:
            total = max(use.given_back, min(amount, use.points))
            self.balance[use.driver] += total - use.given_back
            use.given_back = total

    def merge(self) -> None:
        """All that the first driver has is the second one's, or lost with that one."""
        for use in self.uses.values():
            if use.driver == 0:
                use.driver, use.status = 1, "released" if use.status == "held" else use.status
        for order in self.orders.values():
            order.driver = 1 if order.driver == 0 else order.driver
        self.owner[0] = 1
        self.balance = [0, self.balance[1] + self.balance[0]]

    def erase(self) -> None:
        """The second driver is gone, and the first with it where they are one."""
        self.owner = [None if owner == 1 else owner for owner in self.owner]
        self.balance[1] = 0
        for use in self.uses.values():
            use.status = "released" if use.driver == 1 and use.status == "held" else use.status
        for order in self.orders.values():
            order.driver = None if order.driver == 1 else order.driver


class Real:
    """The service, with drivers and orders that nobody else has."""

    def __init__(self, loyalty: Loyalty) -> None:
        self.loyalty = loyalty
        self.run = str(new_id())
        self.drivers = [str(new_id()) for _ in range(DRIVERS)]
        self.orders: dict[int, OrderPaidV1] = {}

    def key(self, name: str) -> str:
        """A business key of this run."""
        return f"{self.run}|{name}"

    async def do(self, kind: str, name: int, driver: int, amount: int) -> bool:
        """Does it; False where there are too few points."""
        try:
            if kind in {"order", "refund"}:
                await self._tell(kind, name, amount)
            elif kind == "expire":
                await expiring.expire_points(self.loyalty.process, NOW + timedelta(days=amount))
            else:
                await self.loyalty.store.transact(lambda tx: self._do(tx, kind, name, driver, amount))
        except TooFewPoints:
            return False
        return True

    async def _tell(self, kind: str, name: int, amount: int) -> None:
        order = self.orders.get(name)
        if order is None:
            order = paid(self.drivers[name % DRIVERS], 1, volume_ml=1_000)
            self.orders[name] = order
        if kind == "order":
            await take(self.loyalty, [order.model_copy(update={"paid_minor": amount, "gross_minor": amount})])
        else:
            await take(self.loyalty, [refunded(order, amount)])

    async def _do(self, tx: Connection, kind: str, name: int, driver: int, amount: int) -> object:
        process, who, at = self.loyalty.process, self.drivers[driver], NOW
        match kind:
            case "award":
                until = NOW + timedelta(days=name % 3 + 1)
                return await points.award(
                    process, tx, who, amount, reason="reward", key=self.key(f"a{name}"), at=at, expires_at=until
                )
            case "hold":
                return await points.hold(tx, who, amount, self.key(f"h{name}"))
            case "release":
                return await points.release_hold(tx, self.key(f"h{name}"))
            case "spend_hold":
                return await points.spend_hold(
                    process, tx, self.key(f"h{name}"), order_id=new_id(), amount_minor=1, currency="CNY", at=at
                )
            case "spend":
                key = self.key(f"s{name}")
                return await points.spend(process, tx, who, amount, key=key, gift_order_id=new_id(), at=at)
            case "give_back":
                key = self.key(f"{'hs'[driver]}{name}")
                return await points.give_back(process, tx, key, at=at, points=amount)
            case "merge":
                return await self._merge(tx)
            case _:
                return await self._erase(tx)

    async def _merge(self, tx: Connection) -> None:
        first, second = self.drivers
        await point_people.move(self.loyalty.process, tx, first, second)
        await point_people.move_purchases(self.loyalty.process, tx, first, second)
        await self.loyalty.process.erasures.record(tx, first, Erasure(NOW, merged_into=second))

    async def _erase(self, tx: Connection) -> None:
        await point_people.erase(self.loyalty.process, tx, self.drivers[1])
        await self.loyalty.process.erasures.record(tx, self.drivers[1], Erasure(NOW))

    async def standing(self) -> tuple[list[int], list[int]]:
        """(balances, what can be spent); all sums agree, and what moved between accounts is nothing in all."""
        async with self.loyalty.store.connection() as connection:
            assert await repository.check(connection) == []
            totals = await repository.counters(connection)
            assert sum(totals.values()) == totals.get("moved", 0) == 0, totals
            balances = [await repository.balance_of(connection, driver) for driver in self.drivers]
            return balances, [await points.spendable(connection, driver) for driver in self.drivers]


def _is_possible(model: Model, step: Step) -> bool:
    """Who is gone can neither sign in nor be merged; who was erased once stays so."""
    kind, _, driver, _ = step
    if kind in {"hold", "spend"}:
        return model.is_here(driver)
    if kind == "merge":
        return model.is_here(0) and model.is_here(1)
    return kind != "erase" or model.is_here(1)


@given(st.lists(steps, max_size=22))
@example([("order", 0, 0, 6_000), ("spend", 0, 0, 50), ("refund", 0, 0, 9_000), ("merge", 0, 0, 1)])
@example(
    [("order", 1, 1, 6_000), ("spend", 1, 1, 50), ("refund", 1, 1, 9_000), ("award", 2, 0, 20), ("merge", 0, 0, 1)]
)
@example([("award", 0, 0, 60), ("hold", 0, 0, 50), ("spend_hold", 0, 0, 1), ("spend_hold", 0, 0, 1)])
@example([("award", 1, 1, 60), ("hold", 1, 1, 50), ("expire", 0, 0, 3), ("erase", 0, 0, 1), ("spend_hold", 1, 1, 1)])
@FAST
async def test_points_do_what_the_model_does(loyalty: Loyalty, taken: list[Step]) -> None:
    real, model = Real(loyalty), Model()
    for step in taken:
        if not _is_possible(model, step):
            continue
        kind, name, driver, amount = step
        done = await real.do(*step)
        if kind == "expire":
            _believe_what_expired(model, (await real.standing())[0])
        elif kind in {"merge", "erase"}:
            getattr(model, kind)()
        else:
            assert getattr(model, kind)(name, driver, amount) in {None, done}, step
        expected = model.balance, [model.spendable(number) for number in range(DRIVERS)]
        assert await real.standing() == expected, step


def _believe_what_expired(model: Model, balances: list[int]) -> None:
    """How much expires hangs on lots, of which the model knows nothing: but never what is held, or owed."""
    for number, balance in enumerate(balances):
        assert model.balance[number] - model.spendable(number) <= balance <= model.balance[number]
        model.balance[number] = balance


@st.composite
def topics(draw: st.DrawFn) -> tuple[list[tuple[int, int, list[int]]], list[int], int]:
    """Orders (driver, paid, sums refunded by and by), the order in which events come, some twice, and where batches
    end."""
    orders = draw(st.lists(
        st.tuples(drivers, st.integers(0, 9_000), st.lists(st.integers(1, 9_999), max_size=3).map(sorted)), min_size=1,
        max_size=6,
    ))  # fmt: skip
    count = sum(1 + len(refunds) for *_, refunds in orders)
    again = draw(st.lists(st.integers(0, count - 1), max_size=5))
    return orders, draw(st.permutations([*range(count), *again])), draw(st.integers(1, count))


@given(topics())
@settings(FAST, max_examples=10)
async def test_a_topic_that_comes_shuffled_twice_or_anew_ends_in_the_same_balances(
    loyalty: Loyalty, topic: tuple[list[tuple[int, int, list[int]]], list[int], int]
) -> None:
    orders, places, batch = topic
    outcomes: list[list[int]] = []
    for shuffled in (False, True):
        real = Real(loyalty)
        told: list[OrderPaidV1 | OrderRefundedV1] = []
        for driver, minor, refunds in orders:
            order = paid(real.drivers[driver], minor, volume_ml=1_000)
            told += [order, *(refunded(order, one) for one in refunds)]
        events = [told[place] for place in places] if shuffled else told
        await _take_all(loyalty, events, batch)
        outcomes.append((await real.standing())[0])
        entries = await loyalty.sql("SELECT count(*) FROM transfers WHERE driver_id = ANY($1)", real.drivers)
        await _take_all(loyalty, told, len(told))
        assert (await real.standing())[0] == outcomes[-1]
        assert await loyalty.sql("SELECT count(*) FROM transfers WHERE driver_id = ANY($1)", real.drivers) == entries
    expected = [0, 0]
    for driver, minor, refunds in orders:
        expected[driver] += Order(driver, minor, max(refunds, default=0)).posted
    assert outcomes == [expected, expected]


async def _take_all(loyalty: Loyalty, events: Sequence[OrderPaidV1 | OrderRefundedV1], batch: int) -> None:
    for begin in range(0, len(events), batch):
        for _, run in groupby(events[begin : begin + batch], type):
            await take(loyalty, list(run))


async def test_no_order_of_one_driver_is_posted_twice_by_consumers_that_meet(loyalty: Loyalty) -> None:
    driver = str(new_id())
    orders = [paid(driver, 1_000, volume_ml=1_000) for _ in range(20)]
    await asyncio.gather(*(take(loyalty, orders[begin:] + orders[:begin]) for begin in range(0, 20, 4)))
    rows = await loyalty.rows("SELECT version, balance FROM transfers WHERE driver_id = $1 ORDER BY version", driver)
    assert [(row["version"], row["balance"]) for row in rows] == [(n, 10 * n) for n in range(1, 21)]
