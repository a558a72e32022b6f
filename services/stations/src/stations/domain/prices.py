"""Which price changes are news to the read model; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas.events import PriceChangedV1

Versions = Mapping[UUID, Mapping[str, int]]
"""Of each known station, the version of each grade's price; 0 or no entry before the first price."""

News = dict[UUID, dict[str, dict[str, Any]]]
"""Of each station, the grades with a newer price, as the read model stores it."""


def newer_prices(known: Versions, changes: Iterable[tuple[PriceChangedV1, datetime]]) -> News:
    """The newest change of each station and grade, where it is newer than the known one.

    `changes` come with their time of publication, in any order, the same one twice if need be. A gap between
    versions is safe: each event holds the whole price. A grade that is no longer sold stays as a price of None, so
    that its version still turns stale changes away. Changes of unknown stations are left out.
    """
    news: News = defaultdict(dict)
    for event, published_at in changes:
        versions = known.get(event.station_id)
        if versions is None:
            continue
        fuel = event.fuel.value
        newest = news[event.station_id].get(fuel)
        if event.version > (newest["version"] if newest else versions.get(fuel, 0)):
            news[event.station_id][fuel] = _stored(event, published_at)
    return {station_id: prices for station_id, prices in news.items() if prices}


def _stored(event: PriceChangedV1, published_at: datetime) -> dict[str, Any]:
    return {
        "price_mills": event.price_mills, "currency": event.currency, "version": event.version,
        "effective_at": event.effective_at, "submitted_at": event.submitted_at, "received_at": event.received_at,
        "published_at": published_at,
    }  # fmt: skip
