"""Stored stations as the JSON of http_models, built without a model per price."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from servicekit.cursors import next_cursor
from stations.api.pumps import shown_pump
from stations.api.reviews import shown_rating
from stations.domain.datum import Datum, to_datum
from stations.domain.pumps import queue_at
from stations.domain.reviews import stored_rating
from stations.domain.stations import next_opening_change, open_at
from stations.repository.search import Position
from stations.repository.stations import Document
from stations.use_cases.stations import Verdict

_PRICE_FIELDS = ("price_mills", "currency", "effective_at", "submitted_at", "received_at", "published_at")
_LISTED_PROFILE = (
    "name", "brand", "address", "country", "time_zone", "currency", "fuels", "facilities",
)  # fmt: skip


class View(NamedTuple):
    """How stations are shown: at which moment, in which datum, and after how long without a word a price is stale."""

    now: datetime
    stale_after: timedelta
    datum: Datum = Datum.WGS84


def import_verdict(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """An ImportVerdict."""
    counts = dict.fromkeys(("created", "updated", "unchanged", "rejected"), 0)
    for verdict in verdicts:
        counts[verdict.verdict] += 1
    return {"results": [asdict(verdict) for verdict in verdicts], "counts": counts}


def page(found: Sequence[tuple[Position, Document]], limit: int, view: View) -> dict[str, Any]:
    """A StationPage from up to `limit` + 1 stations."""
    shown = found[:limit]
    return {
        "coordinate": view.datum,
        "stations": [listed_station(document, view) for _, document in shown],
        "next_cursor": next_cursor(found, limit, lambda one: one[0]),
    }


def listed_station(document: Document, view: View) -> dict[str, Any]:
    """A ListedStation."""
    profile = document["profile"]
    closed = document["closed_at"] is not None
    lat, lon = to_datum(profile["lat"], profile["lon"], view.datum)
    return {
        "station_id": document["_id"],
        **{name: document[name] for name in ("external_id", "version", "operator")},
        **{name: profile[name] for name in _LISTED_PROFILE},
        "lat": lat, "lon": lon, "region": profile.get("region"),
        "open_now": False if closed else open_at(profile, view.now),
        "rating": shown_rating(stored_rating(document)),
        "prices": [] if closed else _prices(document, view),
    }  # fmt: skip


def station_detail(document: Document, view: View) -> dict[str, Any]:
    """A StationDetail."""
    profile = document["profile"]
    return {
        **listed_station(document, view),
        **{name: profile[name] for name in ("opening_hours", "holiday_region")},
        **opening(document, view.now),
        "queue": queue_at(document["pumps"]),
        "pumps": [shown_pump(one) for one in document["pumps"]],
        **{name: document[name] for name in ("registered_at", "updated_at", "closed_at", "closed_reason")},
    }


def opening(document: Document, now: datetime) -> dict[str, Any]:
    """When a station that is closed opens, and when an open one closes."""
    if document["closed_at"] is not None:
        return {"opens_at": None, "closes_at": None}
    change, opens = next_opening_change(document["profile"], now)
    return {"opens_at": change if opens is True else None, "closes_at": change if opens is False else None}


def _prices(document: Document, view: View) -> list[dict[str, Any]]:
    """The prices that are shown: a grade that is no longer sold has none."""
    return [_price(fuel, price, view) for fuel, price in sorted(document["prices"].items()) if price["price_mills"]]


def _price(fuel: str, price: dict[str, Any], view: View) -> dict[str, Any]:
    effective_at = price["effective_at"]
    confirmed_at = max(effective_at, price.get("confirmed_at") or effective_at)
    return {
        "fuel": fuel,
        **{field: price[field] for field in _PRICE_FIELDS},
        "age_seconds": max(0, int((view.now - effective_at).total_seconds())),
        "confirmed_at": confirmed_at,
        "stale": view.now - confirmed_at > view.stale_after,
    }
