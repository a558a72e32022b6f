"""Links to the maps of five providers, taken apart again."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.ids import new_id
from stations.domain.datum import Datum, from_datum, to_datum
from stations.domain.navigation import Links, Provider, navigation
from stations.http_models.navigation import Navigation, ProviderNavigation

from .conftest import Stations

BEIJING, SHANGHAI, BERLIN, HONG_KONG = (39.915, 116.404), (31.2304, 121.4737), (52.52, 13.41), (22.2819, 114.1581)
NAME = "Sinopec & Söhne, 中石化|#1"
LABEL = "Sinopec Söhne 中石化 1"
GCJ02 = {place: to_datum(*place, Datum.GCJ02) for place in (BEIJING, SHANGHAI)}
BD09 = {place: to_datum(*place, Datum.BD09) for place in (BEIJING, SHANGHAI)}


def parts(url: str | None) -> tuple[str, dict[str, str]]:
    """The address before the query, and the query."""
    assert url is not None
    assert url.isascii()
    assert " " not in url
    split = urlsplit(url)
    pairs = parse_qsl(split.query, strict_parsing=True, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return url.partition("?")[0], dict(pairs)


def links(provider: Provider, end: tuple[float, float], start: tuple[float, float] | None = None) -> Links:
    return navigation(provider, end, NAME, "北京", start).links


def lat_lon(place: tuple[float, float]) -> str:
    return f"{place[0]:.6f},{place[1]:.6f}"


def lon_lat(place: tuple[float, float]) -> str:
    return f"{place[1]:.6f},{place[0]:.6f}"


def test_amap_takes_longitude_first_in_its_own_datum() -> None:
    found = links(Provider.AMAP, BEIJING, SHANGHAI)
    assert parts(found.web) == ("https://uri.amap.com/navigation", {
        "from": f"{lon_lat(GCJ02[SHANGHAI])},start", "to": f"{lon_lat(GCJ02[BEIJING])},{LABEL}", "mode": "car",
        "coordinate": "gaode", "src": "forecourt", "callnative": "1",
    })  # fmt: skip
    for url, base in ((found.app_ios, "iosamap://path"), (found.app_android, "amapuri://route/plan/")):
        where, query = parts(url)
        assert where == base
        assert (query["dlat"], query["dlon"]) == tuple(lat_lon(GCJ02[BEIJING]).split(","))
        assert (query["slat"], query["slon"]) == tuple(lat_lon(GCJ02[SHANGHAI]).split(","))
        assert (query["dname"], query["dev"], query["t"]) == (LABEL, "0", "0")


def test_amap_is_told_where_numbers_are_wgs84() -> None:
    found = links(Provider.AMAP, HONG_KONG)
    assert parts(found.web)[1] == {
        "to": f"{lon_lat(HONG_KONG)},{LABEL}", "mode": "car", "coordinate": "wgs84", "src": "forecourt",
        "callnative": "1",
    }  # fmt: skip
    assert parts(found.app_ios)[1]["dev"] == "1"


def test_baidu_plans_a_way_between_two_places_and_shows_one() -> None:
    way = links(Provider.BAIDU, BEIJING, SHANGHAI)
    assert parts(way.web) == ("https://api.map.baidu.com/direction", {
        "origin": f"latlng:{lat_lon(BD09[SHANGHAI])}|name:start",
        "destination": f"latlng:{lat_lon(BD09[BEIJING])}|name:{LABEL}", "mode": "driving", "region": "北京",
        "coord_type": "bd09ll", "output": "html", "src": "webapp.forecourt.driver",
    })  # fmt: skip
    shown = links(Provider.BAIDU, BEIJING)
    where, query = parts(shown.web)
    assert (where, query["location"]) == ("https://api.map.baidu.com/marker", lat_lon(BD09[BEIJING]))
    assert (query["title"], query["coord_type"], query["output"]) == (LABEL, "bd09ll", "html")
    for url, base in ((shown.app_ios, "baidumap://map/direction"), (shown.app_android, "bdapp://map/direction")):
        where, query = parts(url)
        assert (where, query["destination"]) == (base, f"latlng:{lat_lon(BD09[BEIJING])}|name:{LABEL}")
        assert (query["coord_type"], query["mode"], "origin" in query) == ("bd09ll", "driving", False)
    assert parts(links(Provider.BAIDU, BERLIN).web)[1]["coord_type"] == "wgs84"


def test_tencent_takes_latitude_first() -> None:
    found = links(Provider.TENCENT, BEIJING, SHANGHAI)
    query = {
        "type": "drive", "from": "start", "fromcoord": lat_lon(GCJ02[SHANGHAI]), "to": LABEL,
        "tocoord": lat_lon(GCJ02[BEIJING]), "referer": "forecourt",
    }  # fmt: skip
    assert parts(found.web) == ("https://apis.map.qq.com/uri/v1/routeplan", query)
    assert parts(found.app_ios) == parts(found.app_android) == ("qqmap://map/routeplan", query)


def test_apple_and_google_take_gcj02_in_mainland_china_and_wgs84_elsewhere() -> None:
    for place, shown in ((BEIJING, GCJ02[BEIJING]), (BERLIN, BERLIN)):
        apple, google = links(Provider.APPLE, place), links(Provider.GOOGLE, place)
        assert parts(apple.web) == ("https://maps.apple.com/", {"daddr": lat_lon(shown), "dirflg": "d"})
        assert parts(apple.app_ios) == ("maps://", {"daddr": lat_lon(shown), "dirflg": "d"})
        assert apple.app_android is None
        assert parts(google.web) == (
            "https://www.google.com/maps/dir/", {"api": "1", "destination": lat_lon(shown), "travelmode": "driving"},
        )  # fmt: skip
        assert parts(google.app_ios) == ("comgooglemaps://", {"daddr": lat_lon(shown), "directionsmode": "driving"})
        assert google.app_android == f"google.navigation:q={lat_lon(shown)}&mode=d"
    assert parts(links(Provider.APPLE, BERLIN, BERLIN).web)[1]["saddr"] == lat_lon(BERLIN)
    assert parts(links(Provider.GOOGLE, BERLIN, BERLIN).web)[1]["origin"] == lat_lon(BERLIN)


@given(st.sampled_from(Provider), st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable()))
def test_any_name_leaves_the_links_whole(provider: Provider, name: str) -> None:
    found = navigation(provider, BEIJING, name, None).links
    for url in (found.web, found.app_ios, found.app_android):
        assert url is None or "116." in unquote(url)
        assert url is None or (url.isascii() and "#" not in url)


async def ask(stations: Stations, station_id: object, **params: Any) -> Any:
    return await stations.client.get(f"/v1/stations/{station_id}/navigation", params=params)


async def test_a_station_is_reached_with_one_provider_or_with_all(stations: Stations) -> None:
    station_id = await stations.register(
        name=NAME, country="CN", time_zone="Asia/Shanghai", currency="CNY", lat=BEIJING[0], lon=BEIJING[1]
    )
    one = ProviderNavigation.model_validate_json((await ask(stations, station_id, provider="baidu")).content)
    assert (one.provider, one.datum) == ("baidu", "bd09")
    assert from_datum(one.lat, one.lon, Datum.BD09) == pytest.approx(BEIJING, abs=2e-6)
    every = Navigation.model_validate_json((await ask(stations, station_id)).content)
    assert [way.provider for way in every.providers] == list(Provider)
    assert one in every.providers
    begins = {"from": lat_lon(BD09[SHANGHAI]), "coordinate": "bd09"}
    moved = (await ask(stations, station_id, provider="apple", **begins)).json()
    assert parts(moved["links"]["web"])[1]["saddr"] == lat_lon(GCJ02[SHANGHAI])


WRONG: list[dict[str, str]] = [
    {"provider": "bing"}, {"from": "91,0"}, {"from": "nan,1"}, {"from": "1"}, {"from": "1,2,3"}, {"mode": "fly"},
     {"coordinate": "mars"}, {"provider": ""},
]  # fmt: skip


async def test_a_wrong_question_is_refused(stations: Stations) -> None:
    for params in WRONG:
        assert (await ask(stations, new_id(), **params)).status_code == 422, params


async def test_nobody_is_led_to_a_station_that_closed(stations: Stations) -> None:
    assert (await ask(stations, new_id())).status_code == 404
    station_id = await stations.register()
    headers = stations.bearer("stations:write")
    await stations.client.post(f"/v1/stations/{station_id}/closures", json={}, headers=headers)
    closed = await ask(stations, station_id)
    assert (closed.status_code, closed.json()["type"]) == (410, "urn:forecourt:problem:station-closed")
