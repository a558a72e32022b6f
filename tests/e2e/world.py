"""Two of everything: two operators with a station each, two drivers, and staff and machines of one or the other."""

import asyncio
import itertools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.base import rfc3339
from servicekit.access import STATION_ROLES, Role
from servicekit.testkit import canary_phone, eventually

from .operations import MADE_BY, Answer, Api, Operation
from .people import People, Session

OURS, THEIRS = "ours", "theirs"
OTHER = {OURS: THEIRS, THEIRS: OURS}
OF_ONE_PERSON = {
    "alert_id", "vehicle_id", "export_id", "identity_id", "session_id", "invitation_id", "card_id", "company_id",
    "title_id", "schedule_id",
}  # fmt: skip
"""Path parameters that stand for what belongs to a person; the others belong to an operator."""
FEW = {"company_id", "shift_id"}
"""What somebody has few of, or one: what does not end one is tried on the one that lasts."""
UNPAID = {"placed", "confirmed", "adjusted"}
"""Orders that can still be ended."""
SIDE_BY_SIDE = 3
"""Commands that run at once: each is a process."""


@dataclass
class Caller:
    """Somebody who asks. Whatever is of `side`, or made by this caller, is this caller's own."""

    name: str
    role: str
    side: str
    session: Session

    @property
    def authorization(self) -> str:
        """The header's value."""
        return self.session.authorization


@dataclass
class World:
    """The objects of both sides, and who makes more of them."""

    api: Api
    people: People
    sides: dict[str, dict[str, Any]]
    callers: list[Caller]
    makers: dict[str, Session]
    """By side: somebody of its operator who is nobody of the callers, since nobody approves what they made."""
    lasting: dict[tuple[str, str], Any] = field(default_factory=dict)
    """(path parameter, side): an object that nobody is allowed to touch before the end."""
    _minutes: Iterator[int] = field(default_factory=lambda: itertools.count(60))

    def of(self, role: str, side: str = OURS) -> Caller:
        """The caller of that role."""
        return next(caller for caller in self.callers if (caller.role, caller.side) == (role, side))

    def around(self, side: str) -> dict[str, Any]:
        """What an operation's request is about at a side, with times, names and addresses that were not used yet."""
        soon = rfc3339(datetime.now(UTC) + timedelta(minutes=next(self._minutes)))
        address = f"{secrets.token_hex(8)}@canary-forecourt.example"
        new = {"email": address, "recipient": address, "phone": canary_phone()}
        named = {"name": f"thing-{secrets.token_hex(4)}", "external_id": secrets.token_hex(8), "role": Role.ATTENDANT}
        named |= {"dispense_id": secrets.token_hex(8)}
        named |= {"plate": f"CANARY{secrets.token_hex(2).upper()}", "country": "DE"}
        return self.sides[side] | new | named | {"effective_at": soon, "valid_from": soon}

    def objects(self, operation: Operation, side: str) -> dict[str, Any]:
        """Objects of a side that stay as they are."""
        return self.around(side) | self._lasting(operation, side)

    def is_about_sides(self, operation: Operation) -> bool:
        """Whether the operation's request says whose things are meant."""
        ours, theirs = (self.sides[side] | self._lasting(operation, side) for side in OTHER)
        known = self.around(OURS)
        return operation.is_about(known | ours, known | theirs)

    def _lasting(self, operation: Operation, side: str) -> dict[str, Any]:
        return {name: self.lasting[name, side] for name in operation.names if self.is_made(name)}

    async def fresh(self, operation: Operation, caller: Caller) -> dict[str, Any]:
        """Objects of the caller's own, made for this request."""
        objects = self.around(caller.side)
        for name in operation.names:
            if name in FEW and operation.key[0] != "delete":
                objects[name] = self.lasting[name, caller.side]
            elif self.is_made(name):
                objects[name] = await self.make(name, caller)
        return objects

    async def make(self, name: str, caller: Caller) -> Any:
        """One more object of the caller's, or of the caller's operator."""
        if name == "user_id":
            return (await self.hire(caller.side)).user_id
        if name == "order_id":
            return await self.order(caller)
        is_own = name in OF_ONE_PERSON and caller.role in self.api.operations[MADE_BY[name][0]].holders
        maker = caller.session if is_own else self.makers[caller.side]
        return await self.api.make(name, maker.authorization, self.around(caller.side))

    async def hire(self, side: str) -> Any:
        """One more attendant."""
        return await self.people.hire("colleague", [Role.ATTENDANT], [self.sides[side]["operator"]])

    async def order(self, caller: Caller) -> Any:
        """One more order at the caller's side; its driver's others end, since a driver has few that are open."""
        driver = caller if caller.role == Role.DRIVER else self.of(Role.DRIVER, caller.side)
        await self._end_orders(driver)
        pump = self.around(caller.side) | {"pump_id": secrets.token_hex(4)}
        answers: list[Answer] = []

        async def is_placed() -> bool:
            answers.append(await self.api.ask(self.api.operations["post", "/v1/orders"], driver.authorization, pump))
            return answers[-1].status == 201 or answers[-1].slug not in {"no-such-station", "fuel-not-sold"}

        await eventually(is_placed)  # once payments has heard of the station and its price
        assert answers[-1].status == 201, answers[-1].text
        return answers[-1].document["order_id"]

    async def _end_orders(self, driver: Caller) -> None:
        names = ("cancel", "reject")
        cancel, reject = (self.api.operations["post", f"/v1/orders/{{order_id}}/{name}"] for name in names)
        listed = await self.api.ask(self.api.operations["get", "/v1/orders"], driver.authorization, {})
        for order in listed.document["orders"]:
            about = {"order_id": order["order_id"]}
            if about["order_id"] not in self.lasting.values() and order["status"] in UNPAID:
                for operation, session in ((cancel, driver), *((reject, maker) for maker in self.makers.values())):
                    await self.api.ask(operation, session.authorization, about)

    def is_made(self, name: str) -> bool:
        """Whether a path parameter stands for something that has to be made."""
        return name in MADE_BY or name in {"user_id", "order_id"}


