"""What drivers see of campaigns: those that hold at a station or around a place."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from loyalty.use_cases.places import record_stations
from schemas.events import StationRegisteredV1, StationUpdatedV1
from servicekit.consumer import Received
from servicekit.ids import new_id
from servicekit.testkit import eventually

from .campaign_kit import done, made, published, simulated
from .conftest import OPERATOR, Loyalty, any_message

BERLIN: dict[str, Any] = {"lat": 52.52, "lon": 13.405}


async def station(loyalty: Loyalty, lat: float, lon: float, **fields: Any) -> str:
    """A station as its event tells it."""
    station_id = fields.pop("station_id", None) or new_id()
    standard: dict[str, Any] = {
        "station_id": station_id, "version": 1, "operator": OPERATOR, "external_id": str(station_id), "name": "Test",
        "country": "DE", "time_zone": "Europe/Berlin", "currency": "EUR", "lat": lat, "lon": lon, "fuels": ["e5"],
        "occurred_at": datetime.now(UTC),
    }  # fmt: skip
    kind = StationRegisteredV1 if fields.get("version", 1) == 1 else StationUpdatedV1
    event = kind.model_validate(standard | fields)
    await loyalty.store.transact(lambda tx: record_stations(tx, [Received(event, any_message())]))
    return str(station_id)


async def look(loyalty: Loyalty, path: str = "", **query: Any) -> httpx.Response:
    return await loyalty.client.get(f"/v1/campaigns{path}", params=query)


async def found(loyalty: Loyalty, count: int, **query: Any) -> list[dict[str, Any]]:
    """The campaigns that are found, as soon as there are so many: each process reads them within a moment."""
    seen: list[dict[str, Any]] = []

    async def are_there() -> bool:
        answer = await look(loyalty, **query)
        assert answer.status_code == 200, answer.text
        seen[:] = answer.json()["campaigns"]
        return len(seen) == count

    await eventually(are_there)
    return seen


async def test_a_driver_sees_what_holds_at_a_station(loyalty: Loyalty):
    here, there = await station(loyalty, 52.5, 13.4), await station(loyalty, 52.6, 13.4)
    await made(loyalty, name="The draft")
    await simulated(loyalty, name="The simulated")
    everywhere = await published(loyalty, description="The words")
    await published(loyalty, scope={"station_ids": [there]})
    await published(loyalty, scope={"fuels": ["lpg"]})
    at_here = await published(loyalty, scope={"station_ids": [here], "fuels": ["e5", "lpg"]})
    both = await found(loyalty, 2, station_id=here)
    assert {one["campaign_id"] for one in both} == {everywhere["campaign_id"], at_here["campaign_id"]}
    one = next(it for it in both if it["campaign_id"] == everywhere["campaign_id"])
    assert one["gives"] == {"en": "10 % off", "zh": "立减 10%"}
    assert (one["status"], one["claimable"], one["station_id"], one["distance_m"]) == ("live", False, here, None)
    assert "budget_minor" not in one


async def test_what_is_paused_is_found_no_more_and_says_so(loyalty: Loyalty):
    here = await station(loyalty, 52.5, 13.4)
    one = await published(loyalty)
    await found(loyalty, 1, station_id=here)
    await done(loyalty, one, "pause")
    await found(loyalty, 0, station_id=here)
    assert (await look(loyalty, f"/{one['campaign_id']}")).json()["status"] == "paused"
    await done(loyalty, one, "end")
    assert (await look(loyalty, f"/{one['campaign_id']}")).json()["status"] == "ended"


async def test_what_was_never_published_is_seen_by_nobody(loyalty: Loyalty):
    draft = await simulated(loyalty)
    assert (await look(loyalty, f"/{draft['campaign_id']}")).status_code == 404
    await done(loyalty, draft, "end")
    assert (await look(loyalty, f"/{draft['campaign_id']}")).status_code == 404
    assert (await look(loyalty, f"/{new_id()}")).status_code == 404


async def test_around_a_place_each_campaign_comes_with_its_nearest_station(loyalty: Loyalty):
    near = await station(loyalty, 52.521, 13.405)
    far = await station(loyalty, 52.53, 13.405)
    await station(loyalty, 53.2, 13.405)
    everywhere = await published(loyalty)
    at_far = await published(loyalty, scope={"station_ids": [far]})
    both = await found(loyalty, 2, **BERLIN, radius_m=5_000)
    assert [(one["campaign_id"], one["station_id"]) for one in both] == [
        (everywhere["campaign_id"], near), (at_far["campaign_id"], far),
    ]  # fmt: skip
    assert [one["distance_m"] for one in both] == [111, 1_112], "a degree of latitude is 111.2 km"
    assert len(await found(loyalty, 1, **BERLIN, radius_m=500)) == 1
    first = (await look(loyalty, **BERLIN, limit=1)).json()
    rest = (await look(loyalty, **BERLIN, limit=1, cursor=first["next_cursor"])).json()
    assert [one["campaign_id"] for one in first["campaigns"] + rest["campaigns"]] == [
        one["campaign_id"] for one in both
    ]  # fmt: skip
    assert rest["next_cursor"] is None


async def test_places_across_the_date_line_are_near(loyalty: Loyalty):
    here = await station(loyalty, -17.0, 179.99)
    await published(loyalty)
    [one] = await found(loyalty, 1, lat=-17.0, lon=-179.99, radius_m=5_000)
    assert (one["station_id"], one["distance_m"] < 2_200) == (here, True)


async def test_a_station_that_moves_or_closes_is_where_it_is_now(loyalty: Loyalty):
    here = await station(loyalty, 52.52, 13.405)
    await published(loyalty)
    await found(loyalty, 1, **BERLIN, radius_m=500)
    await station(loyalty, 48.2, 16.37, station_id=UUID(here), version=3)
    await station(loyalty, 52.52, 13.405, station_id=UUID(here), version=2)
    await found(loyalty, 0, **BERLIN, radius_m=500)
    await found(loyalty, 1, lat=48.2, lon=16.37, radius_m=500)


async def test_a_campaign_to_come_is_seen_by_its_id_and_found_when_it_holds(loyalty: Loyalty):
    here = await station(loyalty, 52.5, 13.4)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    one = await published(loyalty, starts_at=tomorrow)
    assert (await look(loyalty, f"/{one['campaign_id']}")).json()["status"] == "scheduled"
    await found(loyalty, 0, station_id=here)


async def test_one_must_say_where(loyalty: Loyalty):
    queries: tuple[dict[str, Any], ...] = (
        {},
        {"lat": 1},
        {"lon": 1},
        {"station_id": str(new_id()), "lat": 1, "lon": 1},
    )
    for query in queries:
        answer = await look(loyalty, **query)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:forecourt:problem:say-where")
    assert (await look(loyalty, station_id=str(new_id()))).status_code == 404
    assert (await look(loyalty, lat=91, lon=0)).status_code == 422
    assert (await look(loyalty, lat=1, lon=1, radius_m=50_001)).status_code == 422
    assert (await look(loyalty, lat=1, lon=1, cursor="nonsense")).status_code == 400
