"""Which station somebody may act for."""

from typing import Any
from uuid import UUID

from payments.repository import price_book
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection
from servicekit.problems import Problem


async def station_for(tx: Connection, principal: Principal, station_id: UUID, permission: Permission) -> Any:
    """The station's row, if the principal may do this there; else Problem 404: a foreign one is not to be seen."""
    station = await price_book.station_of(tx, station_id)
    if station is None or not principal.may_act_for(str(station_id), station["operator"], permission):
        raise Problem(
            404, "no-such-station", "There is no such station among those that your access token is bound to."
        )
    return station
