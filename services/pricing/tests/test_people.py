"""What pricing has of people: told on request, erased or handed over, while the books keep who set which price."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pricing.domain.alerts import MAX_ALERTS
from schemas.base import Event
from schemas.events import PriceAlertFiredV1, UserErasedV1, UserMergedV1
from servicekit.access import Permission
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .conftest import OPERATOR, Pricing, events_of, item, verdicts

STAFF = (Permission.PRICE_CHANGES_WRITE, Permission.PRICE_CHANGES_APPROVE)
LAT, LON = -55.5, -120.25
"""Far from any land: the place by which an alert would be found again."""


class Person:
    """A driver, or a member of staff, with a token."""

    def __init__(self, pricing: Pricing) -> None:
        self.id = new_id()
        self._pricing = pricing

    async def ask(
        self, method: str, path: str, *scopes: str, headers: dict[str, str] | None = None, **body: Any
    ) -> Any:
        token = self._pricing.issuer.bearer(*scopes, sub=str(self.id), operators=[OPERATOR])
        return await self._pricing.client.request(method, path, headers=token | (headers or {}), **body)

    async def alert(self, **fields: Any) -> Any:
        wish = {"fuel": "e5", "lat": LAT, "lon": LON, "radius_m": 2_000, "threshold_mills": 1_700, "currency": "EUR"}
        return await self.ask("POST", "/v1/me/price-alerts", Permission.DRIVER, json=wish | fields)

    async def alerts(self) -> Sequence[dict[str, Any]]:
        return (await self.ask("GET", "/v1/me/price-alerts", Permission.DRIVER)).json()["price_alerts"]

    async def change(self, station_id: UUID, price_mills: int) -> dict[str, Any]:
        body = {"station_ids": [str(station_id)], "fuel": "e5", "price_mills": price_mills, "currency": "EUR"}
        key = {"Idempotency-Key": str(new_id())}
        reply = await self.ask("POST", "/v1/price-changes", *STAFF, headers=key, json=body)
        assert reply.status_code == 201, reply.text
        return reply.json()["price_changes"][0]

    async def account(self) -> dict[str, Any]:
        """What the service tells identity of the person."""
        headers = self._pricing.issuer.bearer(Permission.PERSONAL_DATA_READ)
        reply = await self._pricing.client.get(f"/internal/personal-data/{self.id}", headers=headers)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def tell(self, event: Event) -> None:
        """Publishes an event about the person, as identity does, and waits until it was handled."""
        event_id = await self._pricing.kafka.publish(event)
        seen = "SELECT count(*) FROM inbox WHERE event_id = $1"
        await eventually(lambda: count(self._pricing, seen, event_id))

    async def erase(self) -> None:
        await self.tell(UserErasedV1(user_id=self.id, version=2, occurred_at=datetime.now(UTC)))

    async def become(self, other: "Person") -> None:
        now = datetime.now(UTC)
        await self.tell(UserMergedV1(user_id=self.id, into_user_id=other.id, version=2, occurred_at=now))


async def count(pricing: Pricing, query: str, *arguments: Any) -> int:
    async with pricing.store.connection() as connection:
        return await connection.fetchval(query, *arguments) or 0


async def test_identity_is_told_of_a_drivers_alerts(pricing: Pricing):
    me, other = Person(pricing), Person(pricing)
    alert = (await me.alert()).json()
    await other.alert()
    account = await me.account()
    assert (account["service"], account["erased_at"]) == ("pricing", None)
    [told] = account["data"]["price_alerts"]
    assert told == {name: alert[name] for name in told}
    assert (told["alert_id"], told["lat"], told["lon"]) == (alert["alert_id"], LAT, LON)
    assert await count(pricing, "SELECT count(*) FROM price_alerts WHERE driver_id = $1", str(me.id)) == 1
    for headers, status in (({}, 401), (pricing.issuer.bearer(*STAFF, Permission.DRIVER, sub=str(me.id)), 403)):
        assert (await pricing.client.get(f"/internal/personal-data/{me.id}", headers=headers)).status_code == status


async def test_security_42_an_erased_drivers_places_are_gone(pricing: Pricing):
    me, other = Person(pricing), Person(pricing)
    station_id = await pricing.register(lat=LAT + 0.5, lon=LON)
    assert verdicts(await pricing.report(item(station_id, 1_600))) == ["accepted"]
    for threshold in (1_650, 1_700):
        await me.alert(lat=LAT + 0.5, threshold_mills=threshold)
    await other.alert(lat=LAT + 0.5)
    for _ in range(2):
        await me.erase()
    account = await me.account()
    assert (account["data"], account["kept"]) == ({"price_alerts": []}, {"price_change_steps": 0, "price_rules": 0})
    assert account["erased"] == {"price_alerts": 2, "idempotent_replies": 0}
    assert account["erased_at"] is not None
    known = "SELECT count(*) FROM price_alert_stations WHERE alert_id NOT IN (SELECT alert_id FROM price_alerts)"
    assert await count(pricing, known) == 0
    assert len(await other.alerts()) == 1


BOOKS = {"erasures", "price_changes", "price_change_steps", "price_reports", "price_history"}
"""Tables that may go on naming somebody who is gone."""


async def tables_that_name(pricing: Pricing, person: Person) -> set[str]:
    """The tables of the schema in which the person's id stands anywhere."""
    async with pricing.store.connection() as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        found = set[str]()
        for (table,) in tables:
            query = f'SELECT EXISTS (SELECT FROM "{table}" AS t WHERE t::text LIKE $1)'  # noqa: S608 - our own tables
            if await connection.fetchval(query, f"%{person.id}%"):
                found.add(table)
        return found


