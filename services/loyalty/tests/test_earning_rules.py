"""Operators' rules of earning: set whole, versioned, and never changed for what was paid before."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from loyalty.domain.earning import EarningRule
from servicekit.ids import new_id
from servicekit.store import StoreUnavailable

from .conftest import OPERATOR, Loyalty
from .purchase_kit import NOW, paid, purchase, take

WRITE = "campaigns:write"
DOUBLE = {"basis": "amount", "points": 2, "per": 100, "currency": "CNY"}
LITRES = {"basis": "litre", "points": 3, "per": 1_000, "fuels": ["diesel_b0"]}


async def put(
    loyalty: Loyalty, rules: list[dict[str, Any]], version: int = 0, operator: str = OPERATOR, **claims: Any
) -> httpx.Response:
    """What a manager gets who sets rules."""
    return await loyalty.client.put(
        f"/v1/earning-rules/{operator}", json={"version": version, "rules": rules},
        headers=loyalty.staff(WRITE, **claims),
    )  # fmt: skip


async def get(loyalty: Loyalty, operator: str = OPERATOR, **claims: Any) -> httpx.Response:
    return await loyalty.client.get(f"/v1/earning-rules/{operator}", headers=loyalty.staff(WRITE, **claims))


async def set_back(loyalty: Loyalty, by: timedelta) -> None:
    """As if the rules had been set so long ago."""
    await loyalty.sql("UPDATE earning_rule_sets SET valid_from = valid_from - $1::interval", by)
    await loyalty.process.earning.read()


def slug(answer: httpx.Response) -> str:
    return answer.json()["type"].split(":")[-1]


async def test_a_list_is_set_whole_and_shown_with_who_set_it(loyalty: Loyalty) -> None:
    before = (await get(loyalty)).json()
    assert (before["version"], before["rules"], before["valid_from"]) == (0, [], None)
    assert {"basis": "amount", "points": 8, "per": 100, "currency": "EUR"}.items() <= before["defaults"][1].items()
    manager = str(new_id())
    first = await put(loyalty, [DOUBLE, LITRES], sub=manager)
    assert (first.status_code, first.json()["version"], first.json()["set_by"]) == (200, 1, manager)
    assert (await put(loyalty, [], version=1)).json()["version"] == 2
    shown = (await get(loyalty)).json()
    assert (shown["version"], shown["rules"]) == (2, [])
    kept = await loyalty.rows("SELECT version, set_by FROM earning_rule_sets ORDER BY version")
    assert kept[0] == {"version": 1, "set_by": manager}


async def test_of_two_who_change_it_at_once_one_is_refused(loyalty: Loyalty) -> None:
    answers = await asyncio.gather(*(put(loyalty, [DOUBLE]) for _ in range(8)))
    assert sorted(one.status_code for one in answers) == [200] + [409] * 7
    assert {slug(one) for one in answers if one.status_code == 409} == {"rules-changed"}
    assert slug(await put(loyalty, [], version=7)) == "rules-changed"


async def test_an_order_earns_by_the_rules_of_the_moment_at_which_it_was_paid(loyalty: Loyalty) -> None:
    await put(loyalty, [DOUBLE])
    await set_back(loyalty, timedelta(minutes=10))
    answer = await put(loyalty, [DOUBLE | {"points": 5}], version=1)
    assert answer.status_code == 200
    await loyalty.sql("UPDATE earning_rule_sets SET valid_from = now() - interval '5 minutes' WHERE version = 2")
    await loyalty.process.earning.read()
    now = datetime.now(UTC)
    moments = [now - timedelta(minutes=minutes) for minutes in (20, 7, 1)]
    orders = [paid(str(new_id()), occurred_at=at) for at in reversed(moments)]
    await take(loyalty, orders)
    earned = [(await purchase(loyalty, one.order_id))["points_due"] for one in reversed(orders)]
    assert earned == [100, 200, 500]
    await take(loyalty, orders)
    assert [(await purchase(loyalty, one.order_id))["points_due"] for one in reversed(orders)] == earned


async def test_a_list_begins_to_hold_a_moment_ahead_when_every_replica_has_read_it(loyalty: Loyalty) -> None:
    await put(loyalty, [DOUBLE])
    earning = loyalty.process.earning
    await earning.read()
    assert earning.rule_for(OPERATOR, "s", "petrol_95", "CNY") == EarningRule("amount", 1, 100)
    await set_back(loyalty, timedelta(seconds=6))
    assert earning.rule_for(OPERATOR, "s", "petrol_95", "CNY") == EarningRule("amount", 2, 100)
    assert earning.rule_for("another", "s", "petrol_95", "CNY") == EarningRule("amount", 1, 100)
    assert earning.rule_for("another", "s", "petrol_95", "XXX").points == 0


async def test_what_may_be_too_old_for_the_moment_is_not_used(
    loyalty: Loyalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    earning = loyalty.process.earning
    await earning.read()
    monkeypatch.setattr(earning, "_read_at", NOW - timedelta(minutes=1))
    with pytest.raises(StoreUnavailable):
        earning.rule_for(OPERATOR, "s", "petrol_95", "CNY")
    assert earning.rule_for(OPERATOR, "s", "petrol_95", "CNY", NOW - timedelta(minutes=2)).points == 1


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        (DOUBLE | {"points": 21}, "/rules/0"),
        (DOUBLE | {"currency": None}, "/rules/0"),
        (DOUBLE | {"currency": "XXX"}, "/rules/0"),
        (LITRES | {"points": 501}, "/rules/0"),
        (DOUBLE | {"station_ids": [str(new_id())]}, "/rules"),
        (DOUBLE | {"per": 0}, "/rules/0/per"),
        (DOUBLE | {"points": -1}, "/rules/0/points"),
        (DOUBLE | {"fuels": []}, "/rules/0/fuels"),
        (DOUBLE | {"basis": "visit"}, "/rules/0/basis"),
        (DOUBLE | {"tier": "gold"}, "/rules/0/tier"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(loyalty: Loyalty, rule: dict[str, Any], pointer: str) -> None:
    answer = await put(loyalty, [rule])
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await get(loyalty)).json()["version"] == 0


async def test_a_rule_may_name_the_operators_own_stations(loyalty: Loyalty) -> None:
    mine, other = await loyalty.station(), await loyalty.station(operator="another")
    assert (await put(loyalty, [DOUBLE | {"station_ids": [str(mine)]}])).status_code == 200
    assert (await put(loyalty, [DOUBLE | {"station_ids": [str(mine), str(other)]}], version=1)).status_code == 422
    await set_back(loyalty, timedelta(minutes=10))
    order = paid(str(new_id()), station_id=mine)
    await take(loyalty, [order])
    assert (await purchase(loyalty, order.order_id))["points_due"] == 200


async def test_security_20_another_operators_rules_are_not_to_be_seen(loyalty: Loyalty) -> None:
    elsewhere: dict[str, Any] = {
        "operators": ["another"],
        "grants": [{"role": "manager", "operators": ["another"], "stations": []}],
    }
    station: dict[str, Any] = {
        "operators": [],
        "grants": [{"role": "manager", "operators": [], "stations": [str(new_id())]}],
    }
    attendant: dict[str, Any] = {"grants": [{"role": "attendant", "operators": [OPERATOR], "stations": []}]}
    for claims in (elsewhere, station, attendant):
        for answer in (await get(loyalty, **claims), await put(loyalty, [DOUBLE], **claims)):
            assert (answer.status_code, slug(answer)) == (404, "no-such-operator")
    assert await loyalty.sql("SELECT count(*) FROM earning_rule_sets") == 0
