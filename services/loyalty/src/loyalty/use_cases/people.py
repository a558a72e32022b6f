"""What the service has of people: points, coupons, gifts and what they bought, by their id."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from loyalty.use_cases import (
    coupons,
    gift_people,
    members,
    misuse,
    point_people,
    referrals,
    requests_of_people,
    reservation_people,
)
from loyalty.use_cases.context import Loyalty
from servicekit.postgres import Connection

Collect = Callable[[Loyalty, Connection, str], Awaitable[list[dict[str, Any]]]]
"""What there is of a person, each item as plain data."""
Erase = Callable[[Loyalty, Connection, str], Awaitable[int]]
"""Deletes it, or takes out all that says more than the id; how many items that were."""
Move = Callable[[Loyalty, Connection, str, str], Awaitable[None]]
"""Gives it to the person's other account."""

COLLECTS: Mapping[str, Collect] = {
    "reservations": reservation_people.collect,
    "coupons": coupons.collect,
    "gift_orders": gift_people.collect_orders,
    "rewards": gift_people.collect_rewards,
    "stamps": gift_people.collect_stamps,
    "campaign_use": reservation_people.collect_use,
    "points": point_people.collect,
    "points_left": point_people.collect_left,
    "purchases": point_people.collect_purchases,
    "membership": members.collect,
    "invitations": referrals.collect,
    "reward_flags": misuse.collect,
    "campaign_changes": requests_of_people.collect_changes,
}
"""One row for each kind of data that an export holds."""
ERASES: Mapping[str, Erase] = {
    "reservations": reservation_people.erase,  # first: what is set aside is free before the rest goes
    "usable_coupons": coupons.erase,
    "open_gift_orders": gift_people.erase_orders,
    "stamps": gift_people.erase_stamps,
    "campaign_use": reservation_people.erase_use,
    "points": point_people.erase,
    "membership": members.erase,
    "invitations": referrals.erase,
    "reward_flags": misuse.erase,
    "idempotent_replies": requests_of_people.erase_replies,
}
MOVES: Mapping[str, Move] = {
    "reservations": reservation_people.move,
    "coupons": coupons.move,
    "gift_orders": gift_people.move_orders,
    "rewards": gift_people.move_rewards,
    "stamps": gift_people.move_stamps,
    "campaign_use": reservation_people.move_use,
    "points": point_people.move,
    "purchases": point_people.move_purchases,
    "membership": members.move,
    "invitations": referrals.move,
    "reward_flags": misuse.move,
    "idempotent_replies": requests_of_people.drop_replies,
}
KEPT: frozenset[str] = frozenset({"points", "purchases", "coupons", "gift_orders", "rewards", "campaign_changes"})
"""What the books keep, under an id that only identity could tell from another."""


class PeopleData:
    """See servicekit.personal_data.PersonalData."""

    kept = KEPT

    def __init__(self, loyalty: Loyalty) -> None:
        self._loyalty = loyalty

    async def collect(self, subject: str) -> dict[str, Any]:
        """All that there is of a person."""
        async with self._loyalty.store.connection() as connection:
            return {kind: await collect(self._loyalty, connection, subject) for kind, collect in COLLECTS.items()}

    async def erase(self, tx: Connection, subject: str) -> dict[str, int]:
        """Deletes what is the person's own, and the key of what was sealed for the person."""
        erased = {kind: await erase(self._loyalty, tx, subject) for kind, erase in ERASES.items()}
        await self._loyalty.vault.shred(tx, subject)
        return erased

    async def merge(self, tx: Connection, subject: str, into: str) -> None:
        """Hands all over to the person's other account."""
        for move in MOVES.values():
            await move(self._loyalty, tx, subject, into)
        await self._loyalty.vault.shred(tx, subject)
