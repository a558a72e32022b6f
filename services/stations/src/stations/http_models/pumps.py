"""What the routes of pumps take and give."""

from uuid import UUID

from schemas.base import Moment
from schemas.vocabulary import Fuel, PumpStatus
from stations.domain.profile import Fuels
from stations.http_models.base import Model


class ShownPump(Model):
    """A pump and what it does now."""

    pump_id: str
    status: PumpStatus
    fuels: list[Fuel]
    version: int
    changed_at: Moment


class Pumps(Model):
    """The pumps of a station, by their ids."""

    station_id: UUID
    pumps: list[ShownPump]


class PumpUpdate(Model):
    """What a pump does now; it is made known if it was not."""

    status: PumpStatus
    fuels: Fuels
