"""The index held against brute force: every search, sort and filter, wherever on the sphere, whatever came before."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import asin, atan2, ceil, cos, radians, sin, sqrt
from typing import Any
from uuid import UUID

import numpy as np
import polyline
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import CampaignPublishedV1
from schemas.vocabulary import Fuel, PumpStatus
from stations.domain.box import BoundingBox
from stations.domain.index.clusters import MapView, clusters
from stations.domain.index.grades import Price, milliseconds
from stations.domain.index.hours import OpenStates
from stations.domain.index.index import StationIndex
from stations.domain.index.pumps import PumpState
from stations.domain.index.questions import Along, Buying, Filters, Hit, Nearby
from stations.domain.index.route import Route
from stations.domain.index.search import Search
from stations.domain.stations import Pump, Station, open_at

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
STALE_AFTER = timedelta(hours=72)
EARTH_RADIUS_M = 6_378_100
ANCHORS = [(52.52, 13.41), (89.9, 10.0), (-90.0, 0.0), (-17.0, 179.99), (0.0, 0.0)]
ALWAYS = {"weekly": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "opens": "00:00", "closes": "24:00"}]}
NEVER = {"weekly": [], "exceptions": [{"from": "2000-01-01", "until": "2099-12-31", "closed": True}]}
FACILITIES = [frozenset[str](), frozenset({"shop"}), frozenset({"shop", "car_wash"})]


@dataclass(frozen=True)
class Spot:
    """What the oracle knows of a station."""

    station: Station
    price: Price | None

    @property
    def place(self) -> tuple[float, float]:
        return self.station.profile["lat"], self.station.profile["lon"]


def spot(number: int, lat: float, lon: float, chance: random.Random) -> Spot:
    profile: dict[str, Any] = {
        "name": f"n{number}", "brand": chance.choice(["Shell", "Årål", None]), "address": {}, "country": "NO",
        "time_zone": "Europe/Oslo", "lat": lat, "lon": lon, "facilities": sorted(chance.choice(FACILITIES)),
        "opening_hours": chance.choice([ALWAYS, NEVER, None]), "holiday_region": None,
    }  # fmt: skip
    states = [PumpStatus.FREE, PumpStatus.IN_USE, PumpStatus.OUT_OF_ORDER]
    pumps = tuple(
        Pump(str(one), chance.choice(states), chance.choice([[], ["e5"], ["e10"]]), 1, NOW)
        for one in range(chance.randrange(3))
    )
    station = Station(UUID(int=number + 1), chance.choice("ab"), f"x{number}", 1, profile, pumps, NOW, NOW)
    if chance.random() < 0.2:
        return Spot(station, None)
    age = timedelta(hours=chance.choice([1, 100]))
    at = milliseconds(NOW - age)
    mills, currency = chance.randrange(1_600, 1_606), chance.choice(["EUR", "NOK"])
    return Spot(station, Price(1, mills, currency, at, at, at, at, at))


def scattered(seed: int, count: int, width: float) -> list[Spot]:
    """Stations around the anchors, some of them at one place."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable scatter
    spots: list[Spot] = []
    for number in range(count):
        lat, lon = chance.choice(ANCHORS)
        lat = max(-90.0, min(90.0, lat + chance.uniform(-width, width)))
        lon = (lon + chance.uniform(-width, width) / max(0.01, cos(radians(lat))) + 180) % 360 - 180
        if spots and chance.random() < 0.2:
            lat, lon = chance.choice(spots).place
        spots.append(spot(number, lat, lon, chance))
    return spots


def index_of(spots: list[Spot], in_tree: float = 0.7) -> StationIndex:
    """Some of the stations in the tree, some that moved since it was built, some that came later."""
    index = StationIndex()
    early = spots[: int(len(spots) * in_tree)]
    for number, one in enumerate(early):
        put(index, move(one, 0.0, 90.0) if number % 5 == 0 else one)
    snapshot = index.space.snapshot()
    late = early[::7]
    for one in late:
        put(index, move(one, 1.0, 91.0, version=2))
    index.space.adopt(snapshot, snapshot.tree())
    for number, one in enumerate(spots):
        put(index, move(one, *one.place, version=3) if number < len(early) else one)
    return index


