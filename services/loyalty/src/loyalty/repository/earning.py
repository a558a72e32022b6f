"""Queries about what fuel earns."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from loyalty.domain.earning import ScopedRule
from servicekit.postgres import Connection

_RULES = msgspec.json.Decoder(tuple[ScopedRule, ...])


class RuleSet(Struct, frozen=True):
    """An operator's list of rules, for orders paid from `valid_from` until that of the next version."""

    operator: str
    version: int
    rules: Sequence[ScopedRule]
    valid_from: datetime
    set_by: str
    set_at: datetime


async def mark(tx: Connection) -> tuple[Any, ...]:
    """What is another value whenever there is another list."""
    row = await tx.fetchrow("SELECT count(*), max(set_at), max(valid_from) FROM earning_rule_sets")
    return tuple(row or ())


async def all_sets(tx: Connection) -> list[RuleSet]:
    """Every list that ever held, each operator's in order."""
    rows = await tx.fetch("SELECT * FROM earning_rule_sets ORDER BY operator, version")
    return [_rule_set(row) for row in rows]


async def newest(tx: Connection, operator: str) -> RuleSet | None:
    """An operator's list as it was set last; None where it never was."""
    row = await tx.fetchrow(
        "SELECT * FROM earning_rule_sets WHERE operator = $1 ORDER BY version DESC LIMIT 1", operator
    )
    return _rule_set(row) if row else None


async def add(
    tx: Connection, operator: str, version: int, rules: Sequence[ScopedRule], set_by: str, *, ahead: timedelta,
) -> RuleSet | None:  # fmt: skip
    """Stores the next version, which holds from `ahead` of now; None where somebody else has just set this one."""
    row = await tx.fetchrow(
        """INSERT INTO earning_rule_sets (operator, version, rules, valid_from, set_by)
           VALUES ($1, $2, $3, clock_timestamp() + $4, $5) ON CONFLICT DO NOTHING RETURNING *""",
        operator, version, msgspec.json.encode(rules).decode(), ahead, set_by,
    )  # fmt: skip
    return _rule_set(row) if row else None


async def stations_among(tx: Connection, operator: str, station_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the stations that are the operator's."""
    rows = await tx.fetch(
        "SELECT station_id FROM stations WHERE operator = $1 AND station_id = ANY($2)", operator, list(station_ids)
    )
    return {row["station_id"] for row in rows}


async def notify(tx: Connection, channel: str) -> None:
    """Tells every replica, when the transaction commits, that there is something new to read."""
    await tx.execute("SELECT pg_notify($1, '')", channel)


def _rule_set(row: Any) -> RuleSet:
    return RuleSet(
        row["operator"], row["version"], _RULES.decode(row["rules"]), row["valid_from"], row["set_by"], row["set_at"]
    )
