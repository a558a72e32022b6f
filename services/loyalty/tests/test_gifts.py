"""The catalogue of gifts: who keeps it, who sees it, and that stock is never less than what is ordered."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from servicekit.ids import new_id

from .conftest import OPERATOR, Loyalty
from .gift_kit import gift, keep, order, picked_up, rich, stock, terms


async def test_what_staff_add_everybody_sees_where_it_is_offered(loyalty: Loyalty) -> None:
    here, there = await loyalty.station(), await loyalty.station()
    gift_id = await gift(loyalty, station_ids=[str(here)], description="blue")
    await gift(loyalty, starts_at=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    everywhere = await gift(loyalty)
    found = (await loyalty.client.get("/v1/gifts", params={"station_id": str(here)})).json()
    assert [one["gift_id"] for one in found["gifts"]] == [str(gift_id), str(everywhere)]
    assert found["gifts"][0] | {"left": 10, "points": 500, "name": "Umbrella"} == found["gifts"][0]
    elsewhere = (await loyalty.client.get("/v1/gifts", params={"station_id": str(there)})).json()["gifts"]
    assert [one["gift_id"] for one in elsewhere] == [str(everywhere)]
    assert (await loyalty.client.get("/v1/gifts", params={"operator": "other-operator"})).json()["gifts"] == []


async def test_lists_page(loyalty: Loyalty) -> None:
    made = [str(await gift(loyalty)) for _ in range(3)]
    first = (await loyalty.client.get("/v1/gifts", params={"limit": 2})).json()
    rest = (await loyalty.client.get("/v1/gifts", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [one["gift_id"] for one in first["gifts"] + rest["gifts"]] == made
    assert rest["next_cursor"] is None
    kept = (await keep(loyalty, "GET", f"/gift-stock?operator={OPERATOR}&limit=2")).json()
    after = (await keep(loyalty, "GET", f"/gift-stock?operator={OPERATOR}&cursor={kept['next_cursor']}")).json()
    assert [one["gift_id"] for one in kept["gifts"] + after["gifts"]] == made


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"money_minor": 500}, "currency"),
        ({"currency": "CNY"}, "currency"),
        ({"money_minor": 500, "currency": "CNY", "delivery": True}, "delivery"),
        ({"station_ids": []}, "station_ids"),
        ({"station_ids": [str(new_id())]}, "station_ids"),
        ({"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}, "ends_at"),
    ],
)
async def test_a_gift_that_makes_no_sense_is_refused(loyalty: Loyalty, fields: dict[str, Any], field: str) -> None:
    answer = await keep(loyalty, "POST", "/gifts", terms(**fields))
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"/{field}")


@pytest.mark.parametrize("fields", [{"points": 0}, {"stock": -1}, {"name": ""}, {"stock": 1.5}, {"left": 3}])
async def test_what_is_no_gift_is_refused(loyalty: Loyalty, fields: dict[str, Any]) -> None:
    assert (await keep(loyalty, "POST", "/gifts", terms(**fields))).status_code == 422


async def test_the_same_key_adds_one_gift_and_none_is_400(loyalty: Loyalty) -> None:
    headers = loyalty.staff("campaigns:write") | {"Idempotency-Key": "k"}
    one, same = [await loyalty.client.post("/v1/gifts", json=terms(), headers=headers) for _ in range(2)]
    assert one.json()["gift_id"] == same.json()["gift_id"]
    assert await loyalty.sql("SELECT count(*) FROM gifts") == 1
    without = await loyalty.client.post("/v1/gifts", json=terms(), headers=loyalty.staff("campaigns:write"))
    assert without.status_code == 400


async def test_a_change_needs_the_present_version_and_null_takes_limits_away(loyalty: Loyalty) -> None:
    gift_id = await gift(loyalty, most_per_driver=2)
    path = f"/gifts/{gift_id}"
    changed = (await keep(loyalty, "PATCH", path, {"version": 1, "points": 600, "stock_change": -4})).json()
    assert (changed["version"], changed["points"], changed["stock"], changed["most_per_driver"]) == (2, 600, 6, 2)
    stale = await keep(loyalty, "PATCH", path, {"version": 1, "stock_change": 4})
    assert (stale.status_code, stale.json()["version"]) == (409, 2)
    free = (await keep(loyalty, "PATCH", path, {"version": 2, "most_per_driver": None, "name": None})).json()
    assert (free["most_per_driver"], free["name"], free["stock"]) == (None, "Umbrella", 6)


async def test_a_gift_is_stopped_and_offered_again(loyalty: Loyalty) -> None:
    gift_id = await gift(loyalty)
    assert (await keep(loyalty, "PATCH", f"/gifts/{gift_id}", {"version": 1, "stopped": True})).status_code == 200
    assert (await loyalty.client.get("/v1/gifts")).json()["gifts"] == []
    seen = (await keep(loyalty, "GET", "/gift-stock")).json()["gifts"]
    assert [one["stopped_at"] is not None for one in seen] == [True]
    await keep(loyalty, "PATCH", f"/gifts/{gift_id}", {"version": 2, "stopped": False})
    assert len((await loyalty.client.get("/v1/gifts")).json()["gifts"]) == 1


async def test_stock_is_never_below_what_is_ordered(loyalty: Loyalty) -> None:
    station, driver = await loyalty.station(), await rich(loyalty)
    gift_id = await gift(loyalty, stock=2)
    await order(loyalty, driver, picked_up(gift_id, station))
    answer = await keep(loyalty, "PATCH", f"/gifts/{gift_id}", {"version": 1, "stock_change": -2})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/stock_change")
    assert await stock(loyalty, gift_id) == (2, 1)


async def test_security_20_an_operators_gifts_are_kept_by_its_own_staff_only(loyalty: Loyalty) -> None:
    station, other = await loyalty.station(), await loyalty.station()
    gift_id, local = await gift(loyalty), await gift(loyalty, station_ids=[str(station)])
    foreign = {"operators": ["other-operator"], "grants": [], "stations": []}
    bound = {"operators": [], "stations": [str(station)], "grants": []}
    for claims in (foreign, bound):
        assert (await keep(loyalty, "POST", "/gifts", terms(), **claims)).status_code == 404
        assert (await keep(loyalty, "PATCH", f"/gifts/{gift_id}", {"version": 1}, **claims)).status_code == 404
    assert (await keep(loyalty, "GET", "/gift-stock", **foreign)).json()["gifts"] == []
    mine = (await keep(loyalty, "GET", "/gift-stock", **bound)).json()["gifts"]
    assert [UUID(one["gift_id"]) for one in mine] == [local]
    assert (await keep(loyalty, "PATCH", f"/gifts/{local}", {"version": 1}, **bound)).status_code == 200
    wider = {"version": 2, "station_ids": [str(station), str(other)]}
    assert (await keep(loyalty, "PATCH", f"/gifts/{local}", wider, **bound)).status_code == 404
    nobody = await loyalty.client.get("/v1/gift-stock", headers=loyalty.driver())
    assert nobody.status_code == 403
