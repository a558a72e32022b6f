"""Queries about campaigns."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from loyalty.domain.campaigns import Command
from loyalty.domain.terms import Campaign, Scope, Stacking, Status, benefit_of, stored
from servicekit.postgres import Connection

CHANNEL = "campaigns"
"""Notices of changes, for what each process has in its memory."""


class Change(Struct, frozen=True):
    """A campaign as it is after something was done to it, and who did that."""

    campaign: Campaign
    command: Command | None
    """None: it was made."""
    before: Status | None
    actor: str
    at: datetime
    reason: str | None = None


async def at_work(tx: Connection) -> list[Campaign]:
    """Campaigns that hold by their status, and by their times now or within the next minute.

    Those too that ended by themselves a moment ago: of what was paid before, the event may still be on its way.
    """
    rows = await tx.fetch(
        """SELECT * FROM campaigns
           WHERE starts_at <= now() + interval '1 minute'
             AND (ends_at IS NULL OR ends_at > now() - interval '10 minutes')
             AND (status IN ('scheduled', 'live') OR status = 'ended' AND ends_at <= changed_at AND stopped_at IS NULL)
           ORDER BY campaign_id"""
    )
    return [campaign_of(row) for row in rows]


async def held_between(
    tx: Connection, kinds: Collection[str], operators: Collection[str], first: datetime, last: datetime
) -> dict[str, list[Campaign]]:
    """Campaigns of these kinds that held at some moment of a span, by operator, in the order of their ids.

    Also those that have ended since by their time; not those that staff paused or ended: they give nothing more.
    """
    rows = await tx.fetch(
        """SELECT * FROM campaigns
           WHERE operator = ANY($1) AND benefit->>'kind' = ANY($4)
               AND (status IN ('scheduled', 'live')
                   OR status = 'ended' AND changed_at >= ends_at AND stopped_at IS NULL)
               AND starts_at <= $3 AND (ends_at IS NULL OR ends_at > $2)
           ORDER BY campaign_id""",
        list(operators), first, last, list(kinds),
    )  # fmt: skip
    found: dict[str, list[Campaign]] = {}
    for row in rows:
        found.setdefault(row["operator"], []).append(campaign_of(row))
    return found


def campaign_of(row: Mapping[str, Any]) -> Campaign:
    """The campaign of a row."""
    return Campaign(
        str(row["campaign_id"]), row["version"], Status(row["status"]), row["operator"], row["name"],
        benefit_of(row["benefit"]), msgspec.json.decode(row["scope"], type=Scope),
        msgspec.json.decode(row["stacking"], type=Stacking), row["currency"], row["starts_at"], row["ends_at"],
        row["budget_minor"], row["most_uses"], row["uses_per_driver"], row["description"],
    )  # fmt: skip


async def save(tx: Connection, change: Change) -> None:
    """Writes the campaign as it is after the change, adds that to its history, and tells every replica."""
    one = change.campaign
    ids = one.scope.station_ids
    published_at = change.at if one.status in (Status.SCHEDULED, Status.LIVE) else None
    simulated_version = one.version if change.command is Command.SIMULATE else None
    await tx.execute(
        """INSERT INTO campaigns (campaign_id, version, status, operator, name, description, benefit, scope, stacking,
               currency, starts_at, ends_at, budget_minor, most_uses, uses_per_driver, station_ids, published_at,
               simulated_version, created_by, created_at, changed_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)
           ON CONFLICT (campaign_id) DO UPDATE SET
               (version, status, name, description, benefit, scope, stacking, currency, starts_at, ends_at,
                budget_minor, most_uses, uses_per_driver, station_ids, changed_at)
               = (excluded.version, excluded.status, excluded.name, excluded.description, excluded.benefit,
                  excluded.scope, excluded.stacking, excluded.currency, excluded.starts_at, excluded.ends_at,
                  excluded.budget_minor, excluded.most_uses, excluded.uses_per_driver, excluded.station_ids,
                  excluded.changed_at),
               published_at = coalesce(campaigns.published_at, excluded.published_at),
               stopped_at = CASE $21::text WHEN 'pause' THEN $20 WHEN 'resume' THEN NULL ELSE campaigns.stopped_at END,
               simulated_version = coalesce(excluded.simulated_version, campaigns.simulated_version)""",
        UUID(one.campaign_id), one.version, one.status, one.operator, one.name, one.description, stored(one.benefit),
        stored(one.scope), stored(one.stacking), one.currency, one.starts_at, one.ends_at, one.budget_minor,
        one.most_uses, one.uses_per_driver, None if ids is None else [UUID(it) for it in ids], published_at,
        simulated_version, change.actor, change.at, change.command,
    )  # fmt: skip
    await _note(tx, change)


async def _note(tx: Connection, change: Change) -> None:
    one = change.campaign
    has_new_terms = change.command in (None, Command.EDIT, Command.ADJUST)
    await tx.execute(
        """WITH noted AS (
               INSERT INTO campaign_changes (campaign_id, version, command, actor, at, from_status, to_status, reason,
                                             terms)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
           ) SELECT pg_notify($10, '')""",
        UUID(one.campaign_id), one.version, change.command or "create", change.actor, change.at, change.before,
        one.status, change.reason, msgspec.json.encode(one).decode() if has_new_terms else None, CHANNEL,
    )  # fmt: skip


async def find(tx: Connection, campaign_id: UUID, *, lock: bool = False) -> Any:
    """The campaign's row, which nobody else can change before the transaction ends where it is locked."""
    turn = " FOR NO KEY UPDATE" if lock else ""  # those who use it refer to it, and need not wait
    return await tx.fetchrow(f"SELECT * FROM campaigns WHERE campaign_id = $1{turn}", campaign_id)  # noqa: S608 - ours


