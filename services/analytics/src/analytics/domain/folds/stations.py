"""What is known of stations: the view that says whose a station is, where it lies, and by which clock it lives."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from analytics.domain import facts
from analytics.domain.facts import Fact, StationState
from analytics.domain.moments import as_kept
from analytics.domain.views import Document

DEGREE = 1_000_000
"""Places are kept in millionths of a degree, a tenth of a metre: documents have no floats."""


class Stations:
    """Per station (its id is the document's): its state of the highest version, as the stations service told it.

    A document: `station_id`, `version`, `operator`, `external_id`, `name`, `brand`, `country`, `region`, `time_zone`,
    `currency`, `lat_e6` and `lon_e6` (millionths of a degree, WGS-84), `closed_at` (None: it is open).
    """

    name = "stations"
    collection = "stations"
    events = (facts.StationRegistered, facts.StationUpdated, facts.StationClosed)
    indexes: tuple[Mapping[str, int], ...] = ({"operator": 1}, {"lat_e6": 1, "lon_e6": 1})

    def keys(self, fact: Fact) -> Iterable[str]:
        """Its station."""
        return (str(fact.event.station_id),) if isinstance(fact.event, StationState) else ()

    def begin(self, key: str, fact: Fact) -> Document:
        """A station of which nothing is known: each version comes after it."""
        assert isinstance(fact.event, StationState)  # noqa: S101 - `keys` lets no other pass
        return {"station_id": fact.event.station_id, "version": 0}

    def fold(self, document: Document, facts: Sequence[Fact]) -> None:
        """Keeps the highest version; one version is one state, so no two of them contend."""
        newest = max((fact.event for fact in facts if isinstance(fact.event, StationState)), key=_version)
        if newest.version > document["version"]:
            document.update(_state(newest))

    def begins_at(self, key: str) -> datetime | None:
        """A station is about all times."""
        return None


def _version(state: StationState) -> int:
    return state.version


def _state(event: StationState) -> Document:
    return {
        "version": event.version, "operator": event.operator, "external_id": event.external_id, "name": event.name,
        "brand": event.brand, "country": event.country, "region": event.region, "time_zone": event.time_zone,
        "currency": event.currency, "lat_e6": round(event.lat * DEGREE), "lon_e6": round(event.lon * DEGREE),
        "closed_at": as_kept(event.occurred_at) if isinstance(event, facts.StationClosed) else None,
    }  # fmt: skip
