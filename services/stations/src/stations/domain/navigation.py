"""Links that open the way to a station in a map: five providers, each with the datum that its map has there. Pure.

Sources: Amap's, Baidu's and Tencent's documents of their URI APIs, Apple's Map Links, Google's Maps URLs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlencode

from stations.domain.datum import Datum, Place, is_in_mainland_china, to_datum

APP = "forecourt"


class Provider(StrEnum):
    """Whose map opens."""

    AMAP = "amap"
    BAIDU = "baidu"
    TENCENT = "tencent"
    APPLE = "apple"
    GOOGLE = "google"


DATUM_IN_CHINA = {
    Provider.AMAP: Datum.GCJ02, Provider.BAIDU: Datum.BD09, Provider.TENCENT: Datum.GCJ02, Provider.APPLE: Datum.GCJ02,
    Provider.GOOGLE: Datum.GCJ02,
}  # fmt: skip
"""Elsewhere all take WGS-84. Google takes the numbers as they are, and its roads in mainland China are in GCJ-02: a
WGS-84 destination would lead to a road some hundred metres off."""


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that a device opens; None where the provider has no such app link."""

    web: str
    app_ios: str | None = None
    app_android: str | None = None


@dataclass(frozen=True, slots=True)
class Navigation:
    """The way to a station at one provider; `lat` and `lon` are the station's place in `datum`, as in the links."""

    provider: Provider
    datum: Datum
    lat: float
    lon: float
    links: Links


@dataclass(frozen=True, slots=True)
class _Trip:
    """What a link says, in the datum of its map; without `start` the device's own place is where it begins."""

    end: Place
    start: Place | None
    datum: Datum
    name: str
    city: str | None


def navigation(provider: Provider, end: Place, name: str, city: str | None, start: Place | None = None) -> Navigation:
    """How to drive to `end` with this provider's map; places are WGS-84."""
    in_china = any(is_in_mainland_china(*place) for place in (end, start) if place is not None)
    datum = DATUM_IN_CHINA[provider] if in_china else Datum.WGS84
    lat, lon = _rounded(to_datum(*end, datum))
    begins = _rounded(to_datum(*start, datum)) if start is not None else None
    links = _LINKS[provider](_Trip((lat, lon), begins, datum, _label(name), city))
    return Navigation(provider, datum, lat, lon, links)


def _rounded(place: Place) -> Place:
    """To six decimals, a tenth of a metre: more is refused by some providers."""
    return round(place[0], 6), round(place[1], 6)


def _label(name: str) -> str:
    """The name without the characters that providers take for ends of parts."""
    return " ".join(name.translate(dict.fromkeys(map(ord, ",|:&#"), " ")).split())


def _amap(trip: _Trip) -> Links:
    """`coordinate` and `dev` say in which datum the numbers are, so that Amap moves them if its map needs it."""
    is_gcj02 = trip.datum is Datum.GCJ02
    web = _url("https://uri.amap.com/navigation", {
        "from": trip.start and f"{_lon_lat(trip.start)},start", "to": f"{_lon_lat(trip.end)},{trip.name}",
        "mode": "car", "coordinate": "gaode" if is_gcj02 else "wgs84", "src": APP, "callnative": "1",
    })  # fmt: skip
    app = {
        "sourceApplication": APP, "slat": trip.start and _degrees(trip.start[0]),
        "slon": trip.start and _degrees(trip.start[1]), "dlat": _degrees(trip.end[0]), "dlon": _degrees(trip.end[1]),
        "dname": trip.name, "dev": "0" if is_gcj02 else "1", "t": "0",
    }  # fmt: skip
    return Links(web, _url("iosamap://path", app), _url("amapuri://route/plan/", app))


def _baidu(trip: _Trip) -> Links:
    """Its web page plans no way without a start: without one it shows the place, from where the way is one step."""
    coordinates = {"coord_type": "bd09ll" if trip.datum is Datum.BD09 else "wgs84"}
    web = {"output": "html", "src": f"webapp.{APP}.driver"}
    way = {
        "origin": trip.start and f"latlng:{_lat_lon(trip.start)}|name:start",
        "destination": f"latlng:{_lat_lon(trip.end)}|name:{trip.name}", "mode": "driving", "region": trip.city,
    } | coordinates  # fmt: skip
    marker = {"location": _lat_lon(trip.end), "title": trip.name, "content": trip.city or trip.name} | coordinates
    return Links(
        _url("https://api.map.baidu.com/direction", way | web) if trip.start
        else _url("https://api.map.baidu.com/marker", marker | web),
        _url("baidumap://map/direction", way | {"src": f"ios.{APP}.driver"}),
        _url("bdapp://map/direction", way | {"src": f"andr.{APP}.driver"}),
    )  # fmt: skip


def _tencent(trip: _Trip) -> Links:
    way = {
        "type": "drive", "from": trip.start and "start", "fromcoord": trip.start and _lat_lon(trip.start),
        "to": trip.name, "tocoord": _lat_lon(trip.end), "referer": APP,
    }  # fmt: skip
    app = _url("qqmap://map/routeplan", way)
    return Links(_url("https://apis.map.qq.com/uri/v1/routeplan", way), app, app)


def _apple(trip: _Trip) -> Links:
    way = {"saddr": trip.start and _lat_lon(trip.start), "daddr": _lat_lon(trip.end), "dirflg": "d"}
    return Links(_url("https://maps.apple.com/", way), _url("maps://", way))


def _google(trip: _Trip) -> Links:
    """Its Android app link always begins where the device is."""
    start, end = trip.start and _lat_lon(trip.start), _lat_lon(trip.end)
    web = {"api": "1", "origin": start, "destination": end, "travelmode": "driving"}
    return Links(
        _url("https://www.google.com/maps/dir/", web),
        _url("comgooglemaps://", {"saddr": start, "daddr": end, "directionsmode": "driving"}),
        f"google.navigation:q={end}&mode=d",
    )


_LINKS: Mapping[Provider, Callable[[_Trip], Links]] = {
    Provider.AMAP: _amap, Provider.BAIDU: _baidu, Provider.TENCENT: _tencent, Provider.APPLE: _apple,
    Provider.GOOGLE: _google,
}  # fmt: skip


def _url(base: str, query: Mapping[str, str | None]) -> str:
    """The address with what is known of the query, in UTF-8, percent-encoded."""
    known = {name: value for name, value in query.items() if value}
    return f"{base}?{urlencode(known, safe=',:', quote_via=quote)}"


def _lat_lon(place: Place) -> str:
    return f"{_degrees(place[0])},{_degrees(place[1])}"


def _lon_lat(place: Place) -> str:
    return f"{_degrees(place[1])},{_degrees(place[0])}"


def _degrees(value: float) -> str:
    return f"{value:.6f}"
