"""Queries about what happened to orders, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.domain.order_words import Status
from payments.domain.orders import OPEN, Order
from payments.repository.orders import order_of
from servicekit.postgres import Connection

StepKey = tuple[UUID, int]
"""(order, version)."""
OVERLAP_STEPS = 20_000
OVERLAP = "60 seconds"
"""Positions are taken before they are committed: one that was seen may have been overtaken by another that came up to
so much later. No transaction lives that long (`idle_in_transaction_session_timeout`, `command_timeout`)."""


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A step, with its order as it is now."""

    position: int
    version: int
    command: str | None
    before: str | None
    after: str
    at: datetime
    order: Order


_SELECT = """SELECT o.*, s.position, s.version AS step_version, s.command, s.before, s.after, s.at
             FROM order_steps s JOIN orders o ON o.order_id = s.order_id"""


async def named(tx: Connection, keys: Sequence[StepKey]) -> list[SeenStep]:
    """These steps, in their order."""
    rows = await tx.fetch(
        f"""{_SELECT} JOIN unnest($1::uuid[], $2::bigint[]) AS k (order_id, version)
            ON (s.order_id, s.version) = (k.order_id, k.version) ORDER BY s.position""",
        [order_id for order_id, _ in keys], [version for _, version in keys],
    )  # fmt: skip
    return [_seen(row) for row in rows]


async def of_order(tx: Connection, order_id: UUID, after_version: int) -> list[SeenStep]:
    """The order's steps after this one."""
    rows = await tx.fetch(
        f"{_SELECT} WHERE s.order_id = $1 AND s.version > $2 ORDER BY s.version",
        order_id, after_version,
    )  # fmt: skip
    return [_seen(row) for row in rows]


async def last_of_open(tx: Connection, station_id: UUID, limit: int) -> list[SeenStep]:
    """The last step of each order at the station that still needs somebody."""
    rows = await tx.fetch(
        f"""{_SELECT} AND s.version = o.version
            WHERE o.station_id = $1 AND o.status = ANY($2) ORDER BY s.position DESC LIMIT $3""",
        station_id, [*OPEN, Status.PAID], limit,
    )  # fmt: skip
    return [_seen(row) for row in reversed(rows)]


async def of_station(
    tx: Connection, station_id: UUID, after: int, since: datetime, limit: int
) -> list[SeenStep] | None:
    """The station's steps after this position, some before it again; None where it is older than `since`, or no
    position at all."""
    seen_at = await tx.fetchval("SELECT at FROM order_steps WHERE position = $1", after)
    if seen_at is None or seen_at < since:
        return None
    rows = await tx.fetch(
        f"""{_SELECT}
            WHERE o.station_id = $1 AND s.position > $2 - {OVERLAP_STEPS}
              AND (s.position > $2 OR s.at > $3::timestamptz - interval '{OVERLAP}') ORDER BY s.position LIMIT $4""",
        station_id, after, seen_at, limit,
    )  # fmt: skip
    return [_seen(row) for row in rows]


def _seen(row: Any) -> SeenStep:
    return SeenStep(
        row["position"], row["step_version"], row["command"], row["before"], row["after"], row["at"], order_of(row)
    )
