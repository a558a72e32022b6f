"""Coupon templates: what makes sense, whose they are, what may change, and codes that are shown once."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty.domain.coupon_templates import Fixed, changed, faults
from loyalty.domain.coupon_words import for_drivers
from loyalty.domain.terms import AtCounter, Percentage, PerLitre, PriceLock, Scope
from servicekit.ids import new_id

from .campaign_kit import ask, simulated
from .campaign_kit import terms as of_campaign
from .conftest import OPERATOR, Loyalty
from .coupon_kit import NOW, staff, stored, template
from .gift_kit import gift

TEMPLATES = "/coupon-templates"


def terms(**fields: Any) -> dict[str, Any]:
    """The body of a new template."""
    standard = {
        "operator": OPERATOR, "name": "canary-twenty", "benefit": {"kind": "per_fill", "amount_minor": 2_000},
        "currency": "CNY", "valid_days": 30,
    }  # fmt: skip
    return standard | fields


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"currency": None}, "/currency"),
        ({"benefit": Percentage(500)}, "/currency"),
        ({"ends_at": NOW - timedelta(days=1)}, "/ends_at"),
        ({"scope": Scope(tiers=("wooden",))}, "/scope/tiers"),
        ({"per_driver": 3, "most_issued": 2}, "/per_driver"),
        ({"benefit": AtCounter(), "currency": None, "scope": Scope(methods=("wechat",))}, "/scope/methods"),
    ],
)
def test_terms_that_make_no_sense_are_named(fields: dict[str, object], pointer: str):
    assert pointer in [one.pointer for one in faults(template(**fields), NOW)]


def test_terms_that_make_sense_have_no_faults():
    for fields in ({}, {"benefit": AtCounter(), "currency": None}, {"benefit": PerLitre(300)}):
        assert faults(template(**fields), NOW) == []


def test_more_coupons_and_other_words_are_a_new_version_and_nothing_is_none():
    one = template(most_issued=10)
    more = changed(one, {"most_issued": 20, "name": "canary-other"}, NOW)
    assert (more.most_issued, more.name, more.version) == (20, "canary-other", 2)
    assert changed(one, {"most_issued": None}, NOW).most_issued is None
    assert changed(one, {"name": one.name}, NOW) == one == changed(one, {}, NOW)


def test_a_stop_is_for_ever_and_fewer_coupons_are_none():
    stopped = changed(template(most_issued=10), {"stopped": True}, NOW)
    assert (stopped.stopped_at, stopped.version) == (NOW, 2)
    assert changed(stopped, {"stopped": True}, NOW + timedelta(days=1)) == stopped
    for one, change in ((stopped, {"stopped": False}), (stopped, {"most_issued": 9}), (template(), {"most_issued": 9})):
        with pytest.raises(Fixed):
            changed(one, change, NOW)


def test_a_coupon_is_told_in_two_languages():
    for benefit, words in (
        (PerLitre(300), "0.30 CNY off each litre"), (PriceLock(7_500), "at most 7.50 CNY for a litre"),
        (AtCounter(), "given at the counter"),
    ):  # fmt: skip
        told = for_drivers(template(benefit=benefit))
        assert told["gives"]["en"] == words
        assert told["gives"].keys() == told["how_to_use"].keys() == {"en", "zh"}


async def made(loyalty: Loyalty, **fields: Any) -> dict[str, Any]:
    """A new template."""
    answer = await staff(loyalty, "POST", TEMPLATES, terms(**fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_staff_make_look_at_and_list_templates(loyalty: Loyalty):
    station_id = str(await loyalty.station())
    first = await made(loyalty, scope={"station_ids": [station_id]}, transferable=True)
    second = await made(loyalty, benefit={"kind": "at_counter"}, currency=None, description="a coffee")
    assert first["scope"]["station_ids"] == [station_id]
    assert (first["version"], first["issued"], first["stacking"]["group"]) == (1, 0, "coupon")
    look = (await staff(loyalty, "GET", f"{TEMPLATES}/{second['template_id']}")).json()
    assert look == second | {"coupons": {}, "taken_off_minor": 0}
    page = (await staff(loyalty, "GET", f"{TEMPLATES}?operator={OPERATOR}&limit=1")).json()
    rest = (await staff(loyalty, "GET", f"{TEMPLATES}?limit=1&cursor={page['next_cursor']}")).json()
    assert page["coupon_templates"] + rest["coupon_templates"] == [second, first]
    assert rest["next_cursor"] is None


async def test_another_operator_s_templates_are_not_to_be_seen(loyalty: Loyalty):
    one = await stored(loyalty, operator="another")
    path = f"{TEMPLATES}/{one.template_id}"
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answers = [
        await staff(loyalty, "POST", TEMPLATES, terms(operator="another")), await staff(loyalty, "GET", path),
        await staff(loyalty, "PATCH", path, {"stopped": True}),
        await staff(loyalty, "POST", f"{path}/codes", {"count": 1, "expires_at": soon}),
    ]  # fmt: skip
    assert [one.status_code for one in answers] == [404] * 4
    assert (await staff(loyalty, "GET", TEMPLATES)).json()["coupon_templates"] == []


async def test_a_manager_of_stations_plans_what_is_about_these_alone(loyalty: Loyalty):
    station_id = str(await loyalty.station())
    bound = {"operators": [], "grants": [{"role": "manager", "operators": [], "stations": [station_id]}]}
    everywhere = await staff(loyalty, "POST", TEMPLATES, terms(), **bound)
    here = await staff(loyalty, "POST", TEMPLATES, terms(scope={"station_ids": [station_id]}), **bound)
    await made(loyalty)
    assert (everywhere.status_code, here.status_code) == (404, 201)
    listed = (await staff(loyalty, "GET", TEMPLATES, **bound)).json()["coupon_templates"]
    assert [one["template_id"] for one in listed] == [here.json()["template_id"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"scope": {"station_ids": [str(new_id())]}}, "/scope/station_ids"),
        ({"currency": None}, "/currency"),
        ({"ends_at": "2026-01-01T00:00:00Z"}, "/ends_at"),
        ({"benefit": {"kind": "points_multiplier", "basis_points": 20_000}}, "/benefit"),
        ({"valid_days": 0}, "/valid_days"),
        ({"unknown": 1}, "/unknown"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(loyalty: Loyalty, fields: dict[str, Any], pointer: str):
    answer = await staff(loyalty, "POST", TEMPLATES, terms(**fields))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


async def test_a_template_is_changed_and_stopped(loyalty: Loyalty):
    one = await made(loyalty, most_issued=10)
    path = f"{TEMPLATES}/{one['template_id']}"
    changes = [{"most_issued": 20, "name": "canary-new"}, {"stopped": True}, {"stopped": False}, {"most_issued": 5}]
    answers = [await staff(loyalty, "PATCH", path, change) for change in changes]
    assert [one.status_code for one in answers] == [200, 200, 409, 409]
    assert answers[1].json()["stopped_at"]
    assert [answers[1].json()[name] for name in ("name", "most_issued", "version")] == ["canary-new", 20, 3]
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    codes = await staff(loyalty, "POST", f"{path}/codes", {"count": 1, "expires_at": soon})
    assert (codes.status_code, codes.json()["title"]) == (409, "Template stopped")


async def test_ten_thousand_codes_are_printed_at_once_each_another_and_stored_as_hashes(loyalty: Loyalty):
    path = f"{TEMPLATES}/{(await made(loyalty))['template_id']}/codes"
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = await staff(loyalty, "POST", path, {"count": 10_000, "expires_at": soon})
    assert answer.headers["Cache-Control"] == "no-store"
    codes = answer.json()["codes"]
    assert len(set(codes)) == 10_000 == await loyalty.sql("SELECT count(DISTINCT code_hash) FROM codes")
    too_many = await staff(loyalty, "POST", path, {"count": 10_001, "expires_at": soon})
    past = await staff(loyalty, "POST", path, {"count": 1, "expires_at": "2026-01-01T00:00:00Z"})
    assert (too_many.status_code, past.status_code) == (422, 422)


async def test_codes_come_as_a_file_where_that_is_asked_for(loyalty: Loyalty):
    path = f"/v1{TEMPLATES}/{(await made(loyalty))['template_id']}/codes"
    ends = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    headers = loyalty.staff("campaigns:write") | {"Accept": "text/csv"}
    body = {"count": 3, "expires_at": ends.isoformat()}
    answer = await loyalty.client.post(path, json=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len({row["code"] for row in rows}) == 3
    assert {row["expires_at"] for row in rows} == {f"{ends:%Y-%m-%dT%H:%M:%SZ}"}


async def test_who_is_bound_to_a_station_gives_away_only_what_is_of_that_station(loyalty: Loyalty) -> None:
    station = str(await loyalty.station())
    bound = {"operators": [], "grants": [{"role": "manager", "operators": [], "stations": [station]}]}
    here = Scope(station_ids=(station,))
    theirs, own = await stored(loyalty), await stored(loyalty, scope=here)
    gifts = [await gift(loyalty), await gift(loyalty, station_ids=[station])]
    for one, status in ((theirs, 422), (own, 201)):
        coupon = {"kind": "coupon", "template_id": str(one.template_id), "trigger": "every_fill"}
        card = {"kind": "stamp_card", "stamps": 3, "template_id": str(one.template_id)}
        for benefit in (coupon, card):
            body = of_campaign(benefit=benefit, scope={"station_ids": [station]})
            assert (await ask(loyalty, "/campaigns", body, **bound)).status_code == status
    for one, status in zip(gifts, (422, 201), strict=True):
        benefit = {"kind": "gift", "gift_id": str(one), "trigger": "every_fill"}
        body = of_campaign(benefit=benefit, scope={"station_ids": [station]})
        answer = await ask(loyalty, "/campaigns", body, **bound)
        assert answer.status_code == status, answer.text
    planned = await simulated(
        loyalty, benefit={"kind": "gift", "gift_id": str(gifts[0]), "trigger": "every_fill"},
        scope={"station_ids": [station]},
    )  # fmt: skip
    refused = await ask(loyalty, f"/campaigns/{planned['campaign_id']}/publish", {"version": 1}, **bound)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/benefit/gift_id")
