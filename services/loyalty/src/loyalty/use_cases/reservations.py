"""What is set aside for an order while its driver pays: coupons, points, and a share of campaigns' budgets.

All of it happens in one transaction that has locked the driver. The price is worked out from what campaigns and coupons
are then; whether a campaign still holds and has so much left, its own row decides (see `campaign_use`). Where somebody
else was quicker, the price is worked out anew without that campaign. Rows of campaigns come last, in the order of their
ids, and are given up again before another price is tried: so a popular campaign is locked for a moment only.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from loyalty.domain.points import TooFewPoints
from loyalty.domain.pricing import CannotCombine, Price, best_price
from loyalty.domain.refusal_words import POINTS, Refusal, refusal
from loyalty.domain.reservations import Reservation, Status, left_of, moves
from loyalty.domain.terms import DISCOUNTS, Campaign, Offer, Purchase
from loyalty.repository import campaign_use, coupons, members
from loyalty.repository import facts as all_facts
from loyalty.repository import reservations as repository
from loyalty.repository.facts import Facts, HeldCoupon, Use
from loyalty.use_cases import points
from loyalty.use_cases.confirming import free_own, let_go
from loyalty.use_cases.context import Loyalty
from schemas.reservations import ReservationAnswer, ReservationRequest
from servicekit.erasures import require_present
from servicekit.postgres import Connection
from servicekit.problems import Problem, Unavailable


class _UsedUp(Exception):
    """A campaign gives nothing more: it was stopped, or others took the rest of it a moment ago."""

    def __init__(self, campaign_id: UUID) -> None:
        super().__init__(f"campaign {campaign_id}")
        self.campaign_id = campaign_id


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, and what it is to be worked out from."""

    request: ReservationRequest
    before: Reservation | None
    """What was held for the order until now; it is given back."""
    purchase: Purchase
    offers: Sequence[Offer]
    required: frozenset[str]
    left: dict[str, int]
    points_per_minor: int | None
    until: datetime


async def reserve(
    loyalty: Loyalty, subject: str, request: ReservationRequest, at: datetime
) -> ReservationAnswer:  # fmt: skip
    """What is set aside, the same for the same request; `subject` is who asks. Nothing is kept of an answer without
    any part.

    Raises Problem 401, 403 `not-your-reservation`, 409 `reservation-refused`, `reservation-over`, 422
    `reservation-id-reused`, 503 while the station is not known here.
    """
    if request.driver_id != subject:
        raise Problem(403, "not-your-reservation", "Coupons and points are reserved by the driver whose they are.")
    if await _is_in_vain(loyalty, request):
        return ReservationAnswer(reservation_id=request.reservation_id, breakdown=[], expires_at=_until(loyalty, at))
    return await loyalty.store.transact(lambda tx: _reserve(loyalty, tx, request, at))


async def _is_in_vain(loyalty: Loyalty, request: ReservationRequest) -> bool:
    """Whether nothing can be taken off, and nothing is held that would have to make way; most payments are such."""
    holding = loyalty.campaigns.at(request.operator, str(request.station_id), request.fuel)
    if request.coupon_ids or request.points or any(isinstance(one.campaign.benefit, DISCOUNTS) for one in holding):
        return False
    async with loyalty.store.connection() as connection:
        return not await repository.of_paid(connection, [request.reservation_id], [request.order_id])


def _until(loyalty: Loyalty, at: datetime) -> datetime:
    return at + timedelta(seconds=loyalty.settings.reserve_seconds)


async def release(loyalty: Loyalty, subject: str, reservation_id: UUID, at: datetime) -> None:
    """Gives back what is set aside; nothing happens where it is unknown, over, spent, or another driver's."""

    async def work(tx: Connection) -> None:
        found = await repository.by_ids(tx, [reservation_id])
        await let_go(loyalty, tx, [one for one in found.values() if one.driver_id == subject], Status.RELEASED, at)

    await loyalty.store.transact(work)


