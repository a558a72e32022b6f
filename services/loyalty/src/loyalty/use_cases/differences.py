"""What a payer was promised and could not be taken as it was meant to be: noted once, for people to look at.

A payment is never undone for it: the driver paid the price that was shown.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from loyalty.repository import differences as repository
from loyalty.repository.differences import Difference
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Problem
from servicekit.telemetry import LOYALTY_DIFFERENCES_OPEN


class Kind(StrEnum):
    """What is different."""

    OVER_BUDGET = "over_budget"
    """A campaign gave more than its budget, its uses, or a driver's share: its reservation had ended before."""
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    COUPON_GONE = "coupon_gone"
    """A coupon took something off though it was used elsewhere meanwhile, or is not known."""
    POINTS_NOT_TAKEN = "points_not_taken"
    """Points took something off, of which nothing is known here."""


async def note(
    tx: Connection, kind: Kind, order_id: UUID, what: object, at: datetime, details: Mapping[str, Any]
) -> None:  # fmt: skip
    """Notes a difference of an order; `what` it is about. The same one again changes nothing."""
    await repository.insert(tx, new_id(), kind, order_id, f"{kind}|{order_id}|{what}", details, at)


async def count_open(tx: Connection) -> None:
    """Shows how many nobody has looked at."""
    found = await repository.count_open(tx)
    for kind in Kind:
        LOYALTY_DIFFERENCES_OPEN.labels(kind).set(found.get(kind, 0))


async def to_settle(tx: Connection, limit: int) -> list[Difference]:
    """Those that nobody has looked at, the oldest first."""
    return await repository.to_settle(tx, limit)


async def settle(tx: Connection, difference_id: UUID, by: str, note: str, at: datetime) -> None:
    """Somebody is done with it. Raises Problem 404 where it is none that is open."""
    if not await repository.settle(tx, difference_id, by, note, at):
        raise Problem(404, "no-such-difference", "There is no such difference that is to be settled.")