async def page(
    tx: Connection, operators: Sequence[str], stations: Sequence[UUID], operator: str | None, status: Status | None,
    before: UUID | None, limit: int,
) -> list[Any]:  # fmt: skip
    """Campaigns of these operators, and those that are about these stations alone, the newest first."""
    return await tx.fetch(
        """SELECT c.*, coalesce(u.used_minor, 0) AS used_minor, coalesce(u.uses, 0) AS uses
           FROM campaigns c LEFT JOIN campaign_use u USING (campaign_id)
           WHERE (operator = ANY($1) OR station_ids <@ $2) AND (operator = $3 OR $3 IS NULL)
             AND (status = $4 OR $4 IS NULL) AND (campaign_id < $5 OR $5 IS NULL)
           ORDER BY campaign_id DESC LIMIT $6""",
        operators, stations, operator, status, before, limit,
    )  # fmt: skip


async def use_of(tx: Connection, campaign_id: UUID) -> Any:
    """What was taken of the campaign: used_minor, uses, drivers."""
    return await tx.fetchrow(
        """SELECT coalesce(max(u.used_minor), 0) AS used_minor, coalesce(max(u.uses), 0) AS uses,
                  (SELECT count(*) FROM campaign_drivers WHERE campaign_id = $1 AND uses > 0) AS drivers
           FROM campaign_use u WHERE campaign_id = $1""",
        campaign_id,
    )


async def changes_of(tx: Connection, campaign_id: UUID) -> list[Any]:
    """All that was done to the campaign, in order."""
    return await tx.fetch(
        """SELECT version, command, actor, at, from_status, to_status, reason FROM campaign_changes
           WHERE campaign_id = $1 ORDER BY position""",
        campaign_id,
    )


async def others_out(tx: Connection, campaign: Campaign, limit: int) -> tuple[list[Campaign], int]:
    """Of the operator's other campaigns that are published and have not ended those that begin nearest to this one, in
    the order of their ids, and how many there are in all."""
    rows = await tx.fetch(
        """SELECT *, count(*) OVER () AS total FROM campaigns WHERE operator = $1 AND campaign_id <> $2
             AND status IN ('scheduled', 'live', 'paused') AND (ends_at IS NULL OR ends_at > now())
           ORDER BY abs(extract(epoch FROM starts_at - $3::timestamptz)), campaign_id LIMIT $4""",
        campaign.operator, UUID(campaign.campaign_id), campaign.starts_at, limit,
    )  # fmt: skip
    found = sorted((campaign_of(row) for row in rows), key=lambda one: one.campaign_id)
    return found, rows[0]["total"] if rows else 0


