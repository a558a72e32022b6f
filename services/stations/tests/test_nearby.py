"""Searches around a place, held against brute force on the real MongoDB."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import asin, cos, isclose, radians, sin, sqrt
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from servicekit.ids import new_id
from stations.http_models.search import NearbyStation, NearbyStations

from .conftest import TEN, Stations, row

EARTH_RADIUS_M = 6_378_100
"""MongoDB's sphere."""

ANCHORS = [(52.52, 13.41), (89.6, 10.0), (-17.0, 179.95), (0.02, -0.02)]
"""Berlin, and where longitude does odd things: the pole, the antimeridian, the origin."""

ALWAYS = {"weekly": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "opens": "00:00", "closes": "24:00"}]}
NEVER = {"weekly": [], "exceptions": [{"from": "2000-01-01", "until": "2099-12-31", "closed": True}]}
FACILITIES = [[], ["shop"], ["shop", "car_wash"]]


@dataclass(frozen=True)
class Place:
    """What the test knows of a station that it put somewhere."""

    station_id: UUID
    lat: float
    lon: float
    hours: Any
    facilities: list[str]
    price_mills: int | None


class Field:
    """Stations scattered around the anchors, told from all others by their brand."""

    def __init__(self, stations: Stations, brand: str, places: list[Place]) -> None:
        self.stations = stations
        self.brand = brand
        self.places = places

    async def near(self, **params: Any) -> list[NearbyStation]:
        response = await self.stations.client.get("/v1/stations/nearby", params={"brand": self.brand, **params})
        assert response.status_code == 200, response.text
        return NearbyStations.model_validate_json(response.content).stations


def distance_m(lat: float, lon: float, place: Place) -> float:
    """The haversine formula."""
    one, two, turn = radians(lat), radians(place.lat), radians(place.lon - lon)
    half = sin((two - one) / 2) ** 2 + cos(one) * cos(two) * sin(turn / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(half))


@pytest.fixture
async def field(searched: Stations) -> Field:
    chance, brand = random.Random(7), f"Brand {new_id()}"  # noqa: S311 - a repeatable scatter
    rows = [_scattered(chance, brand, anchor) for anchor in ANCHORS for _ in range(60)]
    results = (await searched.send(*rows)).json()["results"]
    places = []
    for made, result in zip(rows, results, strict=True):
        station_id, price_mills = UUID(result["station_id"]), chance.choice([None, *range(1_600, 1_610)])
        if price_mills is not None:
            await searched.price(station_id, "e5", price_mills)
        places.append(
            Place(station_id, made["lat"], made["lon"], made["opening_hours"], made["facilities"], price_mills)
        )
    return Field(searched, brand, places)


def _scattered(chance: random.Random, brand: str, anchor: tuple[float, float]) -> dict[str, Any]:
    lat = anchor[0] + chance.uniform(-0.3, 0.3)
    lon = (anchor[1] + chance.uniform(-0.3, 0.3) / max(0.01, cos(radians(lat))) + 180) % 360 - 180
    return row(
        brand=brand, country="NO", lat=lat, lon=lon, opening_hours=chance.choice([ALWAYS, NEVER, None]),
        facilities=chance.choice(FACILITIES),
    )  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """A search around one of the anchors."""
    lat, lon = draw(st.sampled_from(ANCHORS))
    question = {
        "lat": lat + draw(st.floats(-0.3, 0.3)),
        "lon": (lon + draw(st.floats(-0.3, 0.3)) + 180) % 360 - 180,
        "radius_m": draw(st.integers(1, 5) | st.integers(5_000, 50_000)),
        "limit": draw(st.sampled_from([1, 5, 20, 100])),
        "open_now": draw(st.booleans()),
        "facility": draw(st.sampled_from([[], *FACILITIES])),
    }
    if draw(st.booleans()):
        question |= {"fuel": "e5", "sort": draw(st.sampled_from(["distance", "price"]))}
    return question


def expected(field: Field, question: dict[str, Any]) -> list[tuple[float, Place]]:
    """The answer by brute force, with exact distances."""
    measured = [(distance_m(question["lat"], question["lon"], place), place) for place in field.places]
    assume(not any(isclose(distance, question["radius_m"], rel_tol=1e-6) for distance, _ in measured))
    found = [
        (distance, place)
        for distance, place in measured
        if distance <= question["radius_m"]
        and (place.hours is ALWAYS or not question["open_now"])
        and set(question["facility"]) <= set(place.facilities)
        and (place.price_mills is not None or "fuel" not in question)
    ]
    by_price = question.get("sort") == "price"
    found.sort(key=lambda pair: (pair[1].price_mills if by_price else 0, pair[0]))
    return found[: question["limit"]]