async def make_world(people: People, api: Api) -> World:
    """A new one, whose objects no other test knows."""
    sides = {side: {"operator": f"{side}-{secrets.token_hex(4)}"} for side in OTHER}
    callers = [*await _machines(people, sides), *await _staff(people, sides), *await _drivers(people)]
    makers = await _gather(people.staff(f"maker-{side}", [Role.OWNER], [sides[side]["operator"]]) for side in OTHER)
    world = World(api, people, sides, callers, dict(zip(OTHER, makers, strict=True)))
    for side in OTHER:
        sides[side]["station_id"] = await _station(world, side)
        driver = world.of(Role.DRIVER, side)
        for name in {name for operation in api.protected() for name in operation.names if world.is_made(name)}:
            world.lasting[name, side] = await world.make(name, driver)
        await _choose(world, driver)
    return world


async def _machines(people: People, sides: Mapping[str, Mapping[str, Any]]) -> list[Caller]:
    made = [(side, f"machine-{sides[side]['operator']}") for side in OTHER]
    sessions = await _gather(people.machine(name, [sides[side]["operator"]]) for side, name in made)
    return [Caller(f"machine, {side}", "machine", side, one) for (side, _), one in zip(made, sessions, strict=True)]


async def _staff(people: People, sides: Mapping[str, Mapping[str, Any]]) -> list[Caller]:
    roles = [role for role in Role if role is not Role.DRIVER]
    ours = [sides[OURS]["operator"]]
    sessions = await _gather(people.staff(role, [role], ours if role in STATION_ROLES else ()) for role in roles)
    return [Caller(role, role, OURS, session) for role, session in zip(roles, sessions, strict=True)]


async def _drivers(people: People) -> list[Caller]:
    return [Caller(f"driver, {side}", Role.DRIVER, side, await people.driver(f"driver-{side}")) for side in OTHER]


async def _station(world: World, side: str) -> str:
    """A new station of the side, once pricing, identity and loyalty have heard of it."""
    machine = world.of("machine", side).authorization
    freiburg = {"lat": 47.99, "lon": 7.85}  # not where other tests look for the nearest station
    place = world.around(side) | freiburg
    answer = await world.api.ask(world.api.operations["post", "/v1/stations"], machine, place)
    assert answer.status == 201, answer.text
    station_id = answer.document["station_id"]
    prices, campaigns = (world.api.operations["get", path] for path in ("/v1/prices", "/v1/campaigns"))

    report = world.api.operations["post", "/v1/price-reports"]
    price = {"station_id": station_id, "report_id": secrets.token_hex(8), "effective_at": rfc3339(datetime.now(UTC))}

    async def has_a_price() -> bool:
        reported = await world.api.ask(report, machine, price)
        return reported.status == 200 and reported.document["verdicts"][0]["verdict"] in {"accepted", "unchanged"}

    clients, maker = world.api.operations["post", "/v1/clients"], world.makers[side].authorization

    async def pricing_knows() -> bool:
        return (await world.api.ask(prices, None, {"station_id": station_id})).status == 200

    async def identity_knows() -> bool:
        return (await world.api.ask(clients, maker, world.around(side) | {"station_id": station_id})).status == 201

    async def loyalty_knows() -> bool:
        return (await world.api.ask(campaigns, None, {}, params={"station_id": station_id})).status == 200

    await eventually(pricing_knows)
    await eventually(loyalty_knows)
    await eventually(identity_knows)
    await eventually(has_a_price)
    return station_id


async def _choose(world: World, driver: Caller) -> None:
    """The driver's side's station becomes a favourite and gets a review."""
    for key in (("put", "/v1/me/favourites/{station_id}"), ("post", "/v1/stations/{station_id}/reviews")):
        answer = await world.api.ask(world.api.operations[key], driver.authorization, world.around(driver.side))
        assert answer.status in {200, 201}, answer.text


async def _gather(work: Any) -> Sequence[Any]:
    """All results, a few at a time."""
    slots = asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(coroutine: Any) -> Any:
        async with slots:
            return await coroutine

    return await asyncio.gather(*map(one, work))
