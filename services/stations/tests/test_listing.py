"""The list of stations, and one station."""

from typing import Any
from uuid import UUID

import pytest

from servicekit.ids import new_id
from stations.http_models.search import StationDetail, StationPage

from .conftest import Stations, row


async def listed(stations: Stations, **params: Any) -> StationPage:
    response = await stations.client.get("/v1/stations", params={"operator": stations.operator, **params})
    assert response.status_code == 200, response.text
    return StationPage.model_validate_json(response.content)


async def names(stations: Stations, **params: Any) -> set[str]:
    return {station.name for station in (await listed(stations, **params)).stations}


async def test_pages_join_to_the_whole_list_in_a_stable_order(stations: Stations) -> None:
    sent = await stations.send(*(row() for _ in range(23)))
    ids = {UUID(result["station_id"]) for result in sent.json()["results"]}
    seen, cursor = [], None
    while True:
        page = await listed(stations, limit=5, **({"cursor": cursor} if cursor else {}))
        seen += [station.station_id for station in page.stations]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == sorted(ids)


async def test_the_last_page_is_known_to_be_the_last(stations: Stations) -> None:
    await stations.send(*(row() for _ in range(4)))
    assert (await listed(stations, limit=4)).next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "", "%00", "eyIkZ3QiOiIifQ", "A" * 600])
async def test_a_cursor_that_was_not_made_here_is_refused(stations: Stations, cursor: str) -> None:
    response = await stations.client.get("/v1/stations", params={"cursor": cursor})
    assert (response.status_code, response.json()["type"]) == (400, "urn:forecourt:problem:bad-cursor")


async def test_a_box_holds_its_edges_and_may_cross_the_antimeridian(stations: Stations) -> None:
    places = {"a": (10.0, 179.0), "b": (10.0, -179.0), "c": (10.0, 0.0), "d": (20.0, 179.0)}
    await stations.send(*(row(name=n, lat=lat, lon=lon, country="NO") for n, (lat, lon) in places.items()))
    assert await names(stations, bbox="0,10,179,20") == {"a", "c", "d"}
    assert await names(stations, bbox="178,5,-178,15") == {"a", "b"}
    assert await names(stations, bbox="-180,-90,180,90") == set("abcd")
    assert await names(stations, bbox="0.1,10,178.9,20") == set()


@pytest.mark.parametrize(
    "bbox", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "0,10,1,5", "-181,0,0,1", "nan,0,1,1", "0,0,inf,1", ""]
)
async def test_a_wrong_box_is_refused(stations: Stations, bbox: str) -> None:
    assert (await stations.client.get("/v1/stations", params={"bbox": bbox})).status_code == 422


FOUND = {
    "GROSSE": "south", "große tank": "south", "giess": "south", "GIEßEN aral": "south", "353": "south",
    "(süd)": "south", "sud": "south", "sued": "south", "Lodz": "pole", "łódź øst": "pole", "ost ulica": "pole",
    "ulica piotr 10": "pole", "中石化": "han", "石化 天河": "han", "\uff21\uff22\uff23": "abc", "a.c": "dotted",
    "bc": None, ".*": None, "$": None, "giess pole": None,
}  # fmt: skip


async def test_text_is_found_without_accents_and_case_by_beginnings_in_any_order(stations: Stations) -> None:
    giessen, lodz = {"city": "Gießen", "post_code": "35390"}, {"street": "ulica Piotrkowska", "house_number": "10"}
    await stations.send(
        row(external_id="south", name="Große Tankstelle (Süd)", brand="ARAL", address=giessen),
        row(external_id="pole", name="Øst", address=lodz | {"city": "Łódź"}),
        row(external_id="han", name="中国石化中石化加油站", brand=None, address={"city": "广州市天河区"}),
        row(external_id="dotted", name="a.c", brand=None, address={}),
        row(external_id="abc", name="abc", brand="x", address={"city": "Berlin", "post_code": "10115"}),
    )
    found = {text: [one.external_id for one in (await listed(stations, q=text)).stations] for text in FOUND}
    assert found == {text: [name] if name else [] for text, name in FOUND.items()}


async def test_names_and_brands_come_before_addresses_on_pages_that_join(stations: Stations) -> None:
    await stations.send(
        row(external_id="1", name="One", brand=None, address={"street": "Jetstraße", "city": "Jet"}),
        row(external_id="2", name="Jetty", brand=None, address={}),
        row(external_id="3", name="Three", brand="JET", address={"city": "Jet"}),
        row(external_id="4", name="Four", brand="Jet", address={}),
        row(external_id="5", name="Five", brand="Jetoil", address={}),
        row(external_id="6", name="Six", brand="x", address={}),
    )
    seen, cursor = [], None
    while True:
        page = await listed(stations, q="jet", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [station.external_id for station in page.stations]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == ["3", "4", "2", "5", "1"]


async def test_filters_join(stations: Stations) -> None:
    await stations.send(row(name="one", brand="Jet"), row(name="two", brand="Aral"), row(name="one", brand="Aral"))
    assert len((await listed(stations, brand="ARAL", q="one")).stations) == 1


@pytest.mark.parametrize(
    "params",
    [
        {"q": ""},
        {"q": "a\x00"},
        {"q": "x" * 101},
        {"operator": "$ne"},
        {"operator[$ne]": "x"},
        {"limit": 101},
        {"$where": "1"},
    ],
    ids=str,
)
async def test_a_wrong_filter_is_refused(stations: Stations, params: dict[str, Any]) -> None:
    assert (await stations.client.get("/v1/stations", params=params)).status_code == 422


async def test_one_station_has_all_that_is_known(stations: Stations) -> None:
    hours = {
        "weekly": [{"days": ["mon"], "opens": "06:00", "closes": "24:00"}],
        "exceptions": [{"from": "2026-12-24", "until": "2026-12-24", "closed": True}],
    }
    station_id = await stations.register(
        external_id="a", opening_hours=hours, holiday_region="BE", fuels=["e10", "e5"], facilities=["shop"],
        pumps=[{"pump_id": "1", "fuels": ["e5"]}],
    )  # fmt: skip
    await stations.price(station_id, "e5", 1_799)
    await stations.price(station_id, "e10", 1_739)
    await stations.price(station_id, "e10", None, version=2)
    response = await stations.client.get(f"/v1/stations/{station_id}")
    station = StationDetail.model_validate_json(response.content)
    assert response.json()["opening_hours"] == hours
    assert (station.external_id, station.operator, station.version) == ("a", stations.operator, 1)
    assert (station.fuels, station.facilities, station.holiday_region) == (["e5", "e10"], ["shop"], "BE")
    assert [(price.fuel, price.price_mills) for price in station.prices] == [("e5", 1_799)]
    assert [pump.pump_id for pump in station.pumps] == ["1"]
    assert station.closed_at is None


@pytest.mark.parametrize(("station_id", "status"), [(new_id(), 404), ("nearby-not", 422), ("$ne", 422)])
async def test_a_station_that_is_not_there(stations: Stations, station_id: object, status: int) -> None:
    response = await stations.client.get(f"/v1/stations/{station_id}")
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
