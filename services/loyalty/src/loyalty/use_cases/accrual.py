"""What paid orders earn, and what refunds take back: many at once, in a number of statements that does not grow.

What should be posted follows from a purchase's row, and the difference to what is posted is posted. So an event that
comes twice, a refund before its payment, or the whole topic played again, all end in the same balances.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from loyalty.domain import points as domain
from loyalty.domain.earning import ONCE, earned
from loyalty.domain.points import Counter, Entry, Grant, Kind, Lot
from loyalty.domain.purchases import best_multiplier, by_points, kept_points
from loyalty.domain.terms import Offer, PointsMultiplier, Purchase
from loyalty.domain.tiers import BY_WORD, counted_ml, month_of
from loyalty.repository import points as ledger
from loyalty.repository import purchases as repository
from loyalty.repository.campaigns import held_between
from loyalty.repository.points import Member
from loyalty.repository.purchases import Bought, State
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.live_campaigns import KNOWN_FOR
from loyalty.use_cases.points import post
from loyalty.use_cases.tiers import note_volumes
from schemas.events import OrderPaidV1, OrderRefundedV1
from servicekit.ids import new_id
from servicekit.postgres import Connection
from servicekit.problems import Unavailable
from servicekit.store import StoreUnavailable

Owners = Mapping[str, Member]
"""Who the drivers are now, and locked; who was erased is missing."""


async def accrue(loyalty: Loyalty, tx: Connection, paid: Iterable[OrderPaidV1], owners: Owners) -> None:
    """Gives the points of paid orders, each once."""
    orders = list({one.order_id: one for one in paid}.values())
    if not orders:
        return
    multipliers = await _Multipliers.of(loyalty, tx, orders)
    bought = [_bought(loyalty, one, owners.get(one.driver_id), multipliers) for one in orders]
    new = _of_present(await repository.record_paid(tx, bought), owners)
    lots = await ledger.find_debts(tx, {state.driver_id for state in new})
    entries = [
        _accrual(loyalty, state, points, lots[state.driver_id])
        for state in new
        if (points := kept_points(state.points_due, state.paid_minor, state.refunded_minor))
    ]
    await _finish(loyalty, tx, new, entries)


async def reverse(loyalty: Loyalty, tx: Connection, refunded: Iterable[OrderRefundedV1], owners: Owners) -> None:
    """Takes points back, as far as refunds of their orders say so by now."""
    largest = {one.order_id: one for one in sorted(refunded, key=lambda one: one.refunded_minor)}
    present = {driver_id: member.driver_id for driver_id, member in owners.items()}
    changed = _of_present(await repository.record_refunded(tx, list(largest.values()), present), owners)
    lots = await ledger.find_lots(tx, {state.driver_id for state in changed})
    entries = [
        _reversal(state, points, lots[state.driver_id], largest[state.order_id].occurred_at)
        for state in changed
        if (points := state.points_posted - kept_points(state.points_due, state.paid_minor, state.refunded_minor))
    ]
    await _finish(loyalty, tx, changed, entries)


def _of_present(states: Iterable[State], owners: Owners) -> list[State]:
    present = {member.driver_id for member in owners.values()}
    return [state for state in states if state.driver_id in present]


def _bought(loyalty: Loyalty, one: OrderPaidV1, member: Member | None, multipliers: "_Multipliers") -> Bought:
    if member is None:
        return Bought(one, one.driver_id, False, None, (), 0)
    rule = loyalty.earning.rule_for(one.operator, str(one.station_id), one.fuel, one.currency, one.occurred_at)
    factor, campaign_ids = multipliers.best(one, member.tier)
    points = earned(
        rule, paid_minor=min(one.paid_minor, one.gross_minor), gross_minor=one.gross_minor,
        points_minor=by_points(one.breakdown), volume_ml=one.volume_ml,
        tier_basis_points=BY_WORD[member.tier].basis_points, multiplier_basis_points=factor,
    )  # fmt: skip
    return Bought(one, member.driver_id, True, member.tier, campaign_ids, points)


def _accrual(loyalty: Loyalty, state: State, points: int, lots: list[Lot]) -> Entry:
    expires_at = domain.expiry(state.paid_at, loyalty.settings.points_life_months)
    parts, new = domain.give(lots, [Grant(points, expires_at, state.order_id)], new_id)
    lots[:] = domain.after(lots, parts, new)
    told = {
        "expires_at": expires_at, "station_id": state.station_id, "operator": state.operator, "tier": state.tier,
        "campaign_ids": state.campaign_ids,
    }  # fmt: skip
    return Entry(
        new_id(), f"order|{state.order_id}", state.driver_id, Kind.ACCRUED, "order", Counter.ISSUED, state.paid_at,
        parts, new, state.order_id, told=told,
    )  # fmt: skip


def _reversal(state: State, points: int, lots: list[Lot], at: datetime) -> Entry:
    """Of the lot that the order earned as far as it is there, then as whatever else is taken."""
    own = {lot.id: lot.free for lot in lots if lot.order_id == state.order_id}
    parts, new = domain.take(state.driver_id, lots, points, own)
    lots[:] = domain.after(lots, parts, new)
    return Entry(
        new_id(), f"refund|{state.order_id}|{state.refunded_minor}", state.driver_id, Kind.REVERSED, "refund",
        Counter.REVERSED, at, parts, new, state.order_id,
    )  # fmt: skip


async def _finish(loyalty: Loyalty, tx: Connection, states: Iterable[State], entries: Sequence[Entry]) -> None:
    """Posts the entries and counts the fuel; of an order that nothing was refunded of, its row says so already."""
    done: list[tuple[UUID, int, int]] = []
    deltas: list[tuple[str, date, int]] = []
    for state in states:
        counted = counted_ml(state.volume_ml, state.paid_minor, state.refunded_minor)
        if counted != state.counted_ml:
            deltas.append((state.driver_id, month_of(state.paid_at), counted - state.counted_ml))
        if state.refunded_minor:
            kept = kept_points(state.points_due, state.paid_minor, state.refunded_minor)
            done.append((state.order_id, kept, counted))
    await repository.note_done(tx, done)
    await post(tx, entries)
    await note_volumes(loyalty, tx, deltas, datetime.now(UTC))


class _Multipliers:
    """The campaigns that multiply points, looked up once for each operator of a batch."""

    def __init__(self, loyalty: Loyalty, zones: Mapping[UUID, str], before: datetime) -> None:
        self._loyalty = loyalty
        self._zones = zones
        self._before = before
        self._offers: dict[str, list[Offer]] = {}
        self._of_old: dict[str, list[Offer]] = {}

    @classmethod
    async def of(cls, loyalty: Loyalty, tx: Connection, orders: Sequence[OrderPaidV1]) -> "_Multipliers":
        """Those for these orders; of orders that are told of late the campaigns of then are read."""
        zones = await repository.time_zones(tx, {one.station_id for one in orders})
        found = cls(loyalty, zones, datetime.now(UTC) - KNOWN_FOR)
        if old := [one for one in orders if one.occurred_at < found._before]:
            moments, operators = [one.occurred_at for one in old], {one.operator for one in old}
            then = await held_between(tx, ("points_multiplier",), operators, min(moments), max(moments))
            found._of_old = {operator: [one.offer for one in those] for operator, those in then.items()}
        return found

    def best(self, one: OrderPaidV1, tier: str) -> tuple[int, tuple[str, ...]]:
        """The factor for an order, and its campaign. Raises StoreUnavailable where campaigns are not known now."""
        if one.occurred_at < self._before:
            offers = self._of_old.get(one.operator, [])
        elif (offers := self._offers.get(one.operator)) is None:
            self._offers[one.operator] = offers = self._of(one.operator)
        zone = self._zones.get(one.station_id)
        if not offers:
            return ONCE, ()
        purchase = Purchase(
            one.driver_id, one.operator, str(one.station_id), zone or "UTC", one.fuel, one.price_mills, one.volume_ml,
            one.gross_minor, one.currency, one.method, tier, one.occurred_at,
        )  # fmt: skip
        # By which clock a station lives whom nobody registered is not known: what goes by hours does not hold there.
        return best_multiplier(purchase, [o for o in offers if zone or o.scope.hours is None])

    def _of(self, operator: str) -> list[Offer]:
        try:
            campaigns = self._loyalty.campaigns.of_late(operator)
        except Unavailable as error:
            raise StoreUnavailable("the campaigns have not been read of late") from error
        return [one.offer for one in campaigns if isinstance(one.benefit, PointsMultiplier)]
