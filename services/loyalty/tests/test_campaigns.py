"""Campaigns from draft to end: what staff may do, what is refused, and what others are told."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.domain.terms import Stacking
from loyalty.http_models import campaigns as models
from loyalty.http_models import conflicts as conflict_models
from loyalty.use_cases.campaign_work import carry_on_due
from loyalty.use_cases.campaigns import note_simulated
from loyalty.use_cases.people import PeopleData
from schemas.events import CampaignEndedV1, CampaignPublishedV1
from servicekit.ids import new_id
from servicekit.problems import Problem
from servicekit.testkit import eventually

from .campaign_kit import ask, changed, done, made, published, simulated, terms
from .conftest import OPERATOR, Loyalty
from .quote_kit import campaign

MONEY = {"benefit": {"kind": "per_litre", "mills": 50}, "currency": "CNY"}
EURO_OFF = {"benefit": {"kind": "per_fill", "amount_minor": 100}, "currency": "EUR"}


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def status_of(loyalty: Loyalty, one: dict[str, Any]) -> str:
    return await loyalty.sql("SELECT status FROM campaigns WHERE campaign_id = $1", UUID(one["campaign_id"]))


async def told_of(loyalty: Loyalty, one: dict[str, Any]) -> list[tuple[str, int]]:
    """The events about a campaign, with their versions, in their order."""
    await eventually(loyalty.outbox_is_empty)
    events = [message.event() for message in await loyalty.kafka.read("loyalty.campaigns")]
    return [
        (type(event).__name__, event.version) for event in events
        if isinstance(event, CampaignPublishedV1 | CampaignEndedV1) and str(event.campaign_id) == one["campaign_id"]
    ]  # fmt: skip


async def plan_of(loyalty: Loyalty, one: dict[str, Any]) -> dict[str, Any]:
    answer = await ask(loyalty, f"/campaign-plans/{one['campaign_id']}", method="GET")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_campaign_lives_from_draft_to_end_and_others_are_told(loyalty: Loyalty):
    draft = await simulated(loyalty)
    live = await done(loyalty, draft, "publish", version=1)
    assert (live["status"], live["version"]) == ("live", 2)
    assert (await done(loyalty, live, "pause", reason="The mistake"))["status"] == "paused"
    assert (await done(loyalty, live, "resume", version=3))["status"] == "live"
    assert (await done(loyalty, live, "end", version=4))["status"] == "ended"
    assert await told_of(loyalty, live) == [
        ("CampaignPublishedV1", 2), ("CampaignEndedV1", 3), ("CampaignPublishedV1", 4), ("CampaignEndedV1", 5),
    ]  # fmt: skip
    plan = await plan_of(loyalty, live)
    steps = [(one["command"], one["version"], one["to_status"]) for one in plan["history"]]
    assert steps == [
        ("create", 1, "draft"), ("simulate", 1, "simulated"), ("publish", 2, "live"), ("pause", 3, "paused"),
        ("resume", 4, "live"), ("end", 5, "ended"),
    ]  # fmt: skip
    assert plan["history"][3]["reason"] == "The mistake"
    assert all(one["actor"] for one in plan["history"])
    again = await ask(loyalty, f"/campaigns/{live['campaign_id']}/resume", {"version": 5})
    assert (again.status_code, again.json()["allowed"]) == (409, [])


async def test_only_terms_that_were_simulated_as_they_are_can_be_published(loyalty: Loyalty):
    draft = await made(loyalty)
    path = f"/campaigns/{draft['campaign_id']}"
    refused = await ask(loyalty, f"{path}/publish", {"version": 1})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:campaign-status")
    assert "simulated" in refused.json()["detail"]
    await loyalty.store.transact(lambda tx: note_simulated(tx, UUID(draft["campaign_id"]), 1))
    edited = (await changed(loyalty, draft, benefit={"kind": "percentage", "basis_points": 2_000})).json()
    assert (edited["status"], edited["version"]) == ("draft", 2)
    assert (await ask(loyalty, f"{path}/publish", {"version": 2})).status_code == 409
    with pytest.raises(Problem, match="changed meanwhile"):
        await loyalty.store.transact(lambda tx: note_simulated(tx, UUID(draft["campaign_id"]), 1))
    assert await status_of(loyalty, draft) == "draft"
    await loyalty.store.transact(lambda tx: note_simulated(tx, UUID(draft["campaign_id"]), 2))
    assert (await done(loyalty, draft, "publish", version=2))["status"] == "live"
    assert (await plan_of(loyalty, draft))["simulated_version"] == 2


async def test_a_change_that_changes_nothing_leaves_it_simulated(loyalty: Loyalty):
    draft = await simulated(loyalty)
    same = await changed(loyalty, draft, name=draft["name"], benefit=draft["benefit"], starts_at=draft["starts_at"])
    assert (same.json()["version"], same.json()["status"]) == (1, "simulated")


async def test_of_two_who_act_on_what_they_saw_one_wins(loyalty: Loyalty):
    draft = await simulated(loyalty)
    path = f"/campaigns/{draft['campaign_id']}"
    answers = await asyncio.gather(
        ask(loyalty, f"{path}/publish", {"version": 1}), changed(loyalty, draft, name="The other")
    )
    assert sorted(one.status_code for one in answers) == [200, 409]
    lost = next(one for one in answers if one.status_code == 409).json()
    assert (lost["type"], lost["version"]) == ("urn:forecourt:problem:campaign-changed", 2)


async def test_a_campaign_can_be_stopped_by_whoever_has_not_seen_its_last_change(loyalty: Loyalty):
    live = await published(loyalty)
    assert (await changed(loyalty, live, name="The other")).status_code == 200
    assert (await ask(loyalty, f"/campaigns/{live['campaign_id']}/pause", {"version": 2})).status_code == 409
    assert (await done(loyalty, live, "pause"))["status"] == "paused"


async def test_while_it_is_out_only_what_takes_nothing_from_drivers_can_change(loyalty: Loyalty):
    live = await published(loyalty, **EURO_OFF, budget_minor=1_000)
    fixed = await changed(loyalty, live, benefit={"kind": "per_fill", "amount_minor": 50}, name="The less")
    assert (fixed.status_code, fixed.json()["fixed"]) == (409, ["benefit"])
    smaller = await changed(loyalty, live, budget_minor=999)
    assert (smaller.status_code, smaller.json()["errors"][0]["pointer"]) == (422, "/budget_minor")
    past = await changed(loyalty, live, ends_at=in_days(-0.5))
    assert (past.status_code, past.json()["errors"][0]["pointer"]) == (422, "/ends_at")
    more = await changed(loyalty, live, name="The more", budget_minor=2_000, ends_at=in_days(5))
    assert (more.status_code, more.json()["status"], more.json()["version"]) == (200, "live", 3)
    await done(loyalty, live, "pause")
    assert (await changed(loyalty, live | {"version": 4}, budget_minor=None)).json()["status"] == "paused"
    assert await told_of(loyalty, live) == [
        ("CampaignPublishedV1", 2), ("CampaignPublishedV1", 3), ("CampaignEndedV1", 4),
    ]  # fmt: skip
    kept = await loyalty.rows("SELECT terms->'budget_minor' AS it FROM campaign_changes WHERE terms IS NOT NULL")
    assert [one["it"] for one in kept] == ["1000", "2000", "null"], "each version's terms can be looked up"


async def test_a_paused_campaign_whose_end_has_passed_cannot_come_back(loyalty: Loyalty):
    live = await published(loyalty, ends_at=in_days(5))
    await done(loyalty, live, "pause")
    await loyalty.sql("UPDATE campaigns SET ends_at = now() - interval '1 second'")
    answer = await ask(loyalty, f"/campaigns/{live['campaign_id']}/resume", {"version": 3})
    assert answer.status_code in {409, 422}, "the loop may have ended it already"
    await eventually(lambda: ended(loyalty, live))


async def ended(loyalty: Loyalty, one: dict[str, Any]) -> bool:
    return await status_of(loyalty, one) == "ended"


async def test_a_campaign_is_made_of_what_there_is(loyalty: Loyalty):
    own = await loyalty.station(currency="EUR")
    foreign = await loyalty.station(operator="another")
    for wrong, pointer in (
        ({"scope": {"station_ids": [str(foreign)]}}, "/scope/station_ids"),
        ({"scope": {"station_ids": [str(new_id())]}}, "/scope/station_ids"),
        (EURO_OFF | {"currency": "CNY", "scope": {"station_ids": [str(own)]}}, "/currency"),
        ({"benefit": {"kind": "stamp_card", "stamps": 5, "template_id": str(new_id())}}, "/benefit/template_id"),
        ({"benefit": {"kind": "gift", "gift_id": str(new_id()), "trigger": "claim"}}, "/benefit/gift_id"),
        ({"ends_at": in_days(-2)}, "/ends_at"),
    ):
        answer = await ask(loyalty, "/campaigns", terms(**wrong))
        assert (answer.status_code, [one["pointer"] for one in answer.json()["errors"]]) == (422, [pointer])
    assert await loyalty.sql("SELECT count(*) FROM campaigns") == 0
    fine = await made(loyalty, **EURO_OFF, scope={"station_ids": [str(own), str(own)], "fuels": ["e5"]})
    assert fine["scope"]["station_ids"] == [str(own)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"benefit": {"kind": "percentage", "basis_points": 10_001}},
        {"benefit": {"kind": "percentage", "basis_points": 1.5}},
        {"benefit": {"kind": "points_multiplier", "basis_points": 10_000}},
        {"benefit": {"kind": "free_car"}},
        {"scope": {"fuels": []}},
        {"scope": {"hours": [{"weekdays": [0]}]}},
        {"scope": {"hours": [{"weekdays": [1], "from_time": "24:00"}]}},
        {"scope": {"everything": True}},
        {"starts_at": "2026-11-01T00:00:00"},
        {"name": "Ten\u202eoff"},
        {"status": "live"},
    ],
)
async def test_what_is_no_campaign_is_refused(loyalty: Loyalty, wrong: dict[str, Any]):
    answer = await ask(loyalty, "/campaigns", terms(**wrong))
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:forecourt:problem:invalid-input")


async def test_nobody_sees_or_touches_the_campaigns_of_another_operator(loyalty: Loyalty):
    one = await published(loyalty)
    path = f"/campaigns/{one['campaign_id']}"
    others = {"operators": ["another"], "grants": [{"role": "manager", "operators": ["another"], "stations": []}]}
    answers = [
        await ask(loyalty, "/campaigns", terms(), **others),
        await ask(loyalty, path, {"version": 2, "name": "The mine"}, "PATCH", **others),
        await ask(loyalty, f"/campaign-plans/{one['campaign_id']}", method="GET", **others),
        *[await ask(loyalty, f"{path}/{command}", {"version": 2}, **others)
          for command in ("publish", "pause", "resume", "end")],
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [404] * 7
    listed = await ask(loyalty, f"/campaign-plans?operator={OPERATOR}", method="GET", **others)
    assert listed.json() == {"campaigns": [], "next_cursor": None}
    assert await status_of(loyalty, one) == "live"


async def test_who_is_bound_to_stations_plans_for_these_alone(loyalty: Loyalty):
    mine, other = str(await loyalty.station()), str(await loyalty.station())
    bound = {"operators": [], "stations": [mine], "grants": [{"role": "manager", "operators": [], "stations": [mine]}]}
    answer = await ask(loyalty, "/campaigns", terms(scope={"station_ids": [mine]}), **bound)
    assert answer.status_code == 201, answer.text
    for scope in ({}, {"station_ids": [other]}, {"station_ids": [mine, other]}):
        assert (await ask(loyalty, "/campaigns", terms(scope=scope), **bound)).status_code == 404
    path = f"/campaigns/{answer.json()['campaign_id']}"
    wider = await ask(loyalty, path, {"version": 1, "scope": {"station_ids": [mine, other]}}, "PATCH", **bound)
    assert wider.status_code == 404
    everywhere = await made(loyalty)
    listed = (await ask(loyalty, "/campaign-plans", method="GET", **bound)).json()["campaigns"]
    assert [one["campaign_id"] for one in listed] == [answer.json()["campaign_id"]]
    assert (await ask(loyalty, f"/campaigns/{everywhere['campaign_id']}/end", {}, **bound)).status_code == 404


async def test_plans_are_listed_by_pages_and_states(loyalty: Loyalty):
    drafts = [(await made(loyalty))["campaign_id"] for _ in range(3)]
    live = await published(loyalty)
    first = (await ask(loyalty, "/campaign-plans?limit=2", method="GET")).json()
    rest = (await ask(loyalty, f"/campaign-plans?limit=2&cursor={first['next_cursor']}", method="GET")).json()
    found = [one["campaign_id"] for one in first["campaigns"] + rest["campaigns"]]
    assert (found, rest["next_cursor"]) == ([live["campaign_id"], *drafts[::-1]], None)
    only = (await ask(loyalty, "/campaign-plans?status=live", method="GET")).json()["campaigns"]
    assert [(one["campaign_id"], one["used_minor"], one["uses"]) for one in only] == [(live["campaign_id"], 0, 0)]


async def test_a_driver_plans_nothing(loyalty: Loyalty):
    assert (await loyalty.client.post("/v1/campaigns", json=terms(), headers=loyalty.driver())).status_code == 403
    assert (await loyalty.client.post("/v1/campaigns", json=terms())).status_code == 401


async def test_it_begins_and_ends_by_itself_once_whoever_looks(loyalty: Loyalty):
    """Its moments come while two more replicas look at the same time."""
    one = await published(loyalty, starts_at=in_days(1), ends_at=in_days(2))
    assert one["status"] == "scheduled"
    await loyalty.sql("UPDATE campaigns SET starts_at = now()")
    await asyncio.gather(*[carry_on_due(loyalty.store) for _ in range(2)])
    await eventually(lambda: has_status(loyalty, one, "live"))
    await loyalty.sql("UPDATE campaigns SET ends_at = now()")
    await asyncio.gather(*[carry_on_due(loyalty.store) for _ in range(2)])
    await eventually(lambda: ended(loyalty, one))
    assert await told_of(loyalty, one) == [
        ("CampaignPublishedV1", 2), ("CampaignPublishedV1", 3), ("CampaignEndedV1", 4),
    ]  # fmt: skip
    history = (await plan_of(loyalty, one))["history"]
    assert [(it["actor"], it["reason"]) for it in history[-2:]] == [
        ("loyalty", "its time has come"), ("loyalty", "its end has come"),
    ]  # fmt: skip


async def has_status(loyalty: Loyalty, one: dict[str, Any], status: str) -> bool:
    return await status_of(loyalty, one) == status


async def test_it_ends_when_its_budget_is_used_up_and_nobody_can_give_anything_back(loyalty: Loyalty):
    one = await published(loyalty, **EURO_OFF, budget_minor=1_000)
    campaign_id = UUID(one["campaign_id"])
    reservation = """INSERT INTO reservations (reservation_id, order_id, driver_id, station_id, status, breakdown,
                                               currency, expires_at)
                     VALUES ($1, $1, 'd', $1, 'held', jsonb_build_array(jsonb_build_object('reference', $2::text)),
                             'EUR', now() + interval '1 hour')"""
    await loyalty.sql(reservation, new_id(), str(campaign_id))
    await loyalty.sql("INSERT INTO campaign_use VALUES ($1, 1000, 10)", campaign_id)
    assert await carry_on_due(loyalty.store) == 0
    assert await status_of(loyalty, one) == "live", "part of it is only set aside"
    await loyalty.sql("UPDATE reservations SET status = 'spent'")
    await carry_on_due(loyalty.store)
    await eventually(lambda: ended(loyalty, one))
    assert (await plan_of(loyalty, one))["history"][-1]["reason"] == "it is used up"


async def test_answers_hold_exactly_what_is_described(loyalty: Loyalty):
    here = str(await loyalty.station())
    draft = await made(loyalty, scope={"station_ids": [here], "hours": [{"weekdays": [1]}]}, **MONEY)
    assert draft.keys() == models.Campaign.model_fields.keys()
    live = await published(loyalty)
    plan, listed = await plan_of(loyalty, live), (await ask(loyalty, "/campaign-plans", method="GET")).json()
    assert plan.keys() == models.WholeCampaignPlan.model_fields.keys()
    assert plan["history"][0].keys() == models.CampaignHistoryLine.model_fields.keys()
    assert listed["campaigns"][0].keys() == models.CampaignPlan.model_fields.keys()
    public = (await loyalty.client.get(f"/v1/campaigns/{live['campaign_id']}")).json()
    assert public.keys() == models.PublicCampaign.model_fields.keys()
    conflicts = (await ask(loyalty, f"/campaigns/{draft['campaign_id']}/conflicts", method="GET")).json()
    assert conflicts.keys() == conflict_models.CampaignConflicts.model_fields.keys()
    assert conflicts["conflicts"][0].keys() == conflict_models.CampaignConflict.model_fields.keys()
    assert conflicts["most"].keys() == conflict_models.CampaignExample.model_fields.keys()
    for document, model in ((draft, models.Campaign), (plan, models.WholeCampaignPlan), (public, models.PublicCampaign),
                            (conflicts, conflict_models.CampaignConflicts)):  # fmt: skip
        model.model_validate(document)


async def test_what_staff_did_is_theirs_to_see_and_the_books_to_keep(loyalty: Loyalty):
    person, data = str(new_id()), PeopleData(loyalty.process)
    draft = (await ask(loyalty, "/campaigns", terms(), sub=person)).json()
    [change] = (await data.collect(person))["campaign_changes"]
    assert (str(change["campaign_id"]), change["command"]) == (draft["campaign_id"], "create")
    reply = """INSERT INTO idempotency_keys (caller, route, key, request_hash, status, reply)
               VALUES ($1, 'r', 'k', $2, 200, $2)"""
    await loyalty.sql(reply, person, b"canary-reply")
    erased = await loyalty.store.transact(lambda tx: data.erase(tx, person))
    assert erased["idempotent_replies"] == 1
    assert len((await data.collect(person))["campaign_changes"]) == 1
    assert "campaign_changes" in data.kept


async def test_an_operator_has_discounts_of_eight_groups_out_at_once(loyalty: Loyalty):
    """More could not be searched in time for the best price."""
    for number in range(8):
        await campaign(loyalty, stacking=Stacking(f"group-{number}"))
    ninth = await simulated(loyalty, **MONEY, stacking={"group": "ninth"})
    refused = await ask(loyalty, f"/campaigns/{ninth['campaign_id']}/publish", {"version": ninth["version"]})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:too-many-groups")
    assert await status_of(loyalty, ninth) == "simulated"
    of_one_group = await published(loyalty, **MONEY, stacking={"group": "group-0"})
    assert of_one_group["status"] == "live"
    points = {"kind": "points_multiplier", "basis_points": 20_000}
    assert (await published(loyalty, benefit=points, stacking={"group": "ninth"}))["status"] == "live"
