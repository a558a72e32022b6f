"""What drivers write is sealed, told to them alone, erased with them, and handed over when two accounts become one."""

import importlib.util
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Event
from schemas.events import UserErasedV1, UserMergedV1
from servicekit.access import Permission
from servicekit.ids import new_id
from servicekit.migrations import folder_of
from servicekit.mongo import CODEC
from servicekit.testkit import eventually
from stations.domain.favourites import MAX_FAVOURITES, Favourite, Favourites
from stations.domain.reviews import Review, replaced_by_newer

from .conftest import Stations

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)
NOTE, TEXT = "canary-note on the way", "canary-text, clean"


@dataclass
class Driver:
    """A driver with a token."""

    stations: Stations
    id: UUID

    async def call(self, method: str, path: str, **options: Any) -> Any:
        headers = self.stations.bearer(Permission.DRIVER, sub=str(self.id))
        return await self.stations.client.request(method, path, headers=headers, **options)

    async def keep(self, station_id: UUID, note: str | None = NOTE) -> int:
        path = f"/v1/me/favourites/{station_id}"
        return (await self.call("PUT", path, json={"note": note})).status_code

    async def review(self, station_id: UUID, stars: int, text: str | None = TEXT) -> int:
        path = f"/v1/stations/{station_id}/reviews"
        return (await self.call("POST", path, json={"stars": stars, "text": text})).status_code

    async def notes(self) -> dict[str, str | None]:
        found = (await self.call("GET", "/v1/me/favourites", params={"limit": 100})).json()["favourites"]
        return {one["station_id"]: one["note"] for one in found}

    async def account(self) -> dict[str, Any]:
        """What the service tells identity of the driver."""
        headers = self.stations.issuer.bearer(Permission.PERSONAL_DATA_READ)
        reply = await self.stations.client.get(f"/internal/personal-data/{self.id}", headers=headers)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def tell(self, event: Event) -> None:
        """Publishes an event about the driver, as identity does, and waits until it was handled."""
        event_id = await self.stations.kafka.publish(event)
        seen = {"_id": f"stations.main|urn:forecourt:identity|{event_id}"}
        await eventually(lambda: self.stations.store.database.inbox.count_documents(seen))

    async def erase(self) -> None:
        await self.tell(UserErasedV1(user_id=self.id, version=2, occurred_at=datetime.now(UTC)))

    async def become(self, other: "Driver") -> None:
        now = datetime.now(UTC)
        await self.tell(UserMergedV1(user_id=self.id, into_user_id=other.id, version=2, occurred_at=now))


