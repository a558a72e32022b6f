"""Reviews: one per driver and station, the sum of their stars, pages, and texts that stay texts."""

import asyncio
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.cursors import encode_cursor
from servicekit.ids import new_id
from stations.domain.plain_text import plain
from stations.domain.reviews import Rating, Review
from stations.http_models.reviews import ReviewPage, ShownReview

from .conftest import Stations

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)


def a_review(stars: int) -> Review:
    return Review(new_id(), new_id(), "driver", stars, None, NOW, NOW)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5))))
def test_the_rating_is_the_sum_of_what_each_driver_said_last(steps: list[tuple[int, int]]) -> None:
    """0 stars withdraw the driver's review."""
    said: dict[int, int] = {}
    rating = Rating()
    for driver, stars in steps:
        before, after = said.pop(driver, 0), stars
        rating = rating.changed(a_review(before) if before else None, a_review(after) if after else None)
        if after:
            said[driver] = after
    assert rating.by_stars == tuple(list(said.values()).count(stars) for stars in range(1, 6))
    if said:
        tenths = Fraction(10 * sum(said.values()), len(said))
        assert rating.average_tenths is not None
        assert rating.average_tenths - Fraction(1, 2) <= tenths < rating.average_tenths + Fraction(1, 2)
    else:
        assert rating.average_tenths is None


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Clean\x00 and\x1b[31m near\u202e\r\n\r\n\r\n\r\nGo! ", "Clean and[31m near\n\nGo!"),
        ("<b>fine</b> & 'good'", "<b>fine</b> & 'good'"),
        ("很好 👩‍🔧", "很好 👩‍🔧"),
        (" \x00\u2066 \n", None),
        ("a\ud800b", "ab"),
    ],
)
def test_a_text_keeps_what_people_can_see(text: str, kept: str | None) -> None:
    assert plain(text) == kept


@given(st.text(max_size=50))
def test_plain_texts_stay_as_they_are_and_can_be_sent(text: str) -> None:
    once = plain(text)
    if once is not None:
        assert plain(once) == once
        once.encode()


async def review(stations: Stations, station_id: object, driver: str, stars: object, **body: Any) -> Any:
    url, headers = f"/v1/stations/{station_id}/reviews", stations.bearer("driver", sub=driver)
    return await stations.client.post(url, json={"stars": stars, **body}, headers=headers)


async def withdraw(stations: Stations, station_id: object, driver: str) -> int:
    url, headers = f"/v1/stations/{station_id}/reviews/mine", stations.bearer("driver", sub=driver)
    return (await stations.client.delete(url, headers=headers)).status_code


async def read(stations: Stations, station_id: object, **params: Any) -> ReviewPage:
    response = await stations.client.get(f"/v1/stations/{station_id}/reviews", params=params)
    return ReviewPage.model_validate_json(response.content)


async def test_a_driver_has_one_review_which_a_new_one_replaces(stations: Stations) -> None:
    station_id = await stations.register()
    first = await review(stations, station_id, "anna", 5, text="Good\x07")
    second = await review(stations, station_id, "anna", 2)
    assert (first.status_code, second.status_code) == (201, 200)
    made, replaced = (ShownReview.model_validate_json(answer.content) for answer in (first, second))
    assert (made.text, replaced.text, replaced.stars) == ("Good", None, 2)
    assert (replaced.review_id, replaced.created_at) == (made.review_id, made.created_at)
    page = await read(stations, station_id)
    assert page.reviews == [replaced]
    assert (page.rating.stars_average_tenths, page.rating.review_count, page.rating.by_stars.two) == (20, 1, 1)
    assert [await withdraw(stations, station_id, "anna") for _ in range(2)] == [204, 204]
    assert (await read(stations, station_id)).rating.review_count == 0