def move(one: Spot, lat: float, lon: float, version: int = 1) -> Spot:
    profile = one.station.profile | {"lat": lat, "lon": lon}
    return Spot(replace(one.station, profile=profile, version=version), one.price)


def put(index: StationIndex, one: Spot) -> None:
    index.put(one.station, {"e5": one.price} if one.price else {})


def haversine_m(one: tuple[float, float], two: tuple[float, float]) -> float:
    north, north_too, turn = radians(one[0]), radians(two[0]), radians(two[1] - one[1])
    half = sin((north_too - north) / 2) ** 2 + cos(north) * cos(north_too) * sin(turn / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(min(1.0, sqrt(half)))


filters = st.builds(
    Filters, st.sampled_from([None, Fuel.E5]), st.booleans(), st.booleans(), st.sampled_from([None, "SHELL", "aral"]),
    st.sampled_from(FACILITIES),
)  # fmt: skip


def passes(one: Spot, wanted: Filters) -> bool:
    """The filters, spelt out."""
    profile, price = one.station.profile, one.price
    free = [pump for pump in one.station.pumps if pump.status == "free"]
    return (
        (wanted.fuel is None or price is not None)
        and (not wanted.open_now or profile["opening_hours"] is ALWAYS)
        and (not wanted.pump_free or any(wanted.fuel is None or not p.fuels or wanted.fuel in p.fuels for p in free))
        and (wanted.brand is None or (profile["brand"] or "").casefold().replace("å", "a") == wanted.brand.casefold())
        and wanted.facilities <= set(profile["facilities"])
    )


def rank(one: Spot, sort: str, distance_m: float, buying: Buying) -> tuple[Any, ...]:
    """What the order goes by, before distance and id."""
    if sort in ("distance", "detour") or one.price is None:
        return ()
    stale = milliseconds(NOW) - one.price.confirmed > STALE_AFTER / timedelta(milliseconds=1)
    detour_m = ceil(round(distance_m) * 2 * 1.3 - 1e-9)
    litres = detour_m * buying.consumption_ml_per_100km / 100_000 / buying.volume_ml
    net = one.price.mills + (ceil(litres * one.price.mills - 1e-9) if sort == "net_price" else 0)
    return stale, one.price.currency, net


def check(hits: list[Hit], index: StationIndex, expected: list[tuple[float, Spot]], question: Any) -> None:
    """The same stations in the same order; where distances are the same to a micrometre, ids decide."""
    expected.sort(
        key=lambda pair: (
            *rank(pair[1], question.sort, pair[0], question.buying),
            round(pair[0], 5),
            pair[1].station.id,
        )
    )
    found = [index.columns["low"][hit.row] for hit in hits]
    wanted = [pair[1].station.id.int for pair in expected[: question.limit]]
    if found == wanted:
        return
    by_id = {pair[1].station.id.int: pair for pair in expected}
    for got, want in zip(found, wanted, strict=True):
        assert abs(by_id[got][0] - by_id[want][0]) < 1e-4, (found, wanted)
        ranks = [rank(by_id[one][1], question.sort, by_id[one][0], question.buying) for one in (got, want)]
        assert ranks[0] == ranks[1]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 20), st.sampled_from(ANCHORS), st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.data(), filters,
    st.sampled_from(["distance", "price", "net_price"]),
)  # fmt: skip
def test_nearby_is_what_brute_force_finds(
    seed: int, anchor: tuple[float, float], north: float, east: float, data: st.DataObject, wanted: Filters, sort: Any
) -> None:
    spots = scattered(seed, 150, 0.3)
    index = index_of(spots)
    lat, lon = max(-90.0, min(90.0, anchor[0] + north)), (anchor[1] + east + 180) % 360 - 180
    if data.draw(st.booleans()):
        lat, lon = data.draw(st.sampled_from(spots)).place
    wanted = replace(wanted, fuel=Fuel.E5) if sort != "distance" else wanted
    buying = Buying(data.draw(st.integers(0, 20_000)), data.draw(st.integers(1_000, 80_000)))
    question = Nearby(
        lat, lon, data.draw(st.sampled_from([1, 1_000, 20_000, 50_000])), wanted, sort, buying,
        data.draw(st.sampled_from([1, 3, 20, 100])),
    )  # fmt: skip
    expected = [
        (distance, one)
        for one in spots
        if (distance := haversine_m((lat, lon), one.place)) <= question.radius_m + 1e-6 and passes(one, wanted)
    ]
    check(Search(index, STALE_AFTER).nearby(question, NOW), index, expected, question)


