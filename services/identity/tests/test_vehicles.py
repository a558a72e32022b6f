"""A driver's vehicles: plates, exactly one default, nobody else's."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from identity.domain import vehicles as domain
from identity.domain.vehicles import MAX_VEHICLES, Details, Reason, Vehicle, VehicleError, plate_of
from identity.use_cases.vehicles import move_vehicles
from servicekit.ids import new_id

from .account_kit import Person, sign_in
from .conftest import Identity

PLATE = "B-CANARY1"


@pytest.mark.parametrize(
    ("text", "country", "plate"),
    [
        ("京a·12345", "CN", "京A12345"), ("粤B D12345", "CN", "粤BD12345"), ("沪AF1234 5", "CN", "沪AF12345"),
        ("粤B12345D", "CN", "粤B12345D"), ("粤Z1234港", "CN", "粤Z1234港"), ("京A1234警", "CN", "京A1234警"),
        ("使014578", "CN", "使014578"), ("\uff21\uff22 123", "DE", "AB123"), ("b-ab 1234", "DE", "B-AB1234"),
        ("ж123жж77", "RU", "Ж123ЖЖ77"), ("品川300 あ 12-34", "JP", "品川300あ12-34"),
    ],
)  # fmt: skip
def test_a_plate_has_one_form(text: str, country: str, plate: str) -> None:
    assert plate_of(text, country) == plate
    assert plate_of(plate, country) == plate


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("京A1234", "CN"), ("京A1234567", "CN"), ("京AI2345", "CN"), ("AB12345", "CN"), ("国A12345", "CN"),
        ("京AX12345", "CN"), ("使12345", "CN"), ("-AB1", "DE"), ("AB--1", "DE"), ("ABCDEFGHIJKLM", "DE"), (" ", "DE"),
        ("A\x00B", "DE"), ("A_B", "DE"), ("A{$ne}", "DE"),
    ],
)  # fmt: skip
def test_what_is_no_plate_is_refused_without_being_repeated(text: str, country: str) -> None:
    with pytest.raises(VehicleError) as refused:
        plate_of(text, country)
    assert refused.value.reason is Reason.BAD_PLATE
    assert text not in str(refused.value).replace("京A12345", "").replace("京AD12345", "") or text == " "


@given(st.text("京使港A·1234567890 aßdDéж-._\uff21\x00", max_size=12), st.sampled_from(["CN", "DE", "US"]))
def test_a_plate_once_taken_stays_as_it_is(text: str, country: str) -> None:
    try:
        plate = plate_of(text, country)
    except VehicleError:
        return
    assert plate_of(plate, country) == plate
    assert plate == plate.strip() != ""


class Garage(RuleBasedStateMachine):
    """Whatever a driver does: one default where there is a vehicle, no plate twice, at most twenty."""

    def __init__(self) -> None:
        super().__init__()
        self.vehicles: list[Vehicle] = []

    @rule(number=st.integers(0, 25), is_default=st.booleans())
    def add(self, number: int, is_default: bool) -> None:
        new = Vehicle(new_id(), Details(f"P{number}", "DE"), is_default, datetime.now(UTC))
        taken = domain.same_plate(self.vehicles, new.details)
        if taken or len(self.vehicles) == MAX_VEHICLES:
            with pytest.raises(VehicleError):
                domain.added(self.vehicles, new)
            return
        self.vehicles = domain.added(self.vehicles, new)
        assert not is_default or self.vehicles[-1].is_default

    @precondition(lambda self: self.vehicles)
    @rule(data=st.data(), number=st.integers(0, 25), is_default=st.sampled_from([True, False, None]))
    def change(self, data: st.DataObject, number: int, is_default: bool | None) -> None:
        one = data.draw(st.sampled_from(self.vehicles))
        taken = domain.same_plate([v for v in self.vehicles if v is not one], Details(f"P{number}", "DE"))
        if taken or (one.is_default and is_default is False):
            with pytest.raises(VehicleError):
                domain.changed(self.vehicles, one.id, Details(f"P{number}", "DE"), is_default)
            return
        self.vehicles = domain.changed(self.vehicles, one.id, Details(f"P{number}", "DE"), is_default)

    @precondition(lambda self: self.vehicles)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.vehicles = domain.removed(self.vehicles, data.draw(st.sampled_from(self.vehicles)).id)

    @precondition(lambda self: len(self.vehicles) <= 10)
    @rule(numbers=st.lists(st.integers(0, 25), unique=True, max_size=8))
    def join(self, numbers: list[int]) -> None:
        others: list[Vehicle] = []
        for number in numbers:
            others = domain.added(others, Vehicle(new_id(), Details(f"P{number}", "DE"), False, datetime.now(UTC)))
        plates = {one.details.plate for one in (*self.vehicles, *others)}
        self.vehicles = domain.joined(self.vehicles, others)
        assert {one.details.plate for one in self.vehicles} == plates

    @invariant()
    def one_default_and_no_plate_twice(self) -> None:
        assert sum(one.is_default for one in self.vehicles) == min(1, len(self.vehicles))
        assert len({one.details.plate for one in self.vehicles}) == len(self.vehicles) <= MAX_VEHICLES


TestGarage = Garage.TestCase


async def _add(identity: Identity, person: Person, plate: str = PLATE, **fields: Any) -> httpx.Response:
    body = {"plate": plate, "country": "DE"} | fields
    return await identity.client.post("/v1/me/vehicles", json=body, headers=person.headers)


async def _vehicles(identity: Identity, person: Person) -> list[dict[str, Any]]:
    return (await identity.client.get("/v1/me/vehicles", headers=person.headers)).json()["vehicles"]


async def test_a_vehicle_is_kept_sealed_and_shown_to_its_driver(identity: Identity) -> None:
    anna = await sign_in(identity)
    fields = {"name": "canary-car", "fuel": "e10", "tank_ml": 50_000, "consumption_ml_per_100km": 6_400}
    reply = await _add(identity, anna, " b-canary 1", **fields)
    assert reply.status_code == 201, reply.text
    [shown] = await _vehicles(identity, anna)
    assert shown == reply.json()
    assert shown.items() >= (fields | {"plate": PLATE, "country": "DE", "is_default": True}).items()
    row = await identity.sql("SELECT row_to_json(v)::text || encode(sealed, 'escape') FROM vehicles v")
    assert "CANARY" not in row.upper()


async def test_the_same_vehicle_again_changes_nothing_and_another_with_its_plate_is_refused(identity: Identity) -> None:
    anna = await sign_in(identity)
    first, again = await _add(identity, anna), await _add(identity, anna, PLATE.lower())
    assert (again.status_code, again.json()) == (200, first.json())
    other = await _add(identity, anna, name="canary-other")
    assert other.status_code == 409
    assert other.json()["vehicle_id"] == first.json()["vehicle_id"]
    assert PLATE not in other.text


async def test_requests_at_the_same_time_make_one_vehicle_and_one_default(identity: Identity) -> None:
    anna = await sign_in(identity)
    replies = await asyncio.gather(*(_add(identity, anna) for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200] * 4 + [201]
    await asyncio.gather(*(_add(identity, anna, f"CANARY{n}", is_default=True) for n in range(4)))
    assert [one["is_default"] for one in await _vehicles(identity, anna)].count(True) == 1


async def test_twenty_are_enough(identity: Identity) -> None:
    anna = await sign_in(identity)
    replies = [await _add(identity, anna, f"CANARY{number}") for number in range(MAX_VEHICLES + 1)]
    assert [reply.status_code for reply in replies] == [201] * MAX_VEHICLES + [409]


async def test_a_change_keeps_what_it_leaves_out(identity: Identity) -> None:
    anna = await sign_in(identity)
    vehicle = (await _add(identity, anna, name="canary-car", fuel="e10")).json()
    path = f"/v1/me/vehicles/{vehicle['vehicle_id']}"
    reply = await identity.client.patch(path, json={"fuel": None, "tank_ml": 40_000}, headers=anna.headers)
    assert reply.json() == vehicle | {"fuel": None, "tank_ml": 40_000}
    for wrong in ({"plate": None}, {"is_default": None}, {"plate": "?"}, {"owner": "me"}, {"tank_ml": 0}):
        assert (await identity.client.patch(path, json=wrong, headers=anna.headers)).status_code == 422, wrong
    assert (await identity.client.patch(path, json={"is_default": False}, headers=anna.headers)).status_code == 409


async def test_another_default_takes_over_and_hands_over_when_it_goes(identity: Identity) -> None:
    anna = await sign_in(identity)
    ids = [(await _add(identity, anna, f"CANARY{number}")).json()["vehicle_id"] for number in range(3)]
    await identity.client.patch(f"/v1/me/vehicles/{ids[1]}", json={"is_default": True}, headers=anna.headers)
    assert [one["is_default"] for one in await _vehicles(identity, anna)] == [False, True, False]
    gone = await identity.client.delete(f"/v1/me/vehicles/{ids[1]}", headers=anna.headers)
    assert gone.status_code == 204
    assert [one["is_default"] for one in await _vehicles(identity, anna)] == [False, True]
    assert (await identity.client.delete(f"/v1/me/vehicles/{ids[1]}", headers=anna.headers)).status_code == 404


async def test_nobody_reaches_the_vehicle_of_another(identity: Identity) -> None:
    anna, bert = await sign_in(identity), await sign_in(identity)
    path = f"/v1/me/vehicles/{(await _add(identity, anna)).json()['vehicle_id']}"
    assert (await identity.client.patch(path, json={"name": "mine"}, headers=bert.headers)).status_code == 404
    assert (await identity.client.delete(path, headers=bert.headers)).status_code == 404
    assert await _vehicles(identity, bert) == []
    assert (await _add(identity, bert)).status_code == 201, "two people may drive one car"


async def test_vehicles_follow_their_driver_into_another_account(identity: Identity) -> None:
    anna, bert = await sign_in(identity), await sign_in(identity)
    for person, plates in ((anna, ("CANARY1", "CANARY2")), (bert, ("CANARY2", "CANARY3"))):
        for plate in plates:
            await _add(identity, person, plate)
    await identity.store.transact(lambda tx: move_vehicles(identity.process, tx, bert.id, anna.id))
    vehicles = await _vehicles(identity, anna)
    assert [one["plate"] for one in vehicles] == ["CANARY1", "CANARY2", "CANARY3"]
    assert [UUID(one["vehicle_id"]).version for one in vehicles if one["is_default"]] == [7]
    assert await _vehicles(identity, bert) == []
