"""What the index found as JSON of http_models.search, joined from bytes that are ready: these are the hot reads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
import numpy as np

from schemas.vocabulary import Fuel
from stations.domain.datum import Datum, to_datum
from stations.domain.index.clusters import Cluster, MapAnswer
from stations.domain.index.geometry import Rows
from stations.domain.index.grades import milliseconds
from stations.domain.index.hours import CLOSED, OPEN, UNKNOWN
from stations.domain.index.questions import Hit, NetPrice
from stations.domain.index.search import Search

_OPEN_NOW = {OPEN: "true", CLOSED: "false", UNKNOWN: "null"}
_MOMENTS = ("effective", "submitted", "received", "published", "confirmed")


def found_stations(search: Search, hits: Sequence[Hit], fuel: Fuel | None, datum: Datum, now: datetime) -> bytes:
    """A NearbyStations or StationsAlong."""
    rows = np.fromiter((hit.row for hit in hits), np.int64, len(hits))
    states = search.index.hours.states(search.index.columns["hours"][rows], now).tolist()
    places, prices = _places(search, rows, datum), _prices(search, rows, fuel, now)
    stations = ",".join([
        _station(search, hit, fuel, place, state, shown)
        for hit, place, state, shown in zip(hits, places, states, prices, strict=True)
    ])  # fmt: skip
    return f'{{"coordinate":"{datum}","stations":[{stations}]}}'.encode()


def map_answer(search: Search, answer: MapAnswer, fuel: Fuel | None, datum: Datum, now: datetime) -> bytes:
    """A StationClusters."""
    places, prices = _places(search, answer.rows, datum), _prices(search, answer.rows, fuel, now)
    stations = ",".join([
        f'{{{search.index.shown[row].decode()},{place},"prices":[{shown}]}}'
        for row, place, shown in zip(answer.rows.tolist(), places, prices, strict=True)
    ])  # fmt: skip
    clusters = ",".join(_cluster(one, datum) for one in answer.clusters)
    shown = f'"zoom":{answer.zoom},"clusters":[{clusters}],"stations":[{stations}]'
    return f'{{"coordinate":"{datum}",{shown}}}'.encode()


def _station(search: Search, hit: Hit, fuel: Fuel | None, place: str, state: int, prices: str) -> str:
    queue = search.index.pumps.queue(hit.row, fuel)
    waiting = "null" if queue.waiting_vehicles is None else queue.waiting_vehicles
    on_route = "" if hit.route_m is None else f'"detour_m":{hit.detour_m},"route_m":{hit.route_m},'
    return (
        f"{{{search.index.shown[hit.row].decode()},{place},"
        f'"distance_m":{hit.distance_m},{on_route}"open_now":{_OPEN_NOW[state]},'
        f'"queue":{{"state":"{queue.state}","free":{queue.free},"busy":{queue.busy},'
        f'"out_of_order":{queue.out_of_order},"waiting_vehicles":{waiting}}},'
        f'"net_price":{_net_price(hit)},"prices":[{prices}]}}'
    )


def _places(search: Search, rows: Rows, datum: Datum) -> list[str]:
    """Of each row where it is, as members."""
    columns = search.index.columns
    places = zip(columns["lat"][rows].tolist(), columns["lon"][rows].tolist(), strict=True)
    if datum is not Datum.WGS84:
        places = (to_datum(lat, lon, datum) for lat, lon in places)
    return [f'"lat":{lat!r},"lon":{lon!r}' for lat, lon in places]


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


def _prices(search: Search, rows: Rows, fuel: Fuel | None, now: datetime) -> list[str]:
    """Of each row its prices, or the one of the grade; a grade that is no longer sold has none."""
    shown: list[list[str]] = [[] for _ in range(len(rows))]
    for name in search.index.grades.names() if fuel is None else (fuel.value,):
        for place, price in _prices_of(search, rows, name, now):
            shown[place].append(price)
    return [",".join(one) for one in shown]


def _prices_of(search: Search, rows: Rows, fuel: str, now: datetime) -> Iterator[tuple[int, str]]:
    """The places in `rows` that sell the grade, with its price. All moments become text at once: that is cheap."""
    grades, at = search.index.grades, milliseconds(now)
    mills = grades.mills(fuel, rows)
    places = np.flatnonzero(mills)
    columns, sold = grades.columns(fuel), rows[places]
    moments = np.stack([columns[name][sold] for name in _MOMENTS], axis=1)
    texts = np.datetime_as_string(moments.view("M8[ms]"), unit="ms").tolist()
    ages = np.maximum(0, at - moments[:, 0]) // 1000
    stale = at - moments[:, -1] > search.stale_after_ms
    numbers = zip(
        places.tolist(), mills[places].tolist(), columns["currency"][sold].tolist(), ages.tolist(), stale.tolist(),
        texts, strict=True,
    )  # fmt: skip
    for place, price, currency, age, is_stale, (effective, submitted, received, published, confirmed) in numbers:
        yield (
            place,
            (
                f'{{"fuel":"{fuel}","price_mills":{price},"currency":"{grades.currencies.values[currency]}",'
                f'"effective_at":"{effective}Z","submitted_at":"{submitted}Z","received_at":"{received}Z",'
                f'"published_at":"{published}Z","age_seconds":{age},"confirmed_at":"{confirmed}Z",'
                f'"stale":{"true" if is_stale else "false"}}}'
            ),
        )


def _cluster(cluster: Cluster, datum: Datum) -> str:
    lat, lon = to_datum(cluster.lat, cluster.lon, datum)
    bounds = cluster.bounds
    south, west = to_datum(bounds.south, bounds.west, datum)
    north, east = to_datum(bounds.north, bounds.east, datum)
    document = {
        "count": cluster.stations, "lat": lat, "lon": lon,
        "bounds": {"west": west, "south": south, "east": east, "north": north},
        "cheapest": [one._asdict() for one in cluster.cheapest],
    }  # fmt: skip
    return msgspec.json.encode(document).decode()