def test_of_many_stations_at_one_place_the_lowest_ids_come_first() -> None:
    chance = random.Random(3)  # noqa: S311 - no secret
    spots = [spot(number, 52.0, 13.0, chance) for number in range(90)]
    chance.shuffle(spots)
    index = index_of(spots, in_tree=1.0)
    hits = Search(index, STALE_AFTER).nearby(Nearby(52.0, 13.001, 1_000, limit=5), NOW)
    assert [int(index.columns["low"][hit.row]) for hit in hits] == [1, 2, 3, 4, 5]


def nearest_on_leg(
    start: tuple[float, float], end: tuple[float, float], place: tuple[float, float]
) -> tuple[float, float]:
    """Distance to a short leg and how far along it, by narrowing down: near a place the distance has one valley."""
    low, high = 0.0, 1.0
    for _ in range(100):
        one, two = low + (high - low) / 3, high - (high - low) / 3
        if haversine_m(along_leg(start, end, one), place) < haversine_m(along_leg(start, end, two), place):
            high = two
        else:
            low = one
    return haversine_m(along_leg(start, end, low), place), low * haversine_m(start, end)


def along_leg(start: tuple[float, float], end: tuple[float, float], share: float) -> tuple[float, float]:
    """The point so far along the great circle."""
    angle = haversine_m(start, end) / EARTH_RADIUS_M
    before, after = (
        (1 - share, share) if angle < 1e-9 else (sin((1 - share) * angle) / sin(angle), sin(share * angle) / sin(angle))
    )
    (a, b), (c, d) = ((radians(one), radians(two)) for one, two in (start, end))
    x = before * cos(a) * cos(b) + after * cos(c) * cos(d)
    y = before * cos(a) * sin(b) + after * cos(c) * sin(d)
    z = before * sin(a) + after * sin(c)
    return atan2(z, sqrt(x * x + y * y)) * 180 / 3.141592653589793, atan2(y, x) * 180 / 3.141592653589793


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 20), st.sampled_from([ANCHORS[0], ANCHORS[1], ANCHORS[3], ANCHORS[4]]),
    st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=2, max_size=5, unique=True), filters,
    st.sampled_from(["detour", "price", "net_price"]), st.sampled_from([100, 5_000, 50_000]),
)  # fmt: skip
def test_along_is_what_brute_force_finds(
    seed: int, anchor: tuple[float, float], turns: list[tuple[float, float]], wanted: Filters, sort: Any, detour_m: int
) -> None:
    spots = scattered(seed, 60, 0.4)
    index = index_of(spots)
    points = tuple((min(90.0, anchor[0] + north), (anchor[1] + east + 180) % 360 - 180) for north, east in turns)
    points = tuple(polyline.decode(polyline.encode(list(points))))
    if Route(points).length_m == 0:
        return
    question = Along(points, detour_m, replace(wanted, fuel=Fuel.E5) if sort != "detour" else wanted, sort)
    expected, where = [], {}
    for one in spots:
        legs = [(*nearest_on_leg(*leg, one.place), leg) for leg in pairwise(points)]
        distance = min(leg[0] for leg in legs)
        where[one.station.id.int] = distance
        if ceil(round(distance) * 2.6 - 1e-9) <= detour_m and passes(one, question.filters):
            expected.append((distance, one))
    hits = Search(index, STALE_AFTER).along(question, NOW)
    check_along(hits, index, expected, question, where)


