"""The life of coupons against a plain model: whatever is done in whatever order, each is used once, as events say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.repository import coupon_templates, members
from loyalty.repository import coupons as repository
from loyalty.use_cases import coupons
from servicekit.ids import new_id
from servicekit.postgres import Connection

from .conftest import Loyalty
from .coupon_kit import template

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DRIVERS = ("anna", "bela")
RESERVATIONS = tuple(new_id() for _ in range(2))
MOST = 3
PER_DRIVER = 2

drivers = st.sampled_from(DRIVERS)
numbers = st.integers(0, MOST - 1)
places = st.sampled_from(range(len(RESERVATIONS)))
operations = st.one_of(
    st.tuples(st.just("issue"), drivers, st.integers(0, 4)),
    st.tuples(st.just("issue"), st.just("anna"), st.integers(2, 9)),
    st.tuples(st.just("reserve"), numbers, places),
    st.tuples(st.just("release"), numbers, places),
    st.tuples(st.just("spend"), numbers, places),
    st.tuples(st.just("redeem"), numbers, places),
    st.tuples(st.just("give"), numbers, places),
    st.tuples(st.just("age"), numbers, places),
    st.tuples(st.just("expire"), numbers, places),
    st.tuples(st.just("erase"), drivers, places),
)


BEFORE = (("issue", "anna", 0), ("issue", "bela", 1))
"""So that there is something to do things with."""


@dataclass
class Known:
    """A coupon as it should be."""

    driver: str
    first: str
    status: str = "active"
    reserved_by: int | None = None
    over: bool = False
    changes: int = 1
    told: list[tuple[str, int]] = field(default_factory=lambda: [("issued", 1)])

    def become(self, status: str, event: str | None = None, reserved_by: int | None = None) -> None:
        """Changes it, and notes what is told of it."""
        self.status, self.reserved_by, self.changes = status, reserved_by, self.changes + 1
        if event:
            self.told.append((event, self.changes))


@dataclass
class Model:
    """All coupons, in the order in which they were issued, in the plainest way."""

    known: list[Known] = field(default_factory=list)
    keys: dict[int, int] = field(default_factory=dict)

    def issue(self, driver: str, key: int) -> int | None:
        """Which one it is; None: none is issued."""
        if key in self.keys:
            return self.keys[key]
        got = sum(driver in (one.driver, one.first) for one in self.known)
        if len(self.known) >= MOST or got >= PER_DRIVER:
            return None
        self.known.append(Known(driver, driver))
        self.keys[key] = len(self.known) - 1
        return self.keys[key]

    def usable(self, number: int) -> Known | None:
        """The coupon, if it can be used now."""
        one = self.known[number] if number < len(self.known) else None
        return one if one and one.status == "active" and not one.over else None


class World:
    """The store beside the model, in one transaction that nobody else sees."""

    def __init__(self, loyalty: Loyalty, tx: Connection, template_id: UUID) -> None:
        self.model = Model()
        self.ids: list[UUID] = []
        self._loyalty = loyalty.process
        self._tx = tx
        self._template_id = template_id
        self._at = datetime.now(UTC)

    async def do(self, kind: str, what: Any, how: int) -> None:
        """Does it to both, and compares what they say."""
        if isinstance(what, int) and what >= len(self.ids):
            return
        await getattr(self, f"_{kind}")(what, how)

    async def _issue(self, driver: str, key: int) -> None:
        expected = self.model.issue(driver, key)
        coupon_id = await coupons.issue(
            self._loyalty, self._tx, self._template_id, driver, reason="claim", key=f"{self._template_id}|{key}",
            at=self._at,
        )  # fmt: skip
        if expected is None:
            assert coupon_id is None
        elif expected < len(self.ids):
            assert coupon_id == self.ids[expected]
        else:
            assert coupon_id
            self.ids.append(coupon_id)

    async def _reserve(self, number: int, place: int) -> None:
        one, coupon_id = self.model.known[number], self.ids[number]
        got = await repository.reserve(self._tx, one.driver, [coupon_id], RESERVATIONS[place])
        assert (got == {coupon_id}) is (self.model.usable(number) is not None)
        if got:
            one.become("reserved", reserved_by=place)

    async def _release(self, _: int, place: int) -> None:
        held = [one for one in self.model.known if one.reserved_by == place]
        assert await repository.release(self._tx, [RESERVATIONS[place]]) == len(held)
        for one in held:
            one.become("active")

    async def _spend(self, _: int, place: int) -> None:
        held = [one for one in self.model.known if one.reserved_by == place]
        redemption = repository.Redemption(RESERVATIONS[place], new_id(), new_id(), {}, "CNY", self._at)
        used = await repository.redeem_reserved(self._tx, [redemption])
        assert len(used) == len(held)
        for one in held:
            one.become("redeemed", "redeemed")

    async def _redeem(self, number: int, _: int) -> None:
        done = await repository.redeem_at_counter(
            self._tx, self.ids[number], station_id=new_id(), amount_minor=1, currency="CNY", at=self._at
        )
        one = self.model.usable(number)
        assert (done is not None) is (one is not None)
        if one:
            one.become("redeemed", "redeemed")

    async def _give(self, number: int, _: int) -> None:
        other = next(name for name in DRIVERS if name != self.model.known[number].driver)
        coupon = await repository.find(self._tx, self.ids[number])
        assert coupon
        done = await repository.give(self._tx, coupon, "operator", other, self._at)
        one = self.model.usable(number)
        assert (done is not None) is (one is not None)
        if one:
            one.driver = other
            one.become("active", "issued")

    async def _age(self, number: int, _: int) -> None:
        self.model.known[number].over = True
        past = self._at - timedelta(days=1)
        await self._tx.execute("UPDATE coupons SET expires_at = $2 WHERE coupon_id = $1", self.ids[number], past)

    async def _expire(self, _: int, __: int) -> None:
        due = [one for one in self.model.known if one.over and one.status == "active"]
        assert await repository.expire(self._tx, self._at, 100) == len(due)
        for one in due:
            one.become("expired", "expired")

    async def _erase(self, driver: str, _: int) -> None:
        own = [one for one in self.model.known if one.driver == driver and one.status == "active"]
        assert await coupons.erase(self._loyalty, self._tx, driver) == len(own)
        for one in own:
            one.become("cancelled")

    async def compare(self) -> None:
        """All is as the model says: whose each is, what became of it, and what was told."""
        rows = await self._tx.fetch(
            "SELECT driver_id, status, version FROM coupons WHERE template_id = $1 ORDER BY coupon_id",
            self._template_id,
        )
        assert [tuple(row) for row in rows] == [(one.driver, one.status, one.changes) for one in self.model.known]
        assert await self._tx.fetchval(
            "SELECT issued FROM coupon_templates WHERE template_id = $1", self._template_id
        ) == len(rows)  # fmt: skip
        for one, coupon_id in zip(self.model.known, self.ids, strict=True):
            told = await self._tx.fetch(
                "SELECT type, payload FROM outbox WHERE key = $1 ORDER BY position", str(coupon_id)
            )
            assert [_told(row["type"], row["payload"]) for row in told] == one.told
            assert [kind for kind, _ in one.told].count("redeemed") <= 1


def _told(kind: str, payload: bytes) -> tuple[str, int]:
    word = next(word for word in ("issued", "redeemed", "expired") if word in kind.lower())
    return word, msgspec.json.decode(payload)["version"]


class _Undone(Exception):
    """Ends a transaction that was only a trial."""


@FAST
@given(st.lists(operations, min_size=8, max_size=25))
async def test_a_coupon_s_life_is_as_the_model_says(loyalty: Loyalty, steps: Sequence[tuple[str, Any, int]]):
    async def trial(tx: Connection) -> None:
        await members.lock(tx, *DRIVERS)
        one = template(most_issued=MOST, per_driver=PER_DRIVER, transferable=True)
        await coupon_templates.insert(tx, one)
        world = World(loyalty, tx, one.template_id)
        for step in (*BEFORE, *steps):
            await world.do(*step)
        await world.compare()
        raise _Undone

    try:
        await loyalty.store.transact(trial)
    except _Undone:
        return
