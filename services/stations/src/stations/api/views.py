"""Stored stations as the JSON of http_models, built without a model per price: these are the hot reads."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from schemas.vocabulary import Fuel
from servicekit.cursors import encode_cursor
from stations.domain.stations import open_at
from stations.repository.stations import Document
from stations.use_cases.stations import Verdict

_PRICE_FIELDS = ("price_mills", "currency", "effective_at", "submitted_at", "received_at", "published_at")
_LISTED_PROFILE = (
    "name", "brand", "address", "country", "time_zone", "currency", "lat", "lon", "fuels", "facilities",
)  # fmt: skip


def import_verdict(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """An ImportVerdict."""
    counts = dict.fromkeys(("created", "updated", "unchanged", "rejected"), 0)
    for verdict in verdicts:
        counts[verdict.verdict] += 1
    return {"results": [asdict(verdict) for verdict in verdicts], "counts": counts}


def nearby_station(document: Document, fuel: Fuel | None, now: datetime) -> dict[str, Any]:
    """A NearbyStation; with a fuel it has that price alone."""
    profile = document["profile"]
    return {
        "station_id": document["_id"], "operator": document["operator"],
        **{name: profile[name] for name in ("name", "brand", "address", "lat", "lon")},
        "distance_m": round(document["distance_m"]), "open_now": open_at(profile, now),
        "prices": _prices(document, fuel, now),
    }  # fmt: skip


def page(documents: Sequence[Document], limit: int, now: datetime) -> dict[str, Any]:
    """A StationPage from up to `limit` + 1 stations."""
    shown = documents[:limit]
    more = len(documents) > limit
    return {
        "stations": [listed_station(document, now) for document in shown],
        "next_cursor": encode_cursor(shown[-1]["_id"]) if more else None,
    }


def listed_station(document: Document, now: datetime) -> dict[str, Any]:
    """A ListedStation."""
    profile = document["profile"]
    closed = document["closed_at"] is not None
    return {
        "station_id": document["_id"],
        **{name: document[name] for name in ("external_id", "version", "operator")},
        **{name: profile[name] for name in _LISTED_PROFILE},
        "region": profile.get("region"),
        "open_now": False if closed else open_at(profile, now),
        "prices": [] if closed else _prices(document, None, now),
    }


def station_detail(document: Document, now: datetime) -> dict[str, Any]:
    """A StationDetail."""
    profile = document["profile"]
    return {
        **listed_station(document, now),
        **{name: profile[name] for name in ("opening_hours", "holiday_region")},
        **{name: document[name] for name in ("pumps", "registered_at", "updated_at", "closed_at", "closed_reason")},
    }


def _prices(document: Document, fuel: Fuel | None, now: datetime) -> list[dict[str, Any]]:
    """The prices that are shown: a grade that is no longer sold has none."""
    return [
        {
            "fuel": name,
            **{field: price[field] for field in _PRICE_FIELDS},
            "age_seconds": max(0, int((now - price["effective_at"]).total_seconds())),
        }
        for name, price in sorted(document["prices"].items())
        if price["price_mills"] is not None and fuel in (None, name)
    ]
