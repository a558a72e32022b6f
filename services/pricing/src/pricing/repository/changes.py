"""Price changes of staff and their audit trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from pricing.domain.changes import OPEN, PriceChange, Status, Step
from schemas.vocabulary import Fuel
from servicekit.access import Permission
from servicekit.auth import Principal
from servicekit.postgres import Connection

TAKE_TURN = """SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.price_changes', 0)),
                      clock_timestamp()"""


async def save_steps(tx: Connection, steps: Sequence[Step]) -> None:
    """Writes each change as it is after its step, and adds the step to its audit trail."""
    await tx.execute(
        """WITH saved AS (
               INSERT INTO price_changes SELECT * FROM json_populate_recordset(NULL::price_changes, $1::json)
               ON CONFLICT (change_id) DO UPDATE SET
                   (status, due_at, approved_by, fired_at, price_version, previous_price_mills, failure_reason,
                    failure_rule)
                   = (excluded.status, excluded.due_at, excluded.approved_by, excluded.fired_at,
                      excluded.price_version, excluded.previous_price_mills, excluded.failure_reason,
                      excluded.failure_rule)
           )
           INSERT INTO price_change_steps (change_id, action, actor, at, from_status, to_status, detail)
           SELECT change_id, action, actor, at, from_status, to_status, detail
           FROM json_to_recordset($2::json) AS s (change_id uuid, action text, actor text, at timestamptz,
                                                  from_status text, to_status text, detail text)""",
        _json([step.change for step in steps]), _json([_step_row(step) for step in steps]),
    )  # fmt: skip


def _step_row(step: Step) -> dict[str, Any]:
    return {
        "change_id": step.change.change_id, "action": step.action, "actor": step.actor, "at": step.at,
        "from_status": step.from_status, "to_status": step.change.status, "detail": step.detail,
    }  # fmt: skip


def _json(rows: list[Any]) -> str:
    return msgspec.json.encode(rows).decode()


async def lock_change(tx: Connection, change_id: UUID) -> PriceChange | None:
    """The change, which nobody else can move before the transaction ends."""
    row = await tx.fetchrow("SELECT * FROM price_changes WHERE change_id = $1 FOR UPDATE", change_id)
    return _change(row) if row else None


async def find_change(tx: Connection, change_id: UUID) -> PriceChange | None:
    """The change as it is now."""
    row = await tx.fetchrow("SELECT * FROM price_changes WHERE change_id = $1", change_id)
    return _change(row) if row else None


async def find_changes(
    tx: Connection, reader: Principal, station_id: UUID | None, status: Status | None, before: UUID | None, limit: int
) -> list[PriceChange]:
    """Changes at the stations where the reader makes them, the newest first; `before` continues a page."""
    operators, stations = reader.bindings(Permission.PRICE_CHANGES_WRITE)
    rows = await tx.fetch(
        """SELECT * FROM price_changes
           WHERE (operator = ANY($1) OR station_id = ANY($2::uuid[]))
             AND (station_id = $3 OR $3 IS NULL) AND (status = $4 OR $4 IS NULL) AND (change_id < $5 OR $5 IS NULL)
           ORDER BY change_id DESC LIMIT $6""",
        list(operators), list(stations), station_id, status, before, limit,
    )  # fmt: skip
    return [_change(row) for row in rows]


async def steps_of(tx: Connection, change_id: UUID) -> list[Any]:
    """All that happened to the change, in order."""
    return await tx.fetch(
        """SELECT action, actor, at, from_status, to_status, detail FROM price_change_steps
           WHERE change_id = $1 ORDER BY position""",
        change_id,
    )


async def planned_already(tx: Connection, station_ids: Sequence[UUID], fuel: Fuel, moment: datetime) -> list[UUID]:
    """Those of the stations for which a change of the grade waits for exactly this time."""
    rows = await tx.fetch(
        """SELECT station_id FROM price_changes
           WHERE station_id = ANY($1) AND fuel = $2 AND effective_at = $3 AND status = ANY($4)""",
        station_ids, fuel, moment, list(OPEN),
    )  # fmt: skip
    return [row["station_id"] for row in rows]


async def last_plans_before(
    tx: Connection, station_ids: Sequence[UUID], fuel: Fuel, moment: datetime
) -> list[PriceChange]:  # fmt: skip
    """For each station the last change of the grade that is scheduled for before the time, if there is one."""
    rows = await tx.fetch(
        """SELECT DISTINCT ON (station_id) * FROM price_changes
           WHERE station_id = ANY($1) AND fuel = $2 AND effective_at < $3 AND status = 'scheduled'
           ORDER BY station_id, effective_at DESC""",
        station_ids, fuel, moment,
    )  # fmt: skip
    return [_change(row) for row in rows]


async def seconds_to_next(tx: Connection) -> float | None:
    """How long until the next change is due, by the clock that all replicas share; None where none waits."""
    return await tx.fetchval(
        """SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM price_changes
           WHERE status IN ('pending_approval', 'scheduled')"""
    )


async def lock_due(tx: Connection, limit: int) -> tuple[datetime, list[PriceChange]]:
    """The database's time, and the changes that are due by it, the earliest first; none while another replica fires.

    One replica fires at a time, so that two changes of one price come in the order of their times. A change that
    somebody is cancelling or approving right now is left for the next look.
    """
    [(is_my_turn, now)] = await tx.fetch(TAKE_TURN)
    if not is_my_turn:
        return now, []
    rows = await tx.fetch(
        """SELECT * FROM price_changes WHERE status IN ('pending_approval', 'scheduled') AND due_at <= $1
           ORDER BY due_at, change_id LIMIT $2 FOR UPDATE SKIP LOCKED""",
        now, limit,
    )  # fmt: skip
    return now, [_change(row) for row in rows]


async def who_set(tx: Connection, station_id: UUID, fuel: Fuel) -> Any:
    """The current price with the report that made it and who sent that."""
    return await tx.fetchrow(
        """SELECT p.price_mills, p.currency, p.effective_at, p.report_id, r.reported_by FROM prices p
           LEFT JOIN price_reports r USING (report_id, station_id, fuel)
           WHERE (p.station_id, p.fuel) = ($1, $2)""",
        station_id, fuel,
    )  # fmt: skip


def _change(row: Any) -> PriceChange:
    return PriceChange(**(dict(row) | {"fuel": Fuel(row["fuel"]), "status": Status(row["status"])}))
