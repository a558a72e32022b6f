"""The answers of the index: from a checked query to JSON."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import BaseModel

from servicekit.quick import Answer, read_query
from stations.api.found import found_stations, map_answer
from stations.domain.datum import from_datum
from stations.domain.index.clusters import MapView, clusters
from stations.domain.index.questions import Along, Nearby
from stations.domain.index.search import Search
from stations.http_models.queries import AlongQuery, ClustersQuery, NearbyQuery, parse_box
from stations.use_cases.indexing import Indexer


def nearby(search: Search, query: NearbyQuery) -> bytes:
    """A NearbyStations."""
    now = datetime.now(UTC)
    lat, lon = from_datum(query.lat, query.lon, query.coordinate)
    question = Nearby(lat, lon, query.radius_m, query.filters(), query.sort, query.buying(), query.limit)
    return found_stations(search, search.nearby(question, now), query.fuel, query.coordinate, now)


def along(search: Search, query: AlongQuery) -> bytes:
    """A StationsAlong."""
    now = datetime.now(UTC)
    question = Along(query.points(), query.max_detour_m, query.filters(), query.sort, query.buying(), query.limit)
    return found_stations(search, search.along(question, now), query.fuel, query.coordinate, now)


def on_map(search: Search, query: ClustersQuery) -> bytes:
    """A StationClusters."""
    now = datetime.now(UTC)
    view = MapView(parse_box(query.bbox, query.coordinate), query.zoom, query.filters())
    return map_answer(search, clusters(search, view, now), query.fuel, query.coordinate, now)


def quick_answers(search: Search, indexer: Indexer) -> Mapping[str, Answer]:
    """The search that is asked most, for servicekit.quick; the others' work outweighs FastAPI's."""
    return {"/v1/stations/nearby": partial(_answer, search, indexer, NearbyQuery, nearby)}


def _answer(
    search: Search, indexer: Indexer, model: type[BaseModel], answer: Callable[[Search, Any], bytes], query: bytes
) -> bytes:
    indexer.require_loaded()
    return answer(search, read_query(model, query))
