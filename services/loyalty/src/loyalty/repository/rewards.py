"""Queries about rewards, stamps, and the purchases that rewards are due for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from loyalty.domain.rewards import Fill
from loyalty.domain.terms import Campaign, Purchase
from loyalty.repository.campaigns import campaign_of, held_between
from servicekit.postgres import Connection

_REFUNDED = "(p.refunded_minor > 0 AND p.refunded_minor >= p.paid_minor)"
"""All of a purchase was."""
_FILL = f"""p.order_id, p.driver_id, p.operator, p.station_id, s.time_zone, p.fuel, p.price_mills, p.volume_ml,
    p.gross_minor, p.currency, p.method, coalesce(p.tier, 'member') AS tier, p.paid_at, {_REFUNDED} AS is_refunded"""


@dataclass(frozen=True, slots=True)
class Reward:
    """What a campaign gives, or would give, a driver."""

    key: str
    campaign_id: UUID
    driver_id: str
    trigger: str
    status: str
    """given, held or refused."""
    order_id: UUID | None
    coupon_id: UUID | None = None
    gift_order_id: UUID | None = None


def issue_key(reward: Reward) -> str:
    """The key of the coupon, or of the order of a gift, that is issued for a reward."""
    return f"reward|{reward.key}"


async def due(tx: Connection, at: datetime, limit: int) -> list[Fill]:
    """Purchases whose rewards are due, the oldest first; those of stations that are not known yet wait for them."""
    rows = await tx.fetch(
        f"""SELECT {_FILL} FROM purchases p JOIN stations s USING (station_id)
                LEFT JOIN reward_troubles t USING (order_id)
            WHERE p.rewarded_at IS NULL AND p.paid_at IS NOT NULL
                AND (t.order_id IS NULL OR (t.given_up_at IS NULL AND t.next_try_at <= $1))
            ORDER BY p.paid_at LIMIT $2""",  # noqa: S608 -- our own names
        at, limit,
    )  # fmt: skip
    return [_fill(row) for row in rows]


async def lock_due(tx: Connection, order_id: UUID) -> Fill | None:
    """A purchase whose rewards are still due, which nobody else gives until the transaction ends; lock its driver
    before it."""
    row = await tx.fetchrow(
        f"""SELECT {_FILL} FROM purchases p JOIN stations s USING (station_id)
            WHERE p.order_id = $1 AND p.rewarded_at IS NULL AND p.paid_at IS NOT NULL FOR UPDATE OF p""",  # noqa: S608 -- as above
        order_id,
    )  # fmt: skip
    return _fill(row) if row else None


async def find_fill(tx: Connection, order_id: UUID) -> Fill | None:
    """A paid order."""
    row = await tx.fetchrow(
        f"SELECT {_FILL} FROM purchases p JOIN stations s USING (station_id) "  # noqa: S608 -- as above
        "WHERE p.order_id = $1 AND p.paid_at IS NOT NULL",
        order_id,
    )  # fmt: skip
    return _fill(row) if row else None


async def mark_done(tx: Connection, order_ids: Sequence[UUID], at: datetime) -> None:
    """Nothing is due for these any more. One that is locked right now is left for the next look."""
    await tx.execute(
        """UPDATE purchases SET rewarded_at = $2 WHERE rewarded_at IS NULL AND order_id IN
               (SELECT order_id FROM purchases WHERE order_id = ANY($1) FOR UPDATE SKIP LOCKED)""",
        list(order_ids), at,
    )  # fmt: skip
    await tx.execute("DELETE FROM reward_troubles WHERE order_id = ANY($1)", list(order_ids))


async def fills_of(tx: Connection, driver_id: str, operator: str, since: datetime, limit: int = 10_000) -> list[Fill]:
    """A driver's paid orders at an operator's stations since a moment."""
    rows = await tx.fetch(
        f"""SELECT {_FILL} FROM purchases p JOIN stations s USING (station_id)
            WHERE (p.driver_id, p.operator) = ($1, $2) AND p.paid_at >= $3 ORDER BY p.paid_at LIMIT $4""",  # noqa: S608 -- as above
        driver_id, operator, since, limit,
    )  # fmt: skip
    return [_fill(row) for row in rows]


async def is_first(tx: Connection, fill: Fill) -> bool:
    """Whether its driver paid no order at the operator's stations before it, but such that were refunded."""
    first = await tx.fetchval(
        f"""SELECT NOT EXISTS (SELECT FROM purchases p WHERE (p.driver_id, p.operator) = ($1, $2)
                AND (p.paid_at, p.order_id) < ($3, $4) AND NOT {_REFUNDED})""",  # noqa: S608 -- as above
        fill.purchase.driver_id, fill.purchase.operator, fill.purchase.at, fill.order_id,
    )  # fmt: skip
    return bool(first)


