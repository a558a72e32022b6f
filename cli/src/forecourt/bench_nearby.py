"""`bench nearby`: the ten nearest of 500,000 stations over HTTP, beside $nearSphere of MongoDB for the same query."""

import asyncio
import json
import random
import resource
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

import aiohttp

from forecourt.bench_continent import EAST, NORTH, SOUTH, STATIONS, WEST, Continent, continent
from local_stack.config import Config, StackError
from schemas.vocabulary import Fuel

NEAREST = 10
RADIUS_M = 50_000
QUESTIONS = 1_500
COMPARED = 200
AT_ONCE = 4
ROUNDS = 5
WANTED_RATIO = 1.0
WANTED_MEBIBYTES = 1_024
MICROSECONDS = 1_000_000
_PROFILE = ("name", "brand", "address", "lat", "lon", "time_zone", "country", "holiday_region", "opening_hours")

Place = tuple[float, float]
Ask = Callable[[Place], Awaitable[list[UUID]]]


@dataclass(frozen=True)
class Cost:
    """CPU seconds of one round: of who answers, and of this process, which asks."""

    answering: float
    asking: float


async def measure_nearby(config: Config) -> list[dict[str, Any]]:
    """CPU for each answer: the service's, beside mongod's for the same stations with the same fields."""
    async with continent(config) as made, aiohttp.ClientSession(made.url) as session:
        figures = []
        for fuel in (None, Fuel.E5):
            figures += await _compare(made, session, fuel)
        resident = made.service.resident_bytes()
        return [*figures, {
            "figure": f"memory of a service with {STATIONS:,} stations", "value": resident / 2**20, "unit": "MiB",
            "floor": None, "ratio": None, "wanted": f"<= {WANTED_MEBIBYTES:,} MiB",
            "kept": resident <= WANTED_MEBIBYTES * 2**20,
        }]  # fmt: skip


async def _compare(made: Continent, session: aiohttp.ClientSession, fuel: Fuel | None) -> list[dict[str, Any]]:
    """Both ways in turn, so that a busy machine troubles both."""
    by_http, by_mongo = _by_http(session, fuel), _by_mongo(made, fuel)
    chance = random.Random(7)  # noqa: S311 - the same questions in every run
    places = [(chance.uniform(SOUTH, NORTH), chance.uniform(WEST, EAST)) for _ in range(QUESTIONS)]
    for place in places[:COMPARED]:
        if (ours := await by_http(place)) != (theirs := await by_mongo(place)):
            raise StackError(f"the answers differ at {place}: {ours} by HTTP, {theirs} by MongoDB")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(await _cost(by_http, places, made.service.cpu_seconds))
        theirs.append(await _cost(by_mongo, places, lambda: sum(made.server.cpu_times()[:2])))
    value, floor = (_each([one.answering for one in costs]) for costs in (ours, theirs))
    what = f"{NEAREST} nearest" + (f" that sell {fuel.value}" if fuel else "")
    asking, driver = (_each([one.asking for one in costs]) for costs in (ours, theirs))
    return [
        {
            "figure": f"{what}, CPU of the service, beside mongod's", "value": value, "unit": "us", "floor": floor,
            "ratio": value / floor, "wanted": f"<= {WANTED_RATIO:.1f} x", "kept": value <= WANTED_RATIO * floor,
        },
        {
            "figure": f"{what}, CPU of who asks, beside the driver's", "value": asking, "unit": "us", "floor": driver,
            "ratio": asking / driver, "wanted": "", "kept": None,
        },
    ]  # fmt: skip


def _each(seconds: Sequence[float]) -> float:
    return median(seconds) / QUESTIONS * MICROSECONDS


async def _cost(ask: Ask, places: Sequence[Place], cpu_seconds: Callable[[], float]) -> Cost:
    answering, asking = cpu_seconds(), _own_seconds()
    for first in range(0, len(places), AT_ONCE):
        await asyncio.gather(*map(ask, places[first : first + AT_ONCE]))
    return Cost(cpu_seconds() - answering, _own_seconds() - asking)


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _by_http(session: aiohttp.ClientSession, fuel: Fuel | None) -> Ask:
    common = {"radius_m": str(RADIUS_M), "limit": str(NEAREST)} | ({"fuel": fuel.value} if fuel else {})

    async def ask(place: Place) -> list[UUID]:
        params = {"lat": str(place[0]), "lon": str(place[1]), **common}
        async with session.get("/v1/stations/nearby", params=params) as reply:
            body = await reply.read()
        if reply.status != 200:
            raise StackError(f"the service answers {reply.status}: {body[:200]!r}")
        return [UUID(station["station_id"]) for station in json.loads(body)["stations"]]

    return ask


def _by_mongo(made: Continent, fuel: Fuel | None) -> Ask:
    """The search as it was before there was an index in memory, with the fields that the answer shows."""
    prices = f"prices.{fuel.value}" if fuel else "prices"
    fields = dict.fromkeys(("operator", *(f"profile.{name}" for name in _PROFILE), prices), True)
    sold = {f"{prices}.price_mills": {"$gt": 0}} if fuel else {}

    async def ask(place: Place) -> list[UUID]:
        here = {"type": "Point", "coordinates": [place[1], place[0]]}
        near = {"location": {"$nearSphere": {"$geometry": here, "$maxDistance": RADIUS_M}}, "closed_at": None, **sold}
        found = await made.stations.find(near, fields).limit(NEAREST).to_list(None)
        return [document["_id"] for document in found]

    return ask
