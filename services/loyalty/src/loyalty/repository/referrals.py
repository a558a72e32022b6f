"""Queries about invitations and who came by them."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from loyalty.domain.misuse import FlagKind, FlagStatus
from loyalty.domain.referrals import Newcomer
from servicekit.postgres import Connection


class Invitation(Struct, frozen=True):
    """A driver's invitation; its code is sealed in the driver's box."""

    driver_id: str
    code: bytes
    expires_at: datetime


class Referral(Struct, frozen=True):
    """That somebody came by somebody's invitation."""

    friend_id: str
    inviter_id: str
    made_at: datetime
    rewarded_at: datetime | None


class Friend(Struct, frozen=True):
    """A referral as its inviter may see it, with what was seen of it."""

    made_at: datetime
    rewarded_at: datetime | None
    kinds: list[FlagKind]
    statuses: list[FlagStatus]


class FirstOrder(Struct, frozen=True):
    """A friend's first paid order at an operator's stations."""

    friend_id: str
    inviter_id: str
    order_id: UUID
    operator: str
    same_card: bool
    """Whether the inviter has paid with its card."""


async def invitation_of(tx: Connection, driver_id: str) -> Invitation | None:
    """A driver's invitation; None where there never was one."""
    row = await tx.fetchrow("SELECT driver_id, code, expires_at FROM invitations WHERE driver_id = $1", driver_id)
    return Invitation(*row) if row else None


async def save_invitation(tx: Connection, invitation: Invitation) -> None:
    """Stores a driver's invitation in place of the one before."""
    await tx.execute(
        """INSERT INTO invitations (driver_id, code, expires_at) VALUES ($1, $2, $3)
           ON CONFLICT (driver_id) DO UPDATE SET (code, expires_at) = (excluded.code, excluded.expires_at)""",
        invitation.driver_id, invitation.code, invitation.expires_at,
    )  # fmt: skip


async def find(tx: Connection, friend_id: str) -> Referral | None:
    """By whose invitation somebody came."""
    row = await tx.fetchrow(
        "SELECT friend_id, inviter_id, made_at, rewarded_at FROM referrals WHERE friend_id = $1", friend_id
    )
    return Referral(*row) if row else None


async def insert(tx: Connection, referral: Referral) -> None:
    """Stores that somebody came; the caller has locked the friend's row of `members`."""
    await tx.execute(
        "INSERT INTO referrals (friend_id, inviter_id, made_at) VALUES ($1, $2, $3)",
        referral.friend_id, referral.inviter_id, referral.made_at,
    )  # fmt: skip


async def note_rewarded(tx: Connection, friend_id: str, at: datetime) -> None:
    """Notes when the inviter first got something."""
    await tx.execute(
        "UPDATE referrals SET rewarded_at = $2 WHERE friend_id = $1 AND rewarded_at IS NULL", friend_id, at
    )


async def note_taken_back(tx: Connection, friend_id: str) -> None:
    """Notes that the inviter has nothing for this friend any more, where that is so."""
    await tx.execute(
        """UPDATE referrals r SET rewarded_at = NULL WHERE friend_id = $1 AND NOT EXISTS (
               SELECT FROM rewards g WHERE g.driver_id = r.inviter_id AND g.trigger = 'invite_friend'
                   AND g.status = 'given' AND g.key LIKE '%|friend ' || r.friend_id)""",
        friend_id,
    )


async def friends_since(tx: Connection, inviter_id: str, since: datetime | None = None) -> int:
    """How many came by a driver's invitation since a moment, or ever."""
    count = await tx.fetchval(
        "SELECT count(*) FROM referrals WHERE inviter_id = $1 AND ($2::timestamptz IS NULL OR made_at > $2)",
        inviter_id, since,
    )  # fmt: skip
    return count or 0


async def friend_ids(tx: Connection, inviter_id: str) -> list[str]:
    """Who came by a driver's invitation."""
    rows = await tx.fetch("SELECT friend_id FROM referrals WHERE inviter_id = $1 ORDER BY friend_id", inviter_id)
    return [row["friend_id"] for row in rows]


async def friends_of(tx: Connection, inviter_id: str, limit: int) -> list[Friend]:
    """Who came by a driver's invitation, the newest first, without who that is."""
    rows = await tx.fetch(
        """SELECT r.made_at, r.rewarded_at,
                  coalesce(array_agg(f.kind) FILTER (WHERE f.kind IS NOT NULL), '{}') AS kinds,
                  coalesce(array_agg(f.status) FILTER (WHERE f.kind IS NOT NULL), '{}') AS statuses
           FROM referrals r LEFT JOIN misuse_flags f ON (f.friend_id, f.driver_id) = (r.friend_id, r.inviter_id)
           WHERE r.inviter_id = $1 GROUP BY r.friend_id ORDER BY r.made_at DESC, r.friend_id LIMIT $2""",
        inviter_id, limit,
    )  # fmt: skip
    return [
        Friend(row["made_at"], row["rewarded_at"], [*map(FlagKind, row["kinds"])], [*map(FlagStatus, row["statuses"])])
        for row in rows
    ]