async def campaigns_of(
    tx: Connection, operators: Collection[str], first: datetime, last: datetime
) -> dict[str, list[Campaign]]:
    """Campaigns with rewards that held at some moment of a span, as campaigns.held_between."""
    return await held_between(tx, ("coupon", "gift", "stamp_card"), operators, first, last)


async def find_campaign(tx: Connection, campaign_id: UUID) -> Campaign | None:
    """The campaign."""
    row = await tx.fetchrow("SELECT * FROM campaigns WHERE campaign_id = $1", campaign_id)
    return campaign_of(row) if row else None


async def decided(tx: Connection, driver_id: str, campaign_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many rewards of each campaign a driver has, waits for, or was refused."""
    rows = await tx.fetch(
        """SELECT campaign_id, count(*) FROM rewards WHERE driver_id = $1 AND campaign_id = ANY($2) GROUP BY 1""",
        driver_id, list(campaign_ids),
    )  # fmt: skip
    return dict(rows)


async def insert(tx: Connection, reward: Reward, at: datetime) -> bool:
    """Stores a reward; False where there is one with its key."""
    stored = await tx.fetchval(
        """INSERT INTO rewards (key, campaign_id, driver_id, trigger, status, order_id, decided_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true""",
        reward.key, reward.campaign_id, reward.driver_id, reward.trigger, reward.status, reward.order_id, at,
    )  # fmt: skip
    return bool(stored)


async def settle(
    tx: Connection, key: str, status: str, at: datetime, *, coupon_id: UUID | None = None,
    gift_order_id: UUID | None = None,
) -> None:  # fmt: skip
    """Writes what became of a reward."""
    await tx.execute(
        "UPDATE rewards SET (status, decided_at, coupon_id, gift_order_id) = ($2, $3, $4, $5) WHERE key = $1",
        key, status, at, coupon_id, gift_order_id,
    )  # fmt: skip


async def held(tx: Connection, after: str, limit: int) -> list[Reward]:
    """Rewards that wait, and that nobody need look into any more."""
    rows = await tx.fetch(
        """SELECT r.* FROM rewards r LEFT JOIN purchases p USING (order_id)
           WHERE r.status = 'held' AND r.key > $1 AND NOT EXISTS (
               SELECT FROM misuse_flags f WHERE f.driver_id IN (r.driver_id, p.driver_id) AND f.status = 'open')
           ORDER BY r.key LIMIT $2""",
        after, limit,
    )  # fmt: skip
    return [_reward(row) for row in rows]


async def lock_held(tx: Connection, key: str) -> Reward | None:
    """A reward that still waits, which nobody else decides until the transaction ends; lock its driver before it."""
    row = await tx.fetchrow("SELECT * FROM rewards WHERE key = $1 AND status = 'held' FOR UPDATE", key)
    return _reward(row) if row else None


async def given_for(tx: Connection, order_id: UUID, triggers: Collection[str]) -> list[Reward]:
    """What was given for an order; nobody changes that who has not locked the drivers."""
    rows = await tx.fetch(
        "SELECT * FROM rewards WHERE order_id = $1 AND status = 'given' AND trigger = ANY($2) ORDER BY key",
        order_id, list(triggers),
    )  # fmt: skip
    return [_reward(row) for row in rows]


async def cancel_coupon(tx: Connection, reward: Reward) -> bool:
    """A reward's coupon is worth nothing any more; False where it is used, set aside or somebody else's by now."""
    cancelled = await tx.fetchval(
        """UPDATE coupons SET (status, version) = ('cancelled', version + 1)
           WHERE coupon_id = $1 AND driver_id = $2 AND status = 'active' RETURNING true""",
        reward.coupon_id, reward.driver_id,
    )  # fmt: skip
    return bool(cancelled)


async def forget(tx: Connection, reward: Reward) -> None:
    """A reward that was taken back can be earned again: its key, and that of what was issued for it, are free."""
    await tx.execute("DELETE FROM rewards WHERE key = $1", reward.key)
    for table in ("coupons", "gift_orders"):
        await tx.execute(
            f"UPDATE {table} SET key = key || ' until ' || $2 WHERE key = $1",  # noqa: S608 -- our own names
            issue_key(reward), str(reward.order_id),
        )  # fmt: skip


async def note_trouble(tx: Connection, order_id: UUID, error: str, at: datetime, most: int, pause: timedelta) -> int:
    """Counts that the rewards of a purchase could not be given: it is tried again later, `most` times in all."""
    tries = await tx.fetchval(
        """INSERT INTO reward_troubles AS t (order_id, tries, error, next_try_at, given_up_at)
           VALUES ($1, 1, $2, $3::timestamptz + $5::interval, NULL)
           ON CONFLICT (order_id) DO UPDATE SET
               (tries, error, next_try_at, given_up_at) = (t.tries + 1, $2, $3 + $5 * 2 ^ least(t.tries, 10),
                   CASE WHEN t.tries + 1 >= $4 THEN $3 END)
           RETURNING tries""",
        order_id, error, at, most, pause,
    )  # fmt: skip
    return tries or 0


async def count_given_up(tx: Connection) -> int:
    """How many purchases' rewards could not be given, however often it was tried."""
    count = await tx.fetchval("SELECT count(*) FROM reward_troubles WHERE given_up_at IS NOT NULL")
    return count or 0 or 0


async def given_up(tx: Connection, limit: int = 1_000) -> list[dict[str, Any]]:
    """Those purchases: order_id, tries, error, given_up_at; the oldest first."""
    rows = await tx.fetch(
        """SELECT order_id, tries, error, given_up_at FROM reward_troubles WHERE given_up_at IS NOT NULL
           ORDER BY given_up_at LIMIT $1""",
        limit,
    )
    return [dict(row) for row in rows]


async def try_again(tx: Connection) -> int:
    """All that was given up is tried once more; how many purchases that are."""
    rows = await tx.fetch("DELETE FROM reward_troubles WHERE given_up_at IS NOT NULL RETURNING order_id")
    return len(rows)


async def of_driver(tx: Connection, driver_id: str) -> list[dict[str, Any]]:
    """A driver's rewards."""
    rows = await tx.fetch(
        """SELECT campaign_id, trigger, status, order_id, coupon_id, gift_order_id, decided_at FROM rewards
           WHERE driver_id = $1 ORDER BY decided_at""",
        driver_id,
    )
    return [dict(row) for row in rows]


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives a driver's rewards to the person's other account."""
    await tx.execute("UPDATE rewards SET driver_id = $2 WHERE driver_id = $1", driver_id, into)


def _fill(row: Mapping[str, Any]) -> Fill:
    purchase = Purchase(
        row["driver_id"], row["operator"], str(row["station_id"]), row["time_zone"], row["fuel"], row["price_mills"],
        row["volume_ml"], row["gross_minor"], row["currency"], row["method"], row["tier"], row["paid_at"],
    )  # fmt: skip
    return Fill(row["order_id"], purchase, row["is_refunded"])


def _reward(row: Mapping[str, Any]) -> Reward:
    return Reward(**{name: row[name] for name in Reward.__dataclass_fields__})