def _migration(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, folder_of("stations") / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SEALED_TEXTS = _migration("0004_sealed_texts")


def driver(stations: Stations) -> Driver:
    return Driver(stations, new_id())


async def shown(stations: Stations, station_id: UUID) -> dict[str, Any]:
    """A station's reviews as anybody sees them."""
    return (await stations.client.get(f"/v1/stations/{station_id}/reviews")).json()


async def stored(stations: Stations, *collections: str) -> bytes:
    """All documents of the collections, as the disk has them."""
    database = stations.store.database
    return b"".join(
        [
            bson.encode(one, codec_options=CODEC)
            for name in collections
            for one in await database[name].find().to_list(None)
        ]
    )


async def test_notes_and_texts_are_stored_sealed_and_read_by_whom_they_are_for(stations: Stations) -> None:
    me, other, station_id = driver(stations), driver(stations), await stations.register()
    assert (await me.keep(station_id), await me.review(station_id, 4)) == (200, 201)
    assert await other.review(station_id, 2, "canary-other") == 201
    assert await me.notes() == {str(station_id): NOTE}
    assert [one["text"] for one in (await shown(stations, station_id))["reviews"]] == ["canary-other", TEXT]
    documents = await stored(stations, "favourites", "reviews", "people", "personal_keys")
    assert str(me.id).encode() in documents
    assert b"canary-" not in documents


async def test_a_sealed_text_belongs_to_its_author_and_its_place(stations: Stations) -> None:
    """Whoever can write to the store cannot put one person's words into another's mouth."""
    me, other, station_id = driver(stations), driver(stations), await stations.register()
    await me.review(station_id, 4)
    await other.review(station_id, 2, "canary-other")
    reviews = stations.store.database.reviews
    theirs = await reviews.find_one({"driver": str(other.id)})
    assert theirs is not None
    await reviews.update_one({"driver": str(me.id)}, {"$set": {"text": theirs["text"]}})
    page = await shown(stations, station_id)
    assert [(one["stars"], one["text"]) for one in page["reviews"]] == [(2, "canary-other"), (4, None)]


async def test_a_review_whose_authors_key_is_gone_shows_its_stars_only(stations: Stations) -> None:
    me, station_id = driver(stations), await stations.register()
    await me.keep(station_id)
    await me.review(station_id, 4)
    await stations.store.database.personal_keys.delete_one({"_id": str(me.id)})
    [review] = (await shown(stations, station_id))["reviews"]
    assert (review["stars"], review["text"]) == (4, None)
    assert await me.notes() == {str(station_id): None}


async def test_identity_is_told_all_that_a_driver_wrote(stations: Stations) -> None:
    me, other, station_id = driver(stations), driver(stations), await stations.register()
    for one in (me, other):
        await one.keep(station_id)
        await one.review(station_id, 4)
    account = await me.account()
    assert (account["service"], account["subject"]) == ("stations", str(me.id))
    assert (account["erased_at"], account["erased"], account["merged_into"]) == (None, {}, None)
    [favourite], [review] = account["data"]["favourites"], account["data"]["reviews"]
    assert (favourite["station_id"], favourite["note"]) == (str(station_id), NOTE)
    assert favourite["added_at"].startswith(str(datetime.now(UTC).year))
    shown_here = [one["review_id"] for one in (await shown(stations, station_id))["reviews"]]
    assert review["review_id"] in shown_here
    assert (review["station_id"], review["stars"], review["text"]) == (str(station_id), 4, TEXT)
    assert (await driver(stations).account())["data"] == {"favourites": [], "reviews": []}


async def test_nobody_else_may_ask_for_it(stations: Stations) -> None:
    path = f"/internal/personal-data/{new_id()}"
    everything = [one for one in Permission if one is not Permission.PERSONAL_DATA_READ]
    for headers, status in (({}, 401), (stations.bearer(*everything, roles=["admin"]), 403)):
        assert (await stations.client.get(path, headers=headers)).status_code == status
    headers = stations.bearer(Permission.PERSONAL_DATA_READ)
    assert (await stations.client.get("/internal/personal-data/$ne", headers=headers)).status_code == 422
    assert "/internal" not in (await stations.client.get("/openapi.json")).text


async def test_security_42_an_erased_drivers_words_are_gone_and_ratings_stay_true(stations: Stations) -> None:
    me, other = driver(stations), driver(stations)
    here, there = await stations.register(), await stations.register()
    for station_id in (here, there):
        await me.keep(station_id)
        await me.review(station_id, 1)
    await other.review(here, 5, "canary-other")
    for _ in range(2):
        await me.erase()
    account = await me.account()
    assert account["data"] == {"favourites": [], "reviews": []}
    assert account["erased"] == {"favourites": 2, "reviews": 2, "data_keys": 1}
    assert account["erased_at"] is not None
    assert str(me.id).encode() not in await stored(stations, "favourites", "reviews", "personal_keys")
    page = await shown(stations, here)
    assert [(one["stars"], one["text"]) for one in page["reviews"]] == [(5, "canary-other")]
    assert (page["rating"]["review_count"], page["rating"]["stars_average_tenths"]) == (1, 50)
    assert (await shown(stations, there))["rating"]["review_count"] == 0


async def test_the_id_of_an_erased_driver_stands_nowhere_but_in_the_proof(stations: Stations) -> None:
    """Fails for a new collection of drivers' data that is not erased."""
    me, station_id = driver(stations), await stations.register()
    await me.keep(station_id)
    await me.review(station_id, 4)
    names = await stations.store.database.list_collection_names()

    async def that_name_me() -> set[str]:
        found = {name: await stored(stations, name) for name in names if not name.startswith("system.")}
        return {
            name for name, documents in found.items() if str(me.id).encode() in documents or me.id.bytes in documents
        }

    assert await that_name_me() == {"favourites", "reviews", "people", "personal_keys"}
    await me.erase()
    assert await that_name_me() == {"people"}


async def test_an_erasure_needs_no_key(stations: Stations) -> None:
    """What nobody can read any more can still be deleted."""
    me, station_id = driver(stations), await stations.register()
    await me.keep(station_id)
    await me.review(station_id, 4)
    keys = stations.store.database.personal_keys
    await keys.update_one({"_id": str(me.id)}, {"$set": {"sealed_key": b"lost" * 20}})
    await me.erase()
    assert (await me.account())["erased"] == {"favourites": 1, "reviews": 1, "data_keys": 1}


async def test_a_token_that_outlives_its_owner_writes_nothing(stations: Stations) -> None:
    me, station_id = driver(stations), await stations.register()
    await me.erase()
    assert (await me.keep(station_id), await me.review(station_id, 4)) == (401, 401)
    reply = await me.call("PUT", f"/v1/me/favourites/{station_id}")
    assert (reply.json()["type"], reply.headers["www-authenticate"]) == ("urn:forecourt:problem:account-gone", "Bearer")
    assert (await me.account())["data"] == {"favourites": [], "reviews": []}
    assert str(me.id).encode() not in await stored(stations, "favourites", "reviews", "personal_keys")


async def test_two_accounts_of_one_driver_become_one(stations: Stations) -> None:
    old, new = driver(stations), driver(stations)
    both, mine, theirs = [await stations.register() for _ in range(3)]
    for station_id in (both, theirs):
        await old.keep(station_id, "canary-old")
        await old.review(station_id, 1, "canary-old")
    for station_id in (both, mine):
        await new.keep(station_id, "canary-new")
        await new.review(station_id, 5, "canary-new")
    for _ in range(2):
        await old.become(new)
    assert await new.notes() == {str(both): "canary-new", str(mine): "canary-new", str(theirs): "canary-old"}
    reviews = {one["station_id"]: (one["stars"], one["text"]) for one in (await new.account())["data"]["reviews"]}
    assert reviews == {
        str(both): (5, "canary-new"), str(mine): (5, "canary-new"), str(theirs): (1, "canary-old"),
    }  # fmt: skip
    assert [(await shown(stations, one))["rating"]["review_count"] for one in (both, mine, theirs)] == [1, 1, 1]
    gone = await old.account()
    assert (gone["data"], gone["merged_into"]) == ({"favourites": [], "reviews": []}, str(new.id))
    assert await old.keep(mine) == 401
    await new.erase()
    assert [(await shown(stations, one))["reviews"] for one in (both, mine, theirs)] == [[], [], []]


async def test_of_two_reviews_of_a_station_the_newer_stays_whosever_it_was(stations: Stations) -> None:
    old, new, station_id = driver(stations), driver(stations), await stations.register()
    await new.review(station_id, 5, "canary-new")
    await old.review(station_id, 2, "canary-old")
    await old.become(new)
    page = await shown(stations, station_id)
    assert [(one["stars"], one["text"]) for one in page["reviews"]] == [(2, "canary-old")]
    assert (page["rating"]["review_count"], page["rating"]["stars_average_tenths"]) == (1, 20)
    assert (await new.call("DELETE", f"/v1/stations/{station_id}/reviews/mine")).status_code == 204
    assert (await shown(stations, station_id))["rating"]["review_count"] == 0


FAVOURITES = st.dictionaries(st.integers(0, 300), st.integers(0, 1_000), max_size=MAX_FAVOURITES).map(
    lambda added: Favourites(
        "me", tuple(Favourite(UUID(int=n), None, NOW + timedelta(seconds=at)) for n, at in added.items())
    )
)


@given(FAVOURITES, FAVOURITES)
def test_merged_favourites_are_the_newest_and_keep_the_bound(mine: Favourites, theirs: Favourites) -> None:
    merged = mine.taking_over(theirs)
    newest: dict[UUID, datetime] = {}
    for one in (*mine.stations, *theirs.stations):
        newest[one.station_id] = max(one.added_at, newest.get(one.station_id, one.added_at))
    expected = sorted(((at, station) for station, at in newest.items()), reverse=True)[:MAX_FAVOURITES]
    assert [one.position for one in merged.stations] == expected
    assert merged.taking_over(theirs) == merged


REVIEWS = st.dictionaries(st.integers(0, 4), st.integers(0, 3), max_size=5)


@given(REVIEWS, REVIEWS)
def test_of_each_station_one_review_of_the_merged_stays(theirs: dict[int, int], mine: dict[int, int]) -> None:
    reviews = [
        [Review(new_id(), UUID(int=n), who, 3, None, NOW, NOW + timedelta(seconds=at)) for n, at in given.items()]
        for who, given in (("old", theirs), ("new", mine))
    ]
    older = replaced_by_newer(*reviews)
    kept = [one for side in reviews for one in side if one not in older]
    assert sorted(one.station_id.int for one in kept) == sorted(theirs.keys() | mine.keys())
    for one in kept:
        assert one.updated_at == NOW + timedelta(
            seconds=max(side.get(one.station_id.int, 0) for side in (theirs, mine))
        )


@pytest.mark.parametrize("times", [1, 2])
async def test_the_migration_seals_what_was_written_before(
    stations: Stations, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    me, station_id, review_id = driver(stations), await stations.register(), new_id()
    database = stations.store.database
    kept = [{"station_id": station_id, "note": NOTE, "added_at": NOW}]
    await database.favourites.insert_one({"_id": str(me.id), "stations": kept}, bypass_document_validation=True)
    old = {"station_id": station_id, "driver": str(me.id), "stars": 4, "created_at": NOW, "updated_at": NOW}
    await database.reviews.insert_one({"_id": review_id, "text": TEXT, **old}, bypass_document_validation=True)
    monkeypatch.setenv("STATIONS_KEYRING_FILE", environment["STATIONS_KEYRING_FILE"])
    for _ in range(times):
        await SEALED_TEXTS.migrate(database)
    assert b"canary-" not in await stored(stations, "favourites", "reviews")
    assert await me.notes() == {str(station_id): NOTE}
    assert [one["text"] for one in (await shown(stations, station_id))["reviews"]] == [TEXT]
