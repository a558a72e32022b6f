"""What the index found as JSON of http_models.search, joined from bytes that are ready: these are the hot reads."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
import numpy as np

from schemas.vocabulary import Fuel
from stations.domain.datum import Datum, to_datum
from stations.domain.index.clusters import Cluster, MapAnswer
from stations.domain.index.grades import EPOCH, milliseconds
from stations.domain.index.hours import CLOSED, OPEN, UNKNOWN
from stations.domain.index.questions import Hit, NetPrice
from stations.domain.index.search import Search

_OPEN_NOW = {OPEN: "true", CLOSED: "false", UNKNOWN: "null"}
_DAY_MS = 86_400_000


def found_stations(search: Search, hits: Sequence[Hit], fuel: Fuel | None, datum: Datum, now: datetime) -> bytes:
    """A NearbyStations or AlongStations."""
    rows = np.fromiter((hit.row for hit in hits), np.int64, len(hits))
    states = search.index.hours.states(search.index.columns["hours"][rows], now).tolist()
    prices = _prices(search, [hit.row for hit in hits], fuel, now)
    stations = b",".join(
        _station(search, hit, fuel, datum, state, shown) for hit, state, shown in zip(hits, states, prices, strict=True)
    )
    return b'{"coordinate":"%b","stations":[%b]}' % (datum.encode(), stations)


def map_answer(search: Search, answer: MapAnswer, fuel: Fuel | None, datum: Datum, now: datetime) -> bytes:
    """A StationClusters."""
    rows = answer.rows.tolist()
    columns = search.index.columns
    stations = b",".join(
        b"{%b,%b,\"prices\":[%b]}" % (
            search.index.shown[row], _place(columns["lat"][row], columns["lon"][row], datum), shown,
        )
        for row, shown in zip(rows, _prices(search, rows, fuel, now), strict=True)
    )  # fmt: skip
    clusters = b",".join(_cluster(one, datum) for one in answer.clusters)
    return b'{"coordinate":"%b","zoom":%d,"clusters":[%b],"stations":[%b]}' % (
        datum.encode(), answer.zoom, clusters, stations,
    )  # fmt: skip


def _station(search: Search, hit: Hit, fuel: Fuel | None, datum: Datum, state: int, prices: bytes) -> bytes:
    index, row = search.index, hit.row
    columns, pumps = index.columns, index.pumps.summary(row, fuel)
    total = pumps.free + pumps.busy + pumps.out_of_order
    waiting = "null" if pumps.waiting_vehicles is None else pumps.waiting_vehicles
    on_route = "" if hit.route_m is None else f'"detour_m":{hit.detour_m},"route_m":{hit.route_m},'
    rest = (
        f'"distance_m":{hit.distance_m},{on_route}"open_now":{_OPEN_NOW[state]},'
        f'"pumps":{{"free":{pumps.free},"busy":{pumps.busy},"out_of_order":{pumps.out_of_order},"total":{total}}},'
        f'"queue":"{pumps.queue}","waiting_vehicles":{waiting},"net_price":{_net_price(hit)}'
    )
    place = _place(columns["lat"][row], columns["lon"][row], datum)
    return b'{%b,%b,%b,"prices":[%b]}' % (index.shown[row], place, rest.encode(), prices)


def _place(lat: float, lon: float, datum: Datum) -> bytes:
    lat, lon = to_datum(float(lat), float(lon), datum)
    return f'"lat":{lat!r},"lon":{lon!r}'.encode()


def _net_price(hit: Hit) -> str:
    net: NetPrice | None = hit.net_price
    if net is None:
        return "null"
    campaign = "null" if net.campaign is None else msgspec.json.encode(net.campaign._asdict()).decode()
    return (
        f'{{"pump_price_mills":{net.pump_price_mills},"currency":"{net.currency}","campaign":{campaign},'
        f'"detour_m":{hit.detour_m},"detour_mills_per_litre":{net.detour_mills_per_litre},'
        f'"detour_minor":{net.detour_minor},"net_price_mills":{net.net_price_mills}}}'
    )


def _prices(search: Search, rows: Sequence[int], fuel: Fuel | None, now: datetime) -> list[bytes]:
    """Of each row its prices, or the one of the grade; a grade that is no longer sold has none."""
    shown: list[list[str]] = [[] for _ in rows]
    for name in search.index.grades.names() if fuel is None else (fuel.value,):
        for place, price in _prices_of(search, rows, name, now):
            shown[place].append(price)
    return [",".join(one).encode() for one in shown]


def _prices_of(search: Search, rows: Sequence[int], fuel: str, now: datetime) -> Iterable[tuple[int, str]]:
    grades, at = search.index.grades, milliseconds(now)
    columns = grades.columns(fuel, max(rows, default=-1) + 1)
    chosen = np.asarray(rows, np.int64)
    shown = ("mills", "currency", "effective", "submitted", "received", "published", "confirmed")
    values = zip(*(columns[name][chosen].tolist() for name in shown), strict=True)
    for place, (mills, currency, effective, submitted, received, published, confirmed) in enumerate(values):
        if mills:
            yield (
                place,
                (
                    f'{{"fuel":"{fuel}","price_mills":{mills},"currency":"{grades.currencies.values[currency]}",'
                    f'"effective_at":"{_text(effective)}","submitted_at":"{_text(submitted)}",'
                    f'"received_at":"{_text(received)}","published_at":"{_text(published)}",'
                    f'"age_seconds":{max(0, (at - effective) // 1000)},"confirmed_at":"{_text(confirmed)}",'
                    f'"stale":{"true" if at - confirmed > search.stale_after_ms else "false"}}}'
                ),
            )


def _cluster(cluster: Cluster, datum: Datum) -> bytes:
    lat, lon = to_datum(cluster.lat, cluster.lon, datum)
    bounds = cluster.bounds
    south, west = to_datum(bounds.south, bounds.west, datum)
    north, east = to_datum(bounds.north, bounds.east, datum)
    document = {
        "count": cluster.count, "lat": lat, "lon": lon,
        "bounds": {"west": west, "south": south, "east": east, "north": north},
        "cheapest": [one._asdict() for one in cluster.cheapest],
    }  # fmt: skip
    return msgspec.json.encode(document)


def _text(moment_ms: int) -> str:
    """RFC 3339; the parts of a moment come again and again."""
    day, rest = divmod(moment_ms, _DAY_MS)
    second, thousandths = divmod(rest, 1000)
    return f"{_date(day)}T{_clock(second)}.{thousandths:03}Z"


@lru_cache(4_096)
def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).astimezone(UTC).date().isoformat()


@lru_cache(86_400)
def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
