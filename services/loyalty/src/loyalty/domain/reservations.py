"""A reservation: what is set aside for an order while its driver pays, and what becomes of it. Pure.

| from | what happens | to |
|---|---|---|
| held | the order is paid | spent |
| held | payments lets go, or the order is cancelled | released |
| held | the order gets another one | replaced |
| held | its time is over | expired |
| released, replaced, expired, or not known here | the order is paid with it all the same | spent |
| spent | all of the payment is refunded | undone |

What is spent or undone stays so, whatever else comes: events may come twice, late, and in any order.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from loyalty.domain.pricing import COUPON, Part
from loyalty.domain.terms import Campaign

CAMPAIGN_KINDS = frozenset({"campaign", "card_discount"})
"""Parts of a price that are a campaign's; their reference is its id."""
POINTS = "points"
NOBODY = ""
"""Whose what is taken of a campaign counts as where the driver was erased."""
GIVEN_BACK_FOR = timedelta(days=14)
"""A coupon of an order that was refunded is good for at least so long."""


class Status(StrEnum):
    """What became of it."""

    HELD = "held"
    SPENT = "spent"
    RELEASED = "released"
    REPLACED = "replaced"
    EXPIRED = "expired"
    UNDONE = "undone"

    @property
    def is_settled(self) -> bool:
        """Whether its order is paid: nothing but a refund changes it any more."""
        return self in (Status.SPENT, Status.UNDONE)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is, or was, set aside for an order."""

    reservation_id: UUID
    order_id: UUID
    driver_id: str
    station_id: UUID
    status: Status
    parts: tuple[Part, ...]
    """Of the price; those of other kinds than ours are nobody's here."""
    currency: str
    expires_at: datetime
    request_hash: bytes | None = None
    """Of what was asked for; None where only its payment is known."""

    @property
    def key(self) -> str:
        """Under which its points are held and spent."""
        return f"reservation|{self.reservation_id}"

    @property
    def campaigns(self) -> dict[UUID, int]:
        """What it takes of which campaign's budget, in minor units."""
        return self._amounts(CAMPAIGN_KINDS)

    @property
    def coupons(self) -> dict[UUID, int]:
        """What each of its coupons takes off."""
        return self._amounts({COUPON})

    @property
    def points(self) -> Part | None:
        """The part that points pay."""
        return next((part for part in self.parts if part.kind == POINTS and part.points), None)

    def _amounts(self, kinds: Collection[str]) -> dict[UUID, int]:
        """By the ids that their references are; what refers to something else is nothing of ours."""
        found = ((_id_of(part.reference), part.amount_minor) for part in self.parts if part.kind in kinds)
        return {reference: amount for reference, amount in found if reference is not None}


def _id_of(reference: str | None) -> UUID | None:
    try:
        return UUID(reference)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True, order=True)
class Move:
    """A use of a campaign that is taken (amount above or at zero) or given back; those of one campaign come together,
    what is given back first."""

    campaign_id: UUID
    taken: bool
    driver_id: str
    amount_minor: int
    order_id: UUID


def moves(reservation: Reservation, *, taken: bool) -> list[Move]:
    """What it takes of campaigns, or gives back to them."""
    return [
        Move(campaign_id, taken, reservation.driver_id, amount, reservation.order_id)
        for campaign_id, amount in reservation.campaigns.items()
    ]


def netted(made: Iterable[Move]) -> list[Move]:
    """The moves in the order in which they are to be made, without those of which one undoes the other."""
    counts: Counter[Move] = Counter()
    for move in made:
        counts[replace(move, taken=True)] += 1 if move.taken else -1
    return sorted(replace(move, taken=left > 0) for move, left in counts.items() for _ in range(abs(left)))


def left_of(campaign: Campaign, used_minor: int, uses: int, own_uses: int) -> int | None:
    """The most that a campaign may still take off an order of a driver who used it so often; None: any amount."""
    if campaign.most_uses is not None and uses >= campaign.most_uses:
        return 0
    if campaign.uses_per_driver is not None and own_uses >= campaign.uses_per_driver:
        return 0
    return None if campaign.budget_minor is None else max(0, campaign.budget_minor - used_minor)