def check_along(hits: list[Hit], index: StationIndex, expected: Any, question: Along, where: dict[int, float]) -> None:
    """Distances to within a millimetre; stations at the very edge may be in or out."""
    for hit in hits:
        assert abs(hit.distance_m - where[int(index.columns["low"][hit.row])]) <= 0.502
    if question.sort == "detour":
        got = [where[int(index.columns["low"][hit.row])] for hit in hits]
        want = sorted(distance for distance, _ in expected)[: question.limit]
        assert got == pytest.approx(want, abs=2e-3)
    elif len(expected) <= question.limit:
        assert {int(index.columns["low"][hit.row]) for hit in hits} == {one.station.id.int for _, one in expected}


def test_positions_along_a_route_are_metres_from_its_start() -> None:
    index = StationIndex()
    for number, lon in enumerate((0.5, 2.0, 3.5, -1.0, 5.0)):
        put(index, move(spot(number, 0.0, lon, random.Random(1)), 0.001, lon))  # noqa: S311 - no secret
    hits = Search(index, STALE_AFTER).along(Along(((0.0, 0.0), (0.0, 1.0), (0.0, 1.0), (0.0, 4.0)), 1_000), NOW)
    degree_m = radians(1) * EARTH_RADIUS_M
    assert sorted(hit.route_m or 0 for hit in hits) == [round(lon * degree_m) for lon in (0.5, 2.0, 3.5)]
    assert {hit.detour_m for hit in hits} == {ceil(round(degree_m / 1_000) * 2.6)}


def test_a_cluster_shows_its_cheapest_fresh_price_in_each_currency() -> None:
    index, chance = StationIndex(), random.Random(1)  # noqa: S311 - no secret
    fresh, old = milliseconds(NOW), milliseconds(NOW - timedelta(days=9))
    prices = [(1_700, "EUR", fresh), (1_650, "EUR", fresh), (1_600, "CHF", old), (1_500, "EUR", old)] * 20
    for number, (mills, currency, at) in enumerate(prices):
        one = spot(number, 52.0 + number / 1e4, 13.0, chance)
        put(index, Spot(one.station, Price(1, mills, currency, at, at, at, at, at)))
    view = MapView(BoundingBox(12.0, 51.0, 14.0, 53.0), 1, Filters(Fuel.E5))
    answer = clusters(Search(index, STALE_AFTER), view, NOW)
    (cluster,) = answer.clusters
    assert (cluster.stations, len(answer.rows)) == (80, 0)
    assert cluster.cheapest == [("CHF", 1_600, True), ("EUR", 1_650, False)]
    assert (cluster.bounds.south, cluster.bounds.north) == pytest.approx((52.0, 52.0079))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 5), st.integers(0, 22), st.tuples(*[st.floats(-180, 180)] * 2), st.tuples(*[st.floats(-90, 90)] * 2)
)
def test_a_map_loses_no_station_and_stays_small(
    seed: int, zoom: int, west_east: tuple[float, float], heights: tuple[float, float]
) -> None:
    spots = scattered(seed, 1_500, 30.0)
    index = index_of(spots)
    (west, east), (south, north) = west_east, sorted(heights)
    answer = clusters(Search(index, STALE_AFTER), MapView(BoundingBox(west, south, east, north), zoom, Filters()), NOW)
    inside = [
        one for one in spots
        if south <= one.place[0] <= north
        and (west <= one.place[1] <= east if west <= east else not east < one.place[1] < west)
    ]  # fmt: skip
    assert sum(cluster.stations for cluster in answer.clusters) + len(answer.rows) == len(inside)
    assert len(answer.clusters) + len(answer.rows) <= 500
    assert all(cluster.stations > 1 for cluster in answer.clusters)


def campaign(number: int, **fields: Any) -> CampaignPublishedV1:
    standard: dict[str, Any] = {
        "campaign_id": UUID(int=number), "version": 1, "name": f"c{number}", "audience": "everyone",
        "discount": {"kind": "per_litre", "mills": 20}, "currency": "EUR", "starts_at": NOW - timedelta(days=1),
        "occurred_at": NOW,
    }  # fmt: skip
    return CampaignPublishedV1.model_validate(standard | fields)