async def _reserve(loyalty: Loyalty, tx: Connection, request: ReservationRequest, at: datetime) -> ReservationAnswer:
    await require_present(loyalty.erasures, tx, request.driver_id)
    await members.lock(tx, request.driver_id)
    of_it = await repository.of_paid(tx, [request.reservation_id], [request.order_id])
    found = {one.reservation_id: one for one in of_it}
    if known := found.pop(request.reservation_id, None):
        return _again(known, request)
    before = next(iter(found.values()), None)
    if before:
        await _make_way(tx, before, request, at)
    asked = await _look(loyalty, tx, request, before, at)
    for _ in range(len(asked.offers) + 1):  # each time without one more
        try:
            async with tx.transaction():
                return await _set_aside(tx, asked, at)
        except _UsedUp as used:
            asked.left[str(used.campaign_id)] = 0
    raise Unavailable("The list of campaigns")


def _again(known: Reservation, request: ReservationRequest) -> ReservationAnswer:
    if known.request_hash != _digest(request):
        raise Problem(422, "reservation-id-reused", "This reservation_id came with another body; use a new one.")
    if known.status is not Status.HELD and not known.status.is_settled:
        raise Problem(409, "reservation-over", f"The reservation was {known.status}; make another one with a new id.")
    return _answer(known)


async def _make_way(tx: Connection, before: Reservation, request: ReservationRequest, at: datetime) -> None:
    """What was held for the order is free for it; campaigns get theirs back when the new price is taken of them."""
    if before.driver_id != request.driver_id:
        raise Problem(403, "not-your-order", "Another driver pays this order.")
    await free_own(tx, [before])
    await repository.settle(tx, {before.reservation_id: at}, Status.REPLACED)


async def _look(
    loyalty: Loyalty, tx: Connection, request: ReservationRequest, before: Reservation | None, at: datetime
) -> _Asked:  # fmt: skip
    """What the price hangs on, in one query. Raises Problem 409 where something asked for cannot be spent at all."""
    campaigns = [one for one in loyalty.campaigns.of(request.operator) if isinstance(one.benefit, DISCOUNTS)]
    coupon_ids, unknown = _ids(request.coupon_ids)
    facts = await all_facts.facts(
        tx, request.driver_id, request.station_id, request.fuel, [UUID(one.campaign_id) for one in campaigns],
        coupon_ids,
    )  # fmt: skip
    if facts.station is None:
        raise Unavailable("What loyalty knows of the station")
    per_minor = loyalty.settings.points_per_minor.get(request.currency)
    refusals = [*unknown, *_refused_coupons(coupon_ids, facts), *_refused_points(request, facts, per_minor)]
    purchase = Purchase(
        request.driver_id, request.operator, str(request.station_id), facts.station.time_zone, request.fuel,
        request.price_mills, request.volume_ml, request.gross_minor, request.currency, request.method, facts.tier, at,
    )  # fmt: skip
    refused = {one.what for one in refusals}
    chosen = [one.offer for one in facts.coupons if one.coupon_id not in refused]
    asked = _Asked(
        request, before, purchase, [*(one.offer for one in campaigns), *chosen], frozenset(one.id for one in chosen),
        _left(campaigns, facts, before), per_minor, _until(loyalty, at),
    )  # fmt: skip
    if refusals:
        raise _problem([*_not_combined(asked), *refusals])
    return asked


async def _set_aside(tx: Connection, asked: _Asked, at: datetime) -> ReservationAnswer:
    """Works the price out and takes what it needs, or nothing. Raises _UsedUp, Problem 409."""
    try:
        price = _price(asked)
    except CannotCombine as error:
        raise _problem(error.refusals) from None
    request = asked.request
    reservation = Reservation(
        request.reservation_id, request.order_id, request.driver_id, request.station_id, Status.HELD, price.parts,
        request.currency, asked.until, _digest(request),
    )  # fmt: skip
    if price.parts:
        await _hold(tx, reservation)
    taken = [*(moves(asked.before, taken=False) if asked.before else ()), *moves(reservation, taken=True)]
    for move in sorted(taken):
        how = {"amount_minor": move.amount_minor}
        if not move.taken:
            await campaign_use.give_back(tx, move.campaign_id, move.driver_id, **how)
        elif not await campaign_use.take(tx, move.campaign_id, move.driver_id, at=at, **how):
            raise _UsedUp(move.campaign_id)
    return _answer(reservation)