async def groups_out(tx: Connection, operator: str, kinds: Collection[str]) -> set[str]:
    """The stacking groups of an operator's campaigns of these kinds that are out, or paused."""
    rows = await tx.fetch(
        """SELECT DISTINCT stacking ->> 'group' AS name FROM campaigns
           WHERE operator = $1 AND benefit ->> 'kind' = ANY($2) AND stacking ->> 'group' IS NOT NULL
             AND status IN ('scheduled', 'live', 'paused') AND (ends_at IS NULL OR ends_at > now())""",
        operator, list(kinds),
    )  # fmt: skip
    return {row["name"] for row in rows}


async def lock_due(tx: Connection, limit: int) -> tuple[datetime, list[tuple[Campaign, bool]]]:
    """The database's time, and the campaigns that must begin or end by it, each with whether it is used up.

    Used up is what nobody can give back any more: as long as a share of it is only reserved, it may become free. A
    campaign that somebody is changing right now is left for the next look.
    """
    rows = await tx.fetch(
        """WITH known AS (
               SELECT c.campaign_id, clock_timestamp() AS now,
                      (u.used_minor >= c.budget_minor OR u.uses >= c.most_uses) IS TRUE AND NOT EXISTS (
                          SELECT FROM reservations r WHERE r.status = 'held' AND r.breakdown @>
                              jsonb_build_array(jsonb_build_object('reference', c.campaign_id))) AS used_up
               FROM campaigns c LEFT JOIN campaign_use u USING (campaign_id)
               WHERE c.status IN ('scheduled', 'live', 'paused')
           )
           SELECT c.*, k.now, k.used_up FROM campaigns c JOIN known k USING (campaign_id)
           WHERE c.status IN ('scheduled', 'live', 'paused')
             AND ((c.status = 'scheduled' AND c.starts_at <= k.now) OR c.ends_at <= k.now OR k.used_up)
           ORDER BY c.campaign_id LIMIT $1 FOR NO KEY UPDATE OF c SKIP LOCKED""",
        limit,
    )
    now = max((row["now"] for row in rows), default=datetime.now(UTC))
    return now, [(campaign_of(row), row["used_up"]) for row in rows]


async def known_stations(tx: Connection, station_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Operator and currency of those stations that are known and open, by id."""
    rows = await tx.fetch(
        "SELECT station_id, operator, currency FROM stations WHERE station_id = ANY($1) AND NOT closed",
        [UUID(one) for one in station_ids],
    )  # fmt: skip
    return {str(row["station_id"]): (row["operator"], row["currency"]) for row in rows}


async def gives_template(tx: Connection, template_id: UUID, operator: str) -> bool:
    """Whether coupons of this template of the operator can still be issued."""
    known = await tx.fetchval(
        """SELECT EXISTS (SELECT FROM coupon_templates WHERE template_id = $1 AND operator = $2
               AND stopped_at IS NULL AND (ends_at IS NULL OR ends_at > now()))""",
        template_id, operator,
    )  # fmt: skip
    return bool(known)


async def gives_gift(tx: Connection, gift_id: UUID, operator: str) -> bool:
    """Whether this gift of the operator can still be had, and is picked up somewhere."""
    known = await tx.fetchval(
        """SELECT EXISTS (SELECT FROM gifts WHERE gift_id = $1 AND operator = $2 AND station_ids IS DISTINCT FROM '{}'
               AND stopped_at IS NULL AND (ends_at IS NULL OR ends_at > now()))""",
        gift_id, operator,
    )  # fmt: skip
    return bool(known)
