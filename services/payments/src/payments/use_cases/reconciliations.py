"""What finance staff of stations see of a day's reconciliation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from payments.domain.reconciliation import Run, Ticket, bounds
from payments.repository import bill_checks, ticket_queries
from payments.repository import reconciliations as runs
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the providers' calendar, at the stations that somebody may act for."""

    date: date
    runs: Sequence[Run]
    totals: Sequence[dict[str, Any]]
    tickets: Sequence[Ticket]


async def read_day(tx: Connection, principal: Principal, day: date, before: UUID | None, limit: int) -> Day:
    """The day, with `limit` of its tickets."""
    operators, stations = _reach(principal)
    window = bounds(day)
    return Day(
        day, await runs.of_day(tx, day), await bill_checks.station_totals(tx, day, window, operators, stations),
        await ticket_queries.of_stations(tx, day, window, operators, stations, before, limit),
    )  # fmt: skip


def _reach(principal: Principal) -> tuple[list[str], list[UUID]]:
    operators, stations = principal.bindings(Permission.FINANCE)
    return sorted(operators), [UUID(station) for station in sorted(stations)]