async def test_the_id_of_an_erased_person_stands_in_the_books_alone(pricing: Pricing):
    """Fails for a new table of people's data that is not erased."""
    me, station_id = Person(pricing), await pricing.register()
    await me.alert()
    await me.change(station_id, 1_700)
    before = await tables_that_name(pricing, me)
    assert {"price_alerts", "price_change_steps", "idempotency_keys"} <= before
    await me.erase()
    await eventually(pricing.outbox_is_empty)
    assert await tables_that_name(pricing, me) <= BOOKS


async def test_a_token_that_outlives_its_owner_sets_no_alert(pricing: Pricing):
    me = Person(pricing)
    await me.erase()
    reply = await me.alert()
    assert (reply.status_code, reply.json()["type"]) == (401, "urn:forecourt:problem:account-gone")
    assert await me.alerts() == []


async def test_alerts_that_are_set_while_their_driver_is_erased_are_erased_or_refused(pricing: Pricing):
    me = Person(pricing)
    erasing = asyncio.create_task(me.erase())
    replies = await asyncio.gather(*(me.alert(threshold_mills=1_600 + n) for n in range(10)))
    assert {reply.status_code for reply in replies} <= {201, 401}
    await erasing
    assert await me.alerts() == []


async def test_two_accounts_of_one_driver_become_one(pricing: Pricing):
    old, new = Person(pricing), Person(pricing)
    lat = LAT + 1
    mine = (await new.alert(lat=lat)).json()
    await old.alert(lat=lat)
    theirs = (await old.alert(lat=lat, threshold_mills=1_650)).json()
    for _ in range(2):
        await old.become(new)
    assert [one["alert_id"] for one in await new.alerts()] == [mine["alert_id"], theirs["alert_id"]]
    gone = await old.account()
    assert (gone["data"]["price_alerts"], gone["merged_into"]) == ([], str(new.id))
    assert (await old.alert(lat=lat)).status_code == 401
    station_id = await pricing.register(lat=lat, lon=LON)
    assert verdicts(await pricing.report(item(station_id, 1_600))) == ["accepted"]
    for alert in (mine, theirs):
        [fired] = events_of(await pricing.published("pricing.alerts", UUID(alert["alert_id"]), 1))
        assert isinstance(fired, PriceAlertFiredV1)
        assert fired.driver_id == str(new.id)


async def test_of_too_many_alerts_the_newest_stay(pricing: Pricing):
    old, new = Person(pricing), Person(pricing)
    for person, first in ((new, 1_500), (old, 1_600)):
        replies = [await person.alert(threshold_mills=first + number) for number in range(15)]
        assert {reply.status_code for reply in replies} == {201}
    await old.become(new)
    left = [alert["threshold_mills"] for alert in await new.alerts()]
    assert left == [*range(1_510, 1_515), *range(1_600, 1_615)]
    assert len(left) == MAX_ALERTS


async def test_the_books_keep_who_set_a_price_by_an_id_alone(pricing: Pricing):
    me, station_id = Person(pricing), await pricing.register()
    change = await me.change(station_id, 1_700)
    steps = (await me.account())["data"]["price_change_steps"]
    assert [(step["change_id"], step["action"]) for step in steps][:1] == [(change["change_id"], "created")]
    await me.erase()
    account = await me.account()
    assert (account["data"], account["kept"]) == (
        {"price_alerts": []}, {"price_change_steps": len(steps), "price_rules": 0},
    )  # fmt: skip
    assert account["erased"] == {"price_alerts": 0, "idempotent_replies": 1}


async def test_nobody_approves_a_change_of_their_own_by_another_account(pricing: Pricing):
    old, new, second = Person(pricing), Person(pricing), Person(pricing)
    station_id = await pricing.register()
    assert verdicts(await pricing.report(item(station_id, 1_700))) == ["accepted"]
    change = await old.change(station_id, 2_000)
    assert change["status"] == "pending_approval"
    await old.become(new)
    path = f"/v1/price-changes/{change['change_id']}/approve"
    assert (await new.ask("POST", path, *STAFF)).status_code == 403
    assert (await second.ask("POST", path, *STAFF)).status_code == 200


@pytest.mark.parametrize("subject", ["", "me", "%00", "' OR 1=1"])
async def test_who_is_asked_for_is_an_id(pricing: Pricing, subject: str):
    headers = pricing.issuer.bearer(Permission.PERSONAL_DATA_READ)
    reply = await pricing.client.get(f"/internal/personal-data/{subject}", headers=headers)
    assert reply.status_code in {404, 422}