# The drivers' threads draw from `random` whenever they like, which Hypothesis takes for a strategy that does.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions())
async def test_a_search_answers_what_brute_force_does(field: Field, question: dict[str, Any]) -> None:
    wanted = expected(field, question)
    found = await field.near(**question)
    assert [station.station_id for station in found] == [place.station_id for _, place in wanted]
    for station, (distance, place) in zip(found, wanted, strict=True):
        assert abs(station.distance_m - distance) <= 1
        assert station.open_now is {id(ALWAYS): True, id(NEVER): False}.get(id(place.hours))
        assert [price.price_mills for price in station.prices] == [place.price_mills] * (place.price_mills is not None)


async def test_with_a_fuel_there_is_that_price_alone_with_its_times_and_age(searched: Stations) -> None:
    brand = f"brand-{new_id()}"
    station_id, without = await searched.register(brand=brand), await searched.register(brand=brand)
    await searched.price(station_id, "e5", 1_799)
    await searched.price(station_id, "e10", 1_739)
    await searched.price(without, "e10", 1_729)
    params = {"lat": 52.52, "lon": 13.41, "brand": brand.upper(), "fuel": "e5"}
    response = await searched.client.get("/v1/stations/nearby", params=params)
    (found,) = NearbyStations.model_validate_json(response.content).stations
    (price,) = found.prices
    assert (found.station_id, found.distance_m, price.price_mills, price.currency) == (station_id, 0, 1_799, "EUR")
    times = (price.effective_at, price.submitted_at, price.received_at, price.published_at)
    assert times == tuple(TEN + timedelta(seconds=n) for n in range(4))
    age_seconds = (datetime.now(UTC) - TEN).total_seconds()
    assert age_seconds - 60 < price.age_seconds <= age_seconds


async def test_a_price_of_the_future_is_no_seconds_old(searched: Stations) -> None:
    brand = f"brand-{new_id()}"
    station_id = await searched.register(brand=brand)
    await searched.price(station_id, "e5", 1_799, effective_at=datetime.now(UTC) + timedelta(minutes=5))
    response = await searched.client.get("/v1/stations/nearby", params={"lat": 52.52, "lon": 13.41, "brand": brand})
    assert response.json()["stations"][0]["prices"][0]["age_seconds"] == 0


async def test_prices_of_two_currencies_are_not_compared(searched: Stations) -> None:
    """Near a border: 1.70 CHF is not cheaper than 1.80 EUR because its number is smaller."""
    brand = f"brand-{new_id()}"
    for currency, price_mills in (("EUR", 1_800), ("CHF", 1_700), ("EUR", 1_650), ("CHF", 1_900)):
        await searched.price(await searched.register(brand=brand), "e5", price_mills, currency=currency)
    params = {"lat": 52.52, "lon": 13.41, "brand": brand, "fuel": "e5", "sort": "price"}
    found = (await searched.client.get("/v1/stations/nearby", params=params)).json()["stations"]
    prices = [(one["prices"][0]["currency"], one["prices"][0]["price_mills"]) for one in found]
    assert prices == [("CHF", 1_700), ("CHF", 1_900), ("EUR", 1_650), ("EUR", 1_800)]


@pytest.mark.parametrize(
    "params",
    [
        {"lat": 91, "lon": 0},
        {"lat": "nan", "lon": 0},
        {"lat": 0, "lon": 181},
        {"lat": 0},
        {"lat": 0, "lon": 0, "radius_m": 50_001},
        {"lat": 0, "lon": 0, "radius_m": 0},
        {"lat": 0, "lon": 0, "limit": 101},
        {"lat": 0, "lon": 0, "limit": 0},
        {"lat": 0, "lon": 0, "sort": "price"},
        {"lat": 0, "lon": 0, "sort": "net_price"},
        {"lat": 0, "lon": 0, "fuel": "rocket"},
        {"lat": 0, "lon": 0, "fuel": "$gt"},
        {"lat": 0, "lon": 0, "facility": "profile.name"},
        {"lat": 0, "lon": 0, "brand": "a\x00b"},
        {"lat": 0, "lon": 0, "brand[$ne]": "x"},
        {"lat": 0, "lon": 0, "coordinate": "mars"},
    ],
    ids=str,
)
async def test_a_wrong_search_is_refused(stations: Stations, params: dict[str, Any]) -> None:
    response = await stations.client.get("/v1/stations/nearby", params=params)
    assert (response.status_code, response.json()["type"]) == (422, "urn:forecourt:problem:invalid-input")