def one_station() -> tuple[StationIndex, Spot]:
    at = milliseconds(NOW)
    one = spot(7, 52.5, 13.4, random.Random(1))  # noqa: S311 - no secret
    one = Spot(replace(one.station, operator="a"), Price(1, 1_800, "EUR", at, at, at, at, at))
    index = StationIndex()
    put(index, one)
    return index, one


@pytest.mark.parametrize(
    ("fields", "discount_mills"),
    [
        ({}, 20),
        ({"audience": "some"}, 0),
        ({"discount": None}, 0),
        ({"discount": {"kind": "percentage", "basis_points": 333}, "currency": None}, 59),
        ({"discount": {"kind": "per_fill", "amount_minor": 199}}, 49),
        ({"discount": {"kind": "per_litre", "mills": 5_000}}, 1_800),
        ({"discount": {"kind": "per_fill", "amount_minor": 10**12}}, 1_800),
        ({"currency": "CHF"}, 0),
        ({"currency": None}, 0),
        ({"minimum_volume_ml": 40_000}, 20),
        ({"minimum_volume_ml": 40_001}, 0),
        ({"operators": ["b"]}, 0),
        ({"operators": ["b", "a"]}, 20),
        ({"station_ids": [str(UUID(int=8))]}, 20),
        ({"station_ids": [str(UUID(int=9))]}, 0),
        ({"station_ids": []}, 0),
        ({"fuels": ["e10"]}, 0),
        ({"fuels": ["e10", "e5"]}, 20),
        ({"starts_at": NOW + timedelta(seconds=1)}, 0),
        ({"starts_at": NOW}, 20),
        ({"ends_at": NOW}, 0),
        ({"ends_at": NOW + timedelta(seconds=1)}, 20),
        # Friday 14:00 in Oslo
        ({"hours": [{"weekdays": [5], "from_time": "14:00", "until_time": "14:01"}]}, 20),
        ({"hours": [{"weekdays": [5], "from_time": "12:00", "until_time": "14:00"}]}, 0),
        ({"hours": [{"weekdays": [4], "from_time": "20:00", "until_time": "14:01"}]}, 20),
        ({"hours": [{"weekdays": [5], "from_time": "20:00", "until_time": "14:01"}]}, 0),
        ({"hours": [{"weekdays": [5]}]}, 20),
        ({"hours": [{"weekdays": [6]}]}, 0),
    ],
    ids=str,
)
def test_a_campaign_counts_where_and_when_it_holds_for_everyone(fields: dict[str, Any], discount_mills: int) -> None:
    index, _ = one_station()
    index.campaigns.publish(campaign(1, **fields))
    question = Nearby(52.5, 13.4, 1_000, Filters(Fuel.E5), "net_price")
    (hit,) = Search(index, STALE_AFTER).nearby(question, NOW)
    assert hit.net_price is not None
    assert hit.net_price.net_price_mills == 1_800 - discount_mills
    assert (hit.net_price.campaign.discount_mills if hit.net_price.campaign else 0) == discount_mills


def test_the_best_campaign_counts_alone_and_an_ended_one_never_again() -> None:
    index, _ = one_station()
    search, question = Search(index, STALE_AFTER), Nearby(52.5, 13.4, 1_000, Filters(Fuel.E5), "net_price")

    def best() -> tuple[str, int] | None:
        (hit,) = search.nearby(question, NOW)
        part = hit.net_price.campaign if hit.net_price else None
        return (part.name, part.discount_mills) if part else None

    for number, mills in ((1, 10), (2, 30), (3, 30)):
        index.campaigns.publish(campaign(number, discount={"kind": "per_litre", "mills": mills}))
    assert best() == ("c2", 30)
    index.campaigns.publish(campaign(2, version=3, audience="some"))
    index.campaigns.publish(campaign(2, version=2))
    assert best() == ("c3", 30)


