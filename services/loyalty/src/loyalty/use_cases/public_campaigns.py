"""What drivers see of campaigns: those that hold at a station or around a place, and each that was ever published."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from loyalty.domain.campaign_words import for_drivers
from loyalty.domain.campaigns import OUT
from loyalty.domain.terms import Campaign, CouponReward, GiftReward, Status, Trigger
from loyalty.repository import campaigns as repository
from loyalty.repository import places
from loyalty.use_cases.context import Loyalty
from servicekit.problems import Problem


@dataclass(frozen=True, slots=True)
class Around:
    """A place, and how far around it."""

    lat: float
    lon: float
    radius_m: int


async def holding(loyalty: Loyalty, where: UUID | Around) -> list[dict[str, Any]]:
    """The campaigns that hold now at a station or around a place, each with its nearest station, the nearest first.

    Raises Problem 404 for a station that is not known.
    """
    of_operators: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for station in await _stations(loyalty, where):
        of_operators[station["operator"]][str(station["station_id"])] = station
    found = (
        _found(campaign, nearest)
        for operator, stations in of_operators.items() for campaign in loyalty.campaigns.of(operator)
        if (nearest := _nearest(campaign, stations)) is not None
    )  # fmt: skip
    return sorted(found, key=place_in_list)


def _found(campaign: Campaign, station: Any) -> dict[str, Any]:
    return _shown(campaign, datetime.now(UTC)) | {
        "station_id": station["station_id"], "station_name": station["name"], "distance_m": station["distance_m"],
    }  # fmt: skip


def place_in_list(found: dict[str, Any]) -> tuple[int, str]:
    """By which those that hold are sorted, and where the next page begins."""
    return found["distance_m"] or 0, found["campaign_id"]


async def published(loyalty: Loyalty, campaign_id: UUID) -> dict[str, Any]:
    """A campaign that is or was out; Problem 404 for what nobody but staff knows of."""
    async with loyalty.store.connection() as connection:
        row = await repository.find(connection, campaign_id)
    if row is None or row["published_at"] is None:
        raise Problem(404, "no-such-campaign", "There is no campaign with this id; GET /v1/campaigns lists them.")
    return _shown(repository.campaign_of(row), datetime.now(UTC))


async def _stations(loyalty: Loyalty, where: UUID | Around) -> Sequence[Any]:
    async with loyalty.store.connection() as connection:
        if isinstance(where, Around):
            return await places.stations_around(connection, where.lat, where.lon, where.radius_m)
        station = await places.open_station(connection, where)
    if station is None:
        raise Problem(404, "no-such-station", "There is no open station with this id; GET /v1/stations lists them.")
    return [station]


def _nearest(campaign: Campaign, stations: Mapping[str, Any]) -> Any:
    """The nearest station at which it holds, on a grade that is sold there; None where it holds at none of them."""
    named = campaign.scope.station_ids
    ids = stations.keys() if named is None else [one for one in named if one in stations]
    sold = (stations[one] for one in ids if _sells(stations[one], campaign.scope.fuels))
    return next(sold, None) if named is None else min(sold, key=_distance, default=None)


def _sells(station: Any, fuels: tuple[str, ...] | None) -> bool:
    return fuels is None or station["fuels"] is None or not set(fuels).isdisjoint(station["fuels"])


def _distance(station: Any) -> tuple[int, str]:
    return station["distance_m"] or 0, str(station["station_id"])


def _shown(campaign: Campaign, now: datetime) -> dict[str, Any]:
    status = _status(campaign, now)
    benefit = campaign.benefit
    claimable = isinstance(benefit, CouponReward | GiftReward) and benefit.trigger is Trigger.CLAIM
    return for_drivers(campaign) | {"status": status, "claimable": claimable and status is Status.LIVE}


def _status(campaign: Campaign, now: datetime) -> Status:
    """By the clock: what is kept follows within a second."""
    if campaign.ends_at is not None and campaign.ends_at <= now:
        return Status.ENDED
    if campaign.status in OUT:
        return Status.LIVE if campaign.starts_at <= now else Status.SCHEDULED
    return campaign.status