async def _hold(tx: Connection, reservation: Reservation) -> None:
    """The driver's own: nobody else changes it meanwhile."""
    if not await repository.insert(tx, reservation):
        raise Problem(422, "reservation-id-reused", "Another driver's reservation has this id or this order.")
    if reservation.coupons:
        got = await coupons.reserve(tx, reservation.driver_id, reservation.coupons, reservation.reservation_id)
        if gone := reservation.coupons.keys() - got:
            raise _problem([refusal("reserved", str(coupon_id)) for coupon_id in sorted(gone)])
    if part := reservation.points:
        try:
            await points.hold(tx, reservation.driver_id, part.points or 0, reservation.key)
        except TooFewPoints as error:
            raise _problem([refusal("too_few", POINTS, available=error.available)]) from None


def _price(asked: _Asked) -> Price:
    return best_price(
        asked.purchase, asked.offers, left=asked.left, required=asked.required, points=asked.request.points,
        points_per_minor=asked.points_per_minor, explain=False,
    )  # fmt: skip


def _left(campaigns: Sequence[Campaign], facts: Facts, before: Reservation | None) -> dict[str, int]:
    """The most that each campaign with a limit may take off here; what the order holds already is there for it."""
    left = {}
    for campaign in campaigns:
        use = facts.uses.get(campaign.campaign_id, Use())
        amount = before.campaigns.get(UUID(campaign.campaign_id)) if before else None
        if amount is not None:
            use = Use(use.used_minor - amount, use.uses - 1, use.own_uses - 1)
        if (most := left_of(campaign, use.used_minor, use.uses, use.own_uses)) is not None:
            left[campaign.campaign_id] = most
    return left


def _ids(coupon_ids: Sequence[str]) -> tuple[list[UUID], list[Refusal]]:
    """The ids, each once; what is no id of a coupon is refused."""
    found, refusals = [], []
    for text in dict.fromkeys(coupon_ids):
        try:
            found.append(UUID(text))
        except ValueError:
            refusals.append(refusal("unknown", text))
    return list(dict.fromkeys(found)), refusals


def _refused_coupons(wanted: Sequence[UUID], facts: Facts) -> list[Refusal]:
    """Coupons that no purchase could use; whether the others hold for this one the price says."""
    coupons = {one.coupon_id: one for one in facts.coupons}
    words = {str(coupon_id): _refused_coupon(coupons.get(str(coupon_id))) for coupon_id in wanted}
    return [refusal(word, coupon_id) for coupon_id, word in words.items() if word]


def _refused_coupon(coupon: HeldCoupon | None) -> str | None:
    if coupon is None:
        return "unknown"
    if coupon.status not in ("active", "expired"):
        return coupon.status
    return None if isinstance(coupon.benefit, DISCOUNTS) else "at_counter"


def _refused_points(request: ReservationRequest, facts: Facts, per_minor: int | None) -> list[Refusal]:
    if not request.points:
        return []
    if per_minor is None:
        return [refusal("no_points_here", POINTS, currency=request.currency)]
    if request.points > facts.points:
        return [refusal("too_few", POINTS, available=facts.points)]
    return []


def _not_combined(asked: _Asked) -> Sequence[Refusal]:
    """Why the other coupons do not hold either, so that the driver is told of all at once."""
    try:
        _price(asked)
    except CannotCombine as error:
        return error.refusals
    return ()


def _problem(refusals: Sequence[Refusal]) -> Problem:
    """That nothing is set aside, and why."""
    about_points = all(one.what == POINTS for one in refusals)
    detail = "There are not enough points." if about_points else "One of the coupons cannot be used."
    named = [{"what": one.what, "reason": one.reason, "detail": one.detail} for one in refusals]
    return Problem(409, "reservation-refused", detail, refusals=named)


def _digest(request: ReservationRequest) -> bytes:
    return hashlib.sha256(request.model_dump_json().encode()).digest()


def _answer(reservation: Reservation) -> ReservationAnswer:
    parts = [
        {
            "kind": part.kind, "reference": part.reference, "reason": part.reason, "amount_minor": part.amount_minor,
            "points": part.points,
        }
        for part in reservation.parts
    ]  # fmt: skip
    return ReservationAnswer.model_validate({
        "reservation_id": reservation.reservation_id, "breakdown": parts, "expires_at": reservation.expires_at
    })  # fmt: skip
