"""How far topics were folded: the documents `progress` {_id: topic|partition, complete_until, offset, updated_at}."""

from collections.abc import Sequence
from datetime import datetime

from schemas.catalogue import TOPIC_BY_NAME
from servicekit.mongo import MongoStore


async def complete_until(store: MongoStore, topics: Sequence[str]) -> dict[str, datetime | None]:
    """By topic: everything that was published before is folded; None while not all of its partitions were read."""
    places = {f"{topic}|{number}": topic for topic in topics for number in range(TOPIC_BY_NAME[topic].partitions)}
    async with store.available():
        found = await store.database.progress.find({"_id": {"$in": list(places)}}, {"complete_until": 1}).to_list(None)
    known = {one["_id"]: one["complete_until"] for one in found}
    return {topic: _least([known.get(place) for place in places if places[place] == topic]) for topic in topics}


def _least(moments: Sequence[datetime | None]) -> datetime | None:
    known = [moment for moment in moments if moment is not None]
    return min(known) if len(known) == len(moments) else None