async def test_reviews_come_newest_first_and_never_say_whose_they_are(stations: Stations) -> None:
    station_id, drivers = await stations.register(), [f"driver-{new_id()}" for _ in range(5)]
    for stars, driver in enumerate(drivers, 1):
        await review(stations, station_id, driver, stars)
    await review(stations, station_id, drivers[0], 1, text="still bad")
    shown, cursor = [], None
    while True:
        page = await read(stations, station_id, limit=2, **({"cursor": cursor} if cursor else {}))
        assert not any(driver in page.model_dump_json() for driver in drivers)
        assert (page.rating.stars_average_tenths, page.rating.review_count) == (30, 5)
        shown += [one.stars for one in page.reviews]
        if (cursor := page.next_cursor) is None:
            break
    assert shown == [1, 5, 4, 3, 2]


async def test_reviews_that_race_are_all_counted_once(stations: Stations) -> None:
    station_id = await stations.register()
    drivers = [f"driver-{number}" for number in range(6)]
    sent = [review(stations, station_id, driver, 4) for driver in drivers * 2]
    codes = sorted(answer.status_code for answer in await asyncio.gather(*sent))
    assert codes == [200] * 6 + [201] * 6
    page = await read(stations, station_id)
    assert (page.rating.review_count, page.rating.by_stars.four, len(page.reviews)) == (6, 6, 6)
    stored = await stations.store.database.stations.find_one({"_id": station_id})
    assert stored is not None
    assert stored["rating"] == {"by_stars": [0, 0, 0, 6, 0], "review_count": 6, "stars_average_tenths": 40}


async def test_a_change_of_the_station_keeps_its_rating(stations: Stations) -> None:
    station_id = await stations.register(external_id="a")
    await review(stations, station_id, "anna", 5)
    headers = stations.bearer("pumps:write", "stations:write")
    changed = await stations.client.patch(f"/v1/stations/{station_id}", json={"name": "new"}, headers=headers)
    assert changed.status_code == 200
    url = f"/v1/stations/{station_id}/pumps/1"
    assert (await stations.client.put(url, json={"status": "free", "fuels": []}, headers=headers)).status_code == 200
    assert (await read(stations, station_id)).rating.review_count == 1
    detail = await stations.client.get(f"/v1/stations/{station_id}")
    assert detail.json()["rating"] == {"stars_average_tenths": 50, "review_count": 1}


WRONG_REVIEWS: list[dict[str, Any]] = [
    {}, {"stars": 0}, {"stars": 6}, {"stars": 4.5}, {"stars": "5"}, {"stars": True}, {"stars": 5, "text": "x" * 1_001},
    {"stars": 5, "text": {"$ne": 1}}, {"stars": 5, "author": "me"},
]  # fmt: skip


async def test_a_wrong_review_is_refused(stations: Stations) -> None:
    url, headers = f"/v1/stations/{new_id()}/reviews", stations.bearer("driver")
    for body in WRONG_REVIEWS:
        assert (await stations.client.post(url, json=body, headers=headers)).status_code == 422, body


async def test_only_stations_that_are_there_and_open_are_reviewed(stations: Stations) -> None:
    unknown = await review(stations, new_id(), "anna", 5)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:forecourt:problem:no-such-station")
    assert (await stations.client.get(f"/v1/stations/{new_id()}/reviews")).status_code == 404
    assert await withdraw(stations, new_id(), "anna") == 204
    station_id = await stations.register()
    await review(stations, station_id, "anna", 5)
    headers = stations.bearer("stations:write")
    await stations.client.post(f"/v1/stations/{station_id}/closures", json={}, headers=headers)
    assert (await review(stations, station_id, "berta", 5)).status_code == 409
    assert (await read(stations, station_id)).rating.review_count == 1


async def test_a_cursor_from_elsewhere_is_refused(stations: Stations) -> None:
    url = f"/v1/stations/{await stations.register()}/reviews"
    for cursor in ("x", encode_cursor("x"), encode_cursor(["2026-04-30T10:00:00", str(new_id())])):
        response = await stations.client.get(url, params={"cursor": cursor})
        assert (response.status_code, response.json()["type"]) == (400, "urn:forecourt:problem:bad-cursor"), cursor
