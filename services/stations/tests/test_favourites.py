"""A driver's favourites: own only, bounded, paged, with prices."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.cursors import encode_cursor
from servicekit.ids import new_id
from stations.domain.favourites import MAX_FAVOURITES, Favourites, TooManyFavourites
from stations.http_models.favourites import Favourite, FavouritePage, KeptFavourite

from .conftest import Stations

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), max_size=30), st.integers(1, 4))
def test_pages_show_each_favourite_once_the_newest_first(steps: list[tuple[bool, int]], limit: int) -> None:
    kept, favourites = dict[int, datetime](), Favourites("me")
    for second, (add, number) in enumerate(steps):
        now = NOW + timedelta(seconds=second)
        if add:
            kept.setdefault(number, now)
            favourites = favourites.having(UUID(int=number), None, now)
        else:
            kept.pop(number, None)
            favourites = favourites.without(UUID(int=number))
    shown, after = [], None
    while page := favourites.page(after, limit):
        assert len(page) <= limit + 1
        shown += [one.station_id.int for one in page[:limit]]
        after = page[:limit][-1].position
    assert shown == sorted(kept, key=lambda number: kept[number], reverse=True)


def test_there_is_a_bound_but_a_note_may_always_change() -> None:
    favourites = Favourites("me")
    for number in range(MAX_FAVOURITES):
        favourites = favourites.having(UUID(int=number), None, NOW)
    assert favourites.having(UUID(int=7), "near home", NOW).of(UUID(int=7)) is not None
    with pytest.raises(TooManyFavourites):
        favourites.having(new_id(), None, NOW)


async def call(stations: Stations, driver: str, method: str, station_id: object = "", **options: Any) -> Any:
    url = f"/v1/me/favourites/{station_id}".rstrip("/")
    return await stations.client.request(method, url, headers=stations.bearer("driver", sub=driver), **options)


async def test_a_favourite_is_kept_shown_with_prices_and_removed(stations: Stations) -> None:
    me, station_id = f"driver-{new_id()}", await stations.register()
    await stations.price(station_id, "e5", 1_799)
    assert (await call(stations, me, "GET", station_id)).status_code == 404
    first = KeptFavourite.model_validate_json((await call(stations, me, "PUT", station_id)).content)
    again = await call(stations, me, "PUT", station_id, json={"note": " near\x00 work "})
    assert KeptFavourite.model_validate_json(again.content) == first.model_copy(update={"note": "near work"})
    one = Favourite.model_validate_json((await call(stations, me, "GET", station_id)).content)
    assert (one.note, one.station.station_id, one.station.prices[0].price_mills) == ("near work", station_id, 1_799)
    for _ in range(2):
        gone = await call(stations, me, "DELETE", station_id)
        assert (gone.status_code, gone.content) == (204, b"")
    assert (await call(stations, me, "GET")).json() == {"favourites": [], "next_cursor": None}


async def test_favourites_are_listed_page_by_page_and_nobody_sees_anothers(stations: Stations) -> None:
    me, other = f"driver-{new_id()}", f"driver-{new_id()}"
    ids = [await stations.register() for _ in range(3)]
    for station_id in ids:
        assert (await call(stations, me, "PUT", station_id)).status_code == 200
    first = FavouritePage.model_validate_json((await call(stations, me, "GET", params={"limit": 2})).content)
    rest = await call(stations, me, "GET", params={"limit": 2, "cursor": first.next_cursor})
    pages = [*first.favourites, *FavouritePage.model_validate_json(rest.content).favourites]
    assert [one.station_id for one in pages] == ids[::-1]
    assert rest.json()["next_cursor"] is None
    assert (await call(stations, other, "GET")).json()["favourites"] == []
    assert (await call(stations, other, "GET", ids[0])).status_code == 404
    assert (await call(stations, other, "DELETE", ids[0])).status_code == 204
    assert (await call(stations, me, "GET", ids[0])).status_code == 200


async def test_a_station_that_closed_stays_a_favourite_without_prices(stations: Stations) -> None:
    me, station_id = f"driver-{new_id()}", await stations.register()
    await stations.price(station_id, "e5", 1_799)
    await call(stations, me, "PUT", station_id)
    headers = stations.bearer("stations:write")
    await stations.client.post(f"/v1/stations/{station_id}/closures", json={}, headers=headers)
    shown = (await call(stations, me, "GET", station_id)).json()["station"]
    assert (shown["open_now"], shown["prices"]) == (False, [])


async def test_what_is_added_at_the_same_moment_is_all_kept(stations: Stations) -> None:
    me, ids = f"driver-{new_id()}", [await stations.register() for _ in range(6)]
    answers = await asyncio.gather(*(call(stations, me, "PUT", station_id) for station_id in ids * 2))
    assert {answer.status_code for answer in answers} == {200}
    found = (await call(stations, me, "GET")).json()["favourites"]
    assert {UUID(one["station_id"]) for one in found} == set(ids)
    assert len(found) == len(ids)


WRONG: list[tuple[str, str, dict[str, Any], int]] = [
    ("PUT", str(new_id()), {}, 404),
    ("PUT", "$where", {}, 422),
    ("PUT", str(new_id()), {"json": {"note": "x" * 201}}, 422),
    ("PUT", str(new_id()), {"json": {"note": {"$gt": ""}}}, 422),
    ("PUT", str(new_id()), {"json": {"driver": "other"}}, 422),
    ("PUT", str(new_id()), {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    ("GET", "", {"params": {"cursor": "x"}}, 400),
    ("GET", "", {"params": {"cursor": encode_cursor(["2026-04-30T10:00:00", str(new_id())])}}, 400),
    ("GET", "", {"params": {"limit": 101}}, 422),
]


async def test_what_is_wrong_is_refused(stations: Stations) -> None:
    for method, path, options, status in WRONG:
        headers = stations.bearer("driver") | options.pop("headers", {})
        url = f"/v1/me/favourites/{path}".rstrip("/")
        answer = await stations.client.request(method, url, headers=headers, **options)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), options


async def test_the_201st_favourite_is_refused(stations: Stations) -> None:
    me, station_id = f"driver-{new_id()}", await stations.register()
    full = [{"station_id": new_id(), "note": None, "added_at": NOW} for _ in range(MAX_FAVOURITES)]
    await stations.store.database.favourites.insert_one({"_id": me, "stations": full})
    refused = await call(stations, me, "PUT", station_id)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:forecourt:problem:too-many-favourites")