def test_the_detours_fuel_is_part_of_the_price() -> None:
    """10 km off: 26 km of driving burn 1.82 l at 1.80, which is 3.276 on 40 l: 82 mills a litre."""
    index, one = one_station()
    ten_km_north = one.place[0] + 10_000 / radians(1) / EARTH_RADIUS_M
    question = Nearby(ten_km_north, one.place[1], 20_000, Filters(Fuel.E5), "net_price")
    (hit,) = Search(index, STALE_AFTER).nearby(question, NOW)
    net = hit.net_price
    assert net is not None
    assert (hit.distance_m, hit.detour_m) == (10_000, 26_000)
    assert (net.detour_mills_per_litre, net.detour_minor, net.net_price_mills) == (82, 328, 1_882)


def test_what_comes_twice_late_or_before_its_station_is_taken_once() -> None:
    index, one = one_station()
    at = milliseconds(NOW)
    first = Price(1, 1_700, "EUR", at, at, at, at, at)
    other = spot(9, 52.5, 13.4, random.Random(1)).station  # noqa: S311 - no secret
    index.price(other.id, "e5", replace(first, version=2, mills=1_600))
    index.price(other.id, "e5", first)
    index.put(other, {"e5": first})
    index.put(replace(one.station, version=1), {"e5": first})
    index.price(one.station.id, "e5", first)
    prices = {int(row): int(index.grades.mills("e5", index.known_rows())[row]) for row in (0, 1)}
    assert prices == {0: 1_800, 1: 1_600}
    index.confirm(other.id, "e5", 1, at + 5)
    index.confirm(other.id, "e5", 2, at + 7)
    index.confirm(other.id, "e5", 2, at + 6)
    assert index.grades.confirmed("e5", index.rows_of([other.id])).tolist() == [at + 7]


def test_a_closed_station_leaves_and_its_row_is_used_again() -> None:
    index, one = one_station()
    index.pump(one.station.id, PumpState("1", 1, "free", ["e5"]))
    index.remove(one.station.id, 0)
    assert len(index) == 1
    index.put(replace(one.station, closed_at=NOW, version=2))
    index.put(replace(one.station, closed_at=NOW, version=2))
    assert len(index) == 0
    newcomer = spot(9, 10.0, 10.0, random.Random(1)).station  # noqa: S311 - no secret
    index.put(replace(newcomer, pumps=()))
    search = Search(index, STALE_AFTER)
    assert search.nearby(Nearby(52.5, 13.4, 50_000), NOW) == []
    (hit,) = search.nearby(Nearby(10.0, 10.0, 50_000), NOW)
    assert hit.row == 0
    assert index.pumps.queue(0, None).state == "unknown"
    assert index.grades.mills("e5", index.known_rows()).tolist() == [0]


SCHEDULES = [
    ALWAYS, NEVER, None,
    {"weekly": [{"days": ["fri", "sat"], "opens": "22:00", "closes": "02:30"}]},
    {"weekly": [{"days": ["mon", "sun"], "opens": "01:30", "closes": "03:00"},
                {"days": ["holiday"], "opens": "10:00", "closes": "11:00"}]},
    {"weekly": [], "exceptions": [{"from": "2026-05-02", "until": "2026-05-03", "opens": "06:00", "closes": "24:00"}]},
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.datetimes(datetime(2026, 3, 27), datetime(2026, 5, 6), timezones=st.just(UTC)), min_size=1, max_size=12)
)
def test_remembered_hours_are_what_the_hours_say_at_any_time(moments: list[datetime]) -> None:
    """Also over midnight, on holidays, on the day that clocks change, and asked in any order."""
    states = OpenStates()
    profiles = [
        {"opening_hours": schedule, "time_zone": zone, "country": "DE", "holiday_region": "BE"}
        for schedule in SCHEDULES
        for zone in ("Europe/Berlin", "Asia/Kathmandu", "America/St_Johns")
    ]
    codes = np.array([states.code(profile) for profile in profiles])
    for moment in moments:
        expected = [{True: 1, False: 0, None: -1}[open_at(profile, moment)] for profile in profiles]
        assert states.states(codes, moment).tolist() == expected
