"""A station's hour as it is published: the event that analysts and others read."""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from analytics.domain.folds.station_hours import StationHours
from analytics.domain.metrics import LEAST_DRIVERS
from analytics.domain.suppression import ways_told
from analytics.domain.views import Document
from schemas.events import StationHourUpdatedV1

DIGEST_BYTES = 16
FIGURES = (
    "station_id", "operator", "begins_at", "currency", "orders", "volume_ml", "gross_minor", "discount_minor",
    "paid_minor", "refunds", "refunded_minor",
)  # fmt: skip
FUEL_FIGURES = ("orders", "volume_ml", "gross_minor", "paid_minor")
METHOD_FIGURES = ("orders", "paid_minor")
SHOWN = (*FIGURES, "fuels", "methods", "driver_count", "n")
"""What of a document, and of what is kept beside it, is needed for the event."""


class Told(NamedTuple):
    """The event of an hour that was published last: its version, a digest of what it says, and the operator in it."""

    version: int
    digest: bytes
    operator: str


def nothing_of(bucket: str, told: Told) -> Document:
    """The document of an hour that was published and is no more: a view made anew found nothing there."""
    station_id, _, currency = bucket.split("|")
    about = {
        "station_id": station_id, "operator": told.operator, "begins_at": StationHours().begins_at(bucket),
        "currency": currency, "fuels": {}, "methods": {},
    }  # fmt: skip
    return dict.fromkeys(SHOWN, 0) | about


def event_of(bucket: str, document: Document, told: Told | None) -> tuple[StationHourUpdatedV1, Told] | None:
    """The event to publish of a document with its number of facts `n`; None where the last one says the same.

    The version is that number. It grows also where a view was made anew from fewer facts. Raises ValueError where the
    hour has words that the event must not have.
    """
    is_few = document["driver_count"] < LEAST_DRIVERS
    figures = {
        "bucket": bucket, **{name: document[name] for name in FIGURES},
        "fuels": _parts("fuel", document["fuels"], FUEL_FIGURES),
        "methods": [] if is_few else _parts("method", ways_told(document["methods"]), METHOD_FIGURES),
        "drivers": None if is_few else document["driver_count"],
    }  # fmt: skip
    event = StationHourUpdatedV1.model_validate({**figures, "version": 1})
    digest = sha256(event.to_json()).digest()[:DIGEST_BYTES]
    if told is not None and told.digest == digest:
        return None
    version = max(document["n"], told.version + 1 if told else 1)
    return event.model_copy(update={"version": version}), Told(version, digest, event.operator)


def _parts(name: str, parts: Mapping[str, Document], figures: tuple[str, ...]) -> list[Document]:
    return [{name: part, **{one: parts[part][one] for one in figures}} for part in sorted(parts)]
