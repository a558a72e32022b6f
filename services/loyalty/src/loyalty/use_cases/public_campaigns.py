"""What drivers see of campaigns: those that hold at a station or around a place, and each that was ever published."""

from collections.abc import Sequence
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
    nearest: dict[str, dict[str, Any]] = {}
    now = datetime.now(UTC)
    for station in await _stations(loyalty, where):
        for campaign in loyalty.campaigns.of(station["operator"]):
            if campaign.campaign_id not in nearest and _is_at(campaign, station):
                nearest[campaign.campaign_id] = _shown(campaign, now) | {
                    "station_id": station["station_id"], "station_name": station["name"],
                    "distance_m": station["distance_m"],
                }  # fmt: skip
    return sorted(nearest.values(), key=place_in_list)


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


def _is_at(campaign: Campaign, station: Any) -> bool:
    """Whether it holds there, on a grade that is sold there."""
    scope = campaign.scope
    here = scope.station_ids is None or str(station["station_id"]) in scope.station_ids
    return here and (scope.fuels is None or station["fuels"] is None or bool(set(scope.fuels) & set(station["fuels"])))


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
