"""Price changes of staff over HTTP, on the real stores."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest

from pricing.domain.reports import Report, Verdict
from pricing.main import create_app
from pricing.settings import Settings
from pricing.use_cases import firing
from schemas.events import PriceChangedV1
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.testkit import Issuer, KafkaProbe, eventually, running

from .conftest import OPERATOR, Pricing, events_of, item, verdicts

SCOPES = ("price-changes:write", "price-changes:approve")


async def make(pricing: Pricing, at: list[UUID], price_mills: int, **fields: Any) -> httpx.Response:
    """Orders a price change as Ann."""
    body = {"station_ids": [str(it) for it in at], "fuel": "e5", "price_mills": price_mills, "currency": "EUR"}
    key = fields.pop("key", str(new_id()))
    headers = bearer(pricing, **fields.pop("claims", {})) | ({"Idempotency-Key": key} if key else {})
    return await pricing.client.post("/v1/price-changes", json=body | fields, headers=headers)


def bearer(pricing: Pricing, sub: str = "ann", **claims: Any) -> dict[str, str]:
    return pricing.issuer.bearer(*SCOPES, sub=sub, **({"operators": [OPERATOR]} | claims))


async def act(pricing: Pricing, change: dict, action: str, **claims: Any) -> httpx.Response:
    return await pricing.client.post(
        f"/v1/price-changes/{change['change_id']}/{action}", headers=bearer(pricing, **claims)
    )


async def look(pricing: Pricing, change: dict, **claims: Any) -> dict:
    reply = await pricing.client.get(f"/v1/price-changes/{change['change_id']}", headers=bearer(pricing, **claims))
    return reply.json()


async def made(pricing: Pricing, station_id: UUID, price_mills: int, **fields: Any) -> dict:
    """One change, accepted."""
    reply = await make(pricing, [station_id], price_mills, **fields)
    assert reply.status_code == 201, reply.text
    return reply.json()["price_changes"][0]


async def sold_at(pricing: Pricing, price_mills: int = 1_700, **station: Any) -> UUID:
    """A station that sells E5 at a price."""
    station_id = await pricing.register(**station)
    assert verdicts(await pricing.report(item(station_id, price_mills), sub="pump")) == ["accepted"]
    return station_id


async def settled(pricing: Pricing, change: dict) -> dict:
    """The change once it no longer waits."""

    async def found() -> dict | None:
        told = await look(pricing, change)
        return None if told["status"] in {"scheduled", "pending_approval"} else told

    return await eventually(found) or {}


def ahead(seconds: float = 3_600) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def told(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].rpartition(":")[2]


async def price_of(pricing: Pricing, station_id: UUID) -> int:
    reply = await pricing.client.get("/v1/prices", params={"station_id": str(station_id)})
    return reply.json()["prices"][0]["price_mills"]


async def test_a_change_for_now_has_fired_when_the_reply_comes(pricing: Pricing):
    station_ids = [await sold_at(pricing), await sold_at(pricing)]
    reply = (await make(pricing, station_ids, 1_720, reason="Monday")).json()["price_changes"]
    assert [it["station_id"] for it in reply] == [str(it) for it in station_ids]
    assert len({it["batch_id"] for it in reply}) == 1
    assert [(it["status"], it["previous_price_mills"], it["price_version"]) for it in reply] == [
        ("fired", 1_700, 2)
    ] * 2
    for change, station_id in zip(reply, station_ids, strict=True):
        events = events_of(await pricing.published("pricing.prices", station_id, 2))
        assert [e.report_id for e in events if isinstance(e, PriceChangedV1)][1:] == [change["change_id"]]
        assert await price_of(pricing, station_id) == 1_720


async def test_a_planned_change_fires_at_its_time_and_tells_its_story(pricing: Pricing):
    station_id = await sold_at(pricing)
    change = await made(pricing, station_id, 1_720, effective_at=ahead())
    assert (change["status"], await price_of(pricing, station_id)) == ("scheduled", 1_700)
    await pricing.make_due(change["change_id"])
    fired = await settled(pricing, change)
    assert fired["status"] == "fired"
    assert datetime.fromisoformat(fired["due_at"]) <= datetime.fromisoformat(fired["fired_at"])
    assert [(s["action"], s["actor"], s["from_status"], s["to_status"]) for s in fired["audit"]] == [
        ("created", "ann", None, "scheduled"), ("fired", "pricing", "scheduled", "fired"),
    ]  # fmt: skip
    price = (await pricing.client.get("/v1/prices", params={"station_id": str(station_id)})).json()["prices"][0]
    assert (price["price_mills"], price["effective_at"]) == (1_720, fired["effective_at"])


async def test_a_large_step_waits_for_somebody_else(pricing: Pricing):
    station_id = await sold_at(pricing)
    change = await made(pricing, station_id, 1_900)
    assert change["status"] == "pending_approval"
    assert told(await act(pricing, change, "approve")) == (403, "own-price-change")
    assert told(await act(pricing, change, "approve", sub="eve", operators=["other"])) == (404, "no-such-price-change")
    approved = (await act(pricing, change, "approve", sub="bob")).json()
    assert (approved["status"], approved["approved_by"], await price_of(pricing, station_id)) == ("fired", "bob", 1_900)
    assert told(await act(pricing, change, "approve", sub="bob")) == (409, "price-change-status")
    assert [s["action"] for s in (await look(pricing, change))["audit"]] == ["created", "approved", "fired"]


async def test_an_approved_plan_keeps_its_time_and_one_that_nobody_approved_fails(pricing: Pricing):
    approved, forgotten = await sold_at(pricing), await sold_at(pricing)
    plans = [await made(pricing, it, 1_900, effective_at=ahead()) for it in (approved, forgotten)]
    assert (await act(pricing, plans[0], "approve", sub="bob")).json()["status"] == "scheduled"
    await pricing.make_due(*(it["change_id"] for it in plans))
    assert (await settled(pricing, plans[0]))["status"] == "fired"
    failed = await settled(pricing, plans[1])
    assert (failed["status"], failed["failure_reason"]) == ("failed", "not_approved_in_time")
    assert [await price_of(pricing, it) for it in (approved, forgotten)] == [1_900, 1_700]


async def test_cancel_keeps_a_change_from_firing_once(pricing: Pricing):
    station_id = await sold_at(pricing)
    change = await made(pricing, station_id, 1_720, effective_at=ahead())
    replies = await asyncio.gather(*(act(pricing, change, "cancel") for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409, 409]
    assert (await look(pricing, change))["status"] == "cancelled"
    assert [s["action"] for s in (await look(pricing, change))["audit"]] == ["created", "cancelled"]


async def test_cancel_and_fire_at_the_same_moment_have_one_winner(pricing: Pricing):
    station_ids = [await sold_at(pricing) for _ in range(4)]
    moment = datetime.now(UTC) + timedelta(seconds=0.5)
    changes = (await make(pricing, station_ids, 1_720, effective_at=moment.isoformat())).json()["price_changes"]

    async def is_near() -> bool:
        return datetime.now(UTC) >= moment - timedelta(milliseconds=20)

    await eventually(is_near)
    replies = [await act(pricing, change, "cancel") for change in changes]
    for change, reply, station_id in zip(changes, replies, station_ids, strict=True):
        end = await settled(pricing, change)
        assert end["status"] == ("cancelled" if reply.status_code == 200 else "fired")
        assert await price_of(pricing, station_id) == (1_700 if reply.status_code == 200 else 1_720)
        assert len(end["audit"]) == 2


async def test_approve_and_cancel_at_once_have_an_order(pricing: Pricing):
    station_id = await sold_at(pricing)
    change = await made(pricing, station_id, 1_900)
    approved, cancelled = await asyncio.gather(
        act(pricing, change, "approve", sub="bob"), act(pricing, change, "cancel")
    )
    assert sorted((approved.status_code, cancelled.status_code)) == [200, 409]
    fired = approved.status_code == 200
    assert (await look(pricing, change))["status"] == ("fired" if fired else "cancelled")
    assert await price_of(pricing, station_id) == (1_900 if fired else 1_700)


async def test_a_rollback_brings_the_price_back_once(pricing: Pricing):
    station_id = await sold_at(pricing)
    change = await made(pricing, station_id, 1_720)
    replies = await asyncio.gather(*(act(pricing, change, "rollback", sub="bob") for _ in range(3)))
    assert sorted(reply.status_code for reply in replies) == [200, 409, 409]
    [back] = [reply.json() for reply in replies if reply.status_code == 200]
    assert (back["status"], back["rolls_back"], back["price_mills"]) == ("fired", change["change_id"], 1_700)
    assert await price_of(pricing, station_id) == 1_700
    assert (await look(pricing, change))["status"] == "rolled_back"


async def test_a_rollback_names_who_has_set_the_price_since(pricing: Pricing):
    station_id = await sold_at(pricing)
    change = await made(pricing, station_id, 1_720)
    later = item(station_id, 1_730, effective_at=ahead(1), report_id="later-word")
    assert verdicts(await pricing.report(later, sub="pump")) == ["accepted"]
    reply = await act(pricing, change, "rollback")
    assert told(reply) == (409, "price-changed-since")
    assert "pump has set the price to 1730" in reply.json()["detail"]
    assert (await look(pricing, change))["status"] == "fired"
    first = await made(pricing, await pricing.register(), 1_720)
    assert told(await act(pricing, first, "rollback")) == (409, "price-change-status")


async def test_what_is_refused_names_each_station_and_changes_none(pricing: Pricing):
    mine, foreign = await sold_at(pricing), await pricing.register(operator="other")
    diesel, unknown = await pricing.register(fuels=["diesel_b7"]), new_id()
    reply = await make(pricing, [mine, diesel, unknown], 1_720)
    assert told(reply) == (422, "price-change-refused")
    assert {it["station_id"]: it["reason"] for it in reply.json()["errors"]} == {
        str(diesel): "grade_not_sold", str(unknown): "unknown_station",
    }  # fmt: skip
    assert told(await make(pricing, [mine, foreign], 1_720)) == (403, "not-your-station")
    for reply in (await make(pricing, [mine], 17), await make(pricing, [mine], 1_720, currency="GBP")):
        assert told(reply) == (422, "price-change-refused")
    assert await price_of(pricing, mine) == 1_700
    listed = await pricing.client.get("/v1/price-changes", params={"station_id": str(mine)}, headers=bearer(pricing))
    assert listed.json()["price_changes"] == []


async def test_one_plan_for_a_moment(pricing: Pricing):
    station_id, moment = await sold_at(pricing), ahead()
    change = await made(pricing, station_id, 1_720, effective_at=moment)
    assert told(await make(pricing, [station_id], 1_730, effective_at=moment)) == (409, "moment-taken")
    await act(pricing, change, "cancel")
    await made(pricing, station_id, 1_730, effective_at=moment)


BAD_ORDERS = {
    "no stations": {"station_ids": []},
    "too many stations": {"station_ids": ["00000000-0000-7000-8000-000000000001"] * 101},
    "a float": {"price_mills": 1720.0},
    "nothing": {"price_mills": 0},
    "yesterday": {"effective_at": ahead(-86_400)},
    "next year": {"effective_at": ahead(365 * 86_400)},
    "no zone": {"effective_at": "2026-05-01T10:00:00"},
    "unknown field": {"colour": "red"},
    "a zero byte": {"reason": "a\0b"},
}


@pytest.mark.parametrize("wrong", BAD_ORDERS.values(), ids=BAD_ORDERS)
async def test_a_bad_order_is_a_problem(pricing: Pricing, wrong: dict):
    station_id = await pricing.register()
    reply = await make(pricing, [station_id], **({"price_mills": 1_720} | wrong))
    assert reply.status_code == 422, reply.text
    assert reply.json()["detail"]


async def test_the_same_key_gives_the_first_reply_and_none_is_asked_for(pricing: Pricing):
    station_id = await sold_at(pricing)
    first = await make(pricing, [station_id], 1_720, key="once")
    assert (await make(pricing, [station_id], 1_720, key="once")).content == first.content
    assert told(await make(pricing, [station_id], 1_730, key="once")) == (422, "idempotency-key-reused")
    assert told(await make(pricing, [station_id], 1_720, key="")) == (400, "idempotency-key-missing")


async def test_staff_list_the_changes_of_their_own_stations_page_by_page(pricing: Pricing):
    operator = f"operator-{new_id()}"
    stations = [await pricing.register(operator=operator) for _ in range(3)]
    claims = {"operators": [operator]}
    for station_id in stations:
        await made(pricing, station_id, 1_720, claims=claims)
    waiting = await made(pricing, stations[0], 1_990, claims=claims)

    async def page(**query: Any) -> dict:
        who = query.pop("claims", claims)
        return (await pricing.client.get("/v1/price-changes", params=query, headers=bearer(pricing, **who))).json()

    first = await page(limit=3)
    rest = await page(limit=3, cursor=first["next_cursor"])
    seen = [it["change_id"] for it in first["price_changes"] + rest["price_changes"]]
    assert (len(seen), seen, rest["next_cursor"]) == (4, sorted(seen, reverse=True), None)
    assert [it["change_id"] for it in (await page(status="pending_approval"))["price_changes"]] == [
        waiting["change_id"]
    ]
    assert len((await page(station_id=str(stations[0])))["price_changes"]) == 2
    by_station = {"operators": [], "stations": [str(stations[1])]}
    assert [it["station_id"] for it in (await page(claims=by_station))["price_changes"]] == [str(stations[1])]
    assert (await page(claims={"operators": ["nobody"]}))["price_changes"] == []
    assert (await look(pricing, waiting, operators=["nobody"]))["status"] == 404


async def test_security_20_a_role_counts_only_where_it_holds(pricing: Pricing):
    """A manager at one station who is an attendant at another neither changes prices there nor sees its plans."""
    managed, attended = await sold_at(pricing), await sold_at(pricing)
    plans = [await made(pricing, station, 1_690, effective_at=ahead()) for station in (managed, attended)]
    grants = [
        {"role": role, "operators": [], "stations": [str(station)]}
        for role, station in (("manager", managed), ("attendant", attended))
    ]
    both = {"sub": "bea", "operators": [], "stations": [str(managed), str(attended)], "grants": grants}
    reply = await make(pricing, [attended], 1_680, claims=both)
    assert (reply.status_code, reply.json()["type"]) == (403, "urn:forecourt:problem:not-your-station")
    shown = (await pricing.client.get("/v1/price-changes", headers=bearer(pricing, **both))).json()["price_changes"]
    assert [one["change_id"] for one in shown] == [plans[0]["change_id"]]
    assert [(await act(pricing, plan, "cancel", **both)).status_code for plan in plans] == [200, 404]


async def test_a_station_that_closed_or_changed_hands_fails_the_change_that_was_planned_for_it(pricing: Pricing):
    sold, diesel_only = await sold_at(pricing), await sold_at(pricing)
    plans = [await made(pricing, it, 1_720, effective_at=ahead()) for it in (sold, diesel_only)]
    await pricing.register(station_id=sold, version=2, operator="other")
    await pricing.register(station_id=diesel_only, version=2, fuels=["diesel_b7"])
    await pricing.make_due(*(it["change_id"] for it in plans))
    ends = [await settled(pricing, it) for it in plans]
    assert [(it["status"], it["failure_reason"]) for it in ends] == [
        ("failed", "not_your_station"), ("failed", "grade_not_sold"),
    ]  # fmt: skip
    assert await price_of(pricing, sold) == 1_700


def noon_and_zone() -> tuple[datetime, str]:
    """The next noon but one in a zone in which it is not about noon now."""
    zone = next(zone for zone in ("Europe/Vienna", "Asia/Tokyo") if datetime.now(ZoneInfo(zone)).hour not in {11, 12})
    tomorrow = datetime.now(ZoneInfo(zone)) + timedelta(days=1)
    return tomorrow.replace(hour=12, minute=0, second=0, microsecond=0), zone


async def test_a_plan_keeps_the_rules_of_its_own_time(pricing: Pricing):
    """Austria: a rise at noon only; in the afternoon the price may fall from what noon will have made it."""
    noon, zone = noon_and_zone()
    station_id = await sold_at(pricing, country="AT", time_zone=zone)
    refused = await make(pricing, [station_id], 1_750, effective_at=(noon - timedelta(seconds=1)).isoformat())
    assert told(refused) == (422, "price-change-refused")
    assert refused.json()["errors"][0]["rule"] == "AT/1/rise-only-at-noon"
    afternoon = (noon + timedelta(hours=3)).isoformat()
    assert told(await make(pricing, [station_id], 1_720, effective_at=afternoon)) == (422, "price-change-refused")
    await made(pricing, station_id, 1_750, effective_at=noon.isoformat())
    await made(pricing, station_id, 1_720, effective_at=afternoon)


async def test_a_rule_that_is_broken_at_the_time_fails_the_change_and_a_rollback(pricing: Pricing):
    noon, zone = noon_and_zone()
    station_id = await sold_at(pricing, country="AT", time_zone=zone)
    plan = await made(pricing, station_id, 1_750, effective_at=noon.isoformat())
    await pricing.make_due(plan["change_id"])
    failed = await settled(pricing, plan)
    assert (failed["failure_reason"], failed["failure_rule"]) == ("rise_not_allowed_now", "AT/1/rise-only-at-noon")
    assert failed["audit"][-1]["detail"] == "rise_not_allowed_now, AT/1/rise-only-at-noon"
    cut = await made(pricing, station_id, 1_690)
    assert told(await act(pricing, cut, "rollback")) == (422, "price-change-refused")
    assert (await look(pricing, cut))["status"] == "fired"
    assert await price_of(pricing, station_id) == 1_690


async def test_what_came_due_while_nothing_ran_fires_at_the_start_unless_it_is_too_old(
    settings: Settings, issuer: Issuer, kafka: KafkaProbe
):
    app = create_app(settings)
    async with running(app) as client:
        pricing = Pricing(client, app.state.store, issuer, settings, kafka)
        fresh, old, twice = [await sold_at(pricing) for _ in range(3)]
        changes = [await made(pricing, it, 1_720, effective_at=ahead()) for it in (fresh, old)]
        for price_mills, seconds in ((1_730, 7_200), (1_710, 7_201)):
            changes.append(await made(pricing, twice, price_mills, effective_at=ahead(seconds)))
        app.state.kit.tasks["price changes"].cancel()
        for change, late_seconds in zip(changes, (60, 601, 20, 2), strict=True):
            await pricing.make_due(change["change_id"], late_seconds=late_seconds)
    restarted = create_app(settings)
    async with running(restarted) as client:
        pricing = Pricing(client, restarted.state.store, issuer, settings, kafka)
        ends = [await settled(pricing, it) for it in changes]
        assert [(it["status"], it["failure_reason"]) for it in ends] == [
            ("fired", None), ("failed", "time_missed"), ("fired", None), ("fired", None),
        ]  # fmt: skip
        assert [await price_of(pricing, it) for it in (fresh, old, twice)] == [1_720, 1_700, 1_710]


async def test_a_change_that_cannot_be_handled_fails_alone(pricing: Pricing, monkeypatch: pytest.MonkeyPatch):
    good, bad = await sold_at(pricing), await sold_at(pricing)
    real = firing.submit_reports

    async def broken(tx: Connection, reports: Sequence[Report]) -> list[Verdict]:
        if bad in {report.station_id for report in reports}:
            raise ValueError("a bug")
        return await real(tx, reports)

    monkeypatch.setattr(firing, "submit_reports", broken)
    plans = (await make(pricing, [good, bad], 1_720, effective_at=ahead())).json()["price_changes"]
    await pricing.make_due(*(it["change_id"] for it in plans))
    ends = [await settled(pricing, it) for it in plans]
    assert [(it["status"], it["failure_reason"]) for it in ends] == [("fired", None), ("failed", "internal_error")]
    assert [await price_of(pricing, it) for it in (good, bad)] == [1_720, 1_700]


async def test_the_audit_trail_cannot_be_rewritten(pricing: Pricing):
    change = await made(pricing, await sold_at(pricing), 1_720)
    for statement in ("UPDATE price_change_steps SET actor = 'x'", "DELETE FROM price_change_steps"):
        async with pricing.store.connection() as connection:
            with pytest.raises(asyncpg.RaiseError, match="only grows"):
                await connection.execute(statement)
    assert len((await look(pricing, change))["audit"]) == 2