async def newcomer(tx: Connection, driver_id: str) -> Newcomer:
    """What is known of somebody who gives a code, and whose row of `members` is locked."""
    rows = await tx.fetch(
        """SELECT m.joined_at,
                  EXISTS (SELECT FROM purchases WHERE driver_id = $1 AND paid_at IS NOT NULL) AS has_paid,
                  ARRAY(SELECT friend_id FROM referrals WHERE inviter_id = $1) AS invited
           FROM members m WHERE m.driver_id = $1""",
        driver_id,
    )  # fmt: skip
    return Newcomer(driver_id, rows[0]["joined_at"], rows[0]["has_paid"], frozenset(rows[0]["invited"]))


async def first_order(tx: Connection, order_id: UUID) -> FirstOrder | None:
    """The order as the first of an invited friend at its operator; None where it is not, or was refunded whole."""
    row = await tx.fetchrow(
        """SELECT r.friend_id, r.inviter_id, p.order_id, p.operator,
                  p.card_id IS NOT NULL AND EXISTS (
                      SELECT FROM purchases WHERE driver_id = r.inviter_id AND card_id = p.card_id) AS same_card
           FROM purchases p JOIN referrals r ON r.friend_id = p.driver_id
           WHERE p.order_id = $1 AND p.paid_at >= r.made_at AND (p.refunded_minor < p.paid_minor OR p.paid_minor = 0)
             AND NOT EXISTS (
                 SELECT FROM purchases other
                 WHERE (other.driver_id, other.operator) = (p.driver_id, p.operator)
                   AND (other.paid_at, other.order_id) < (p.paid_at, p.order_id)
                   AND (other.refunded_minor < other.paid_minor OR other.paid_minor = 0))""",
        order_id,
    )  # fmt: skip
    return FirstOrder(*row) if row else None


async def statuses_about_coming(tx: Connection, order_id: UUID, inviter_id: str) -> list[FlagStatus] | None:
    """What was said of the coming of the friend who made an order; None where it is not known that one came so.

    In one statement, so that nobody is forgotten between the one and the other.
    """
    row = await tx.fetchrow(
        """SELECT ARRAY(SELECT status FROM misuse_flags WHERE friend_id = r.friend_id) AS statuses
           FROM purchases p JOIN referrals r ON r.friend_id = p.driver_id
           WHERE p.order_id = $1 AND r.inviter_id = $2""",
        order_id, inviter_id,
    )  # fmt: skip
    return [*map(FlagStatus, row["statuses"])] if row else None


async def hide_friend(tx: Connection, driver_id: str, nobody: str) -> None:
    """That somebody came, and what was seen of it, stays the inviter's; that it was this driver is known no more."""
    await tx.execute(
        """WITH seen AS (
               UPDATE misuse_flags SET (friend_id, key) = ($2, replace(key, $1, $2)) WHERE friend_id = $1
           ) UPDATE referrals SET friend_id = $2 WHERE friend_id = $1""",
        driver_id, nobody,
    )  # fmt: skip


async def delete_all(tx: Connection, driver_id: str) -> int:
    """Deletes a driver's invitation, and that somebody came by it or the driver by another's; how many."""
    invitations = await tx.execute("DELETE FROM invitations WHERE driver_id = $1", driver_id)
    referrals = await tx.execute("DELETE FROM referrals WHERE $1 IN (friend_id, inviter_id)", driver_id)
    return sum(int(done.split()[-1]) for done in (invitations, referrals))


async def move(tx: Connection, driver_id: str, into: str) -> None:
    """Gives who came by whom to the driver's other account; nobody came by an own invitation, or came twice."""
    await tx.execute(
        "DELETE FROM referrals WHERE (friend_id, inviter_id) IN (($1::text, $2::text), ($2, $1))", driver_id, into
    )
    await tx.execute("UPDATE referrals SET inviter_id = $2 WHERE inviter_id = $1", driver_id, into)
    await tx.execute(
        """UPDATE referrals SET friend_id = $2
           WHERE friend_id = $1 AND NOT EXISTS (SELECT FROM referrals WHERE friend_id = $2)""",
        driver_id, into,
    )  # fmt: skip
    await delete_all(tx, driver_id)
