"""What is done with a driver's points, always in the caller's transaction: award, hold, spend, give back.

Each takes the driver's turn (the row of `members`) by itself; whoever holds the turn already waits for nobody.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from loyalty.domain import points as domain
from loyalty.domain.point_words import about_debt
from loyalty.domain.points import Counter, Entry, Grant, Kind, Lot, Part, event_of
from loyalty.repository import members, point_uses
from loyalty.repository import points as repository
from loyalty.repository.point_uses import Use
from loyalty.use_cases.context import Loyalty
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox

MOST_EXPIRIES = 24


class Spending(NamedTuple):
    """That what is held under a key was spent on an order, and took so much off its price, in minor units."""

    key: str
    order_id: UUID
    amount_minor: int
    currency: str
    at: datetime


async def award(
    loyalty: Loyalty, tx: Connection, driver_id: str, points: int, *, reason: str, key: str, at: datetime,
    expires_at: datetime | None = None, order_id: UUID | None = None,
) -> bool:  # fmt: skip
    """Gives a driver points, once for the key; whether it did now. Who was erased gets none.

    They expire as earned ones do, unless said otherwise; `reason` is a word for the driver's statement.
    """
    owners = await repository.lock_owners(tx, [driver_id])
    if driver_id not in owners or await repository.is_known(tx, key):
        return False
    until = expires_at or domain.expiry(at, loyalty.settings.points_life_months)
    await _give(tx, owners[driver_id].driver_id, [Grant(points, until, order_id)], key, reason, Counter.ISSUED, at)
    return True


async def spendable(tx: Connection, driver_id: str) -> int:
    """What the driver may set aside or spend now."""
    lots = await repository.find_lots(tx, [driver_id])
    return domain.spendable(lots[driver_id], datetime.now(UTC))


async def read_account(loyalty: Loyalty, tx: Connection, driver_id: str) -> dict[str, Any]:
    """A driver's points, what they are worth in each currency, and when they expire."""
    lots = await repository.find_lots(tx, [driver_id])
    account = domain.account_of(lots[driver_id], datetime.now(UTC))
    worth = [
        {"currency": currency, "points_per_minor": per_minor, "amount_minor": account.spendable // per_minor}
        for currency, per_minor in loyalty.settings.points_per_minor.items()
    ]
    expiries = [{"expires_at": one.expires_at, "points": one.points} for one in account.expiries[:MOST_EXPIRIES]]
    return {
        "balance": account.balance, "spendable": account.spendable, "held": account.held, "owed": account.owed,
        "explanation": about_debt(account.owed), "worth": worth, "expiries": expiries,
    }  # fmt: skip


async def hold(tx: Connection, driver_id: str, points: int, key: str) -> None:
    """Sets points aside, once for the key, those that expire first. Raises TooFewPoints."""
    await members.lock(tx, driver_id)
    if await point_uses.find_use(tx, key) is not None:
        return
    lots = await repository.find_lots(tx, [driver_id])
    parts = domain.choose(lots[driver_id], points, datetime.now(UTC))
    await point_uses.insert_use(tx, key, Use(driver_id, points, "held", 0, tuple(parts)))
    await point_uses.change_held(tx, parts, 1)


async def release_hold(tx: Connection, key: str) -> int:
    """Lets points go that are set aside; how many that were. 0: none are, or not any more."""
    return (await release_holds(tx, [key])).get(key, 0)


async def release_holds(tx: Connection, keys: Sequence[str]) -> dict[str, int]:
    """The same for many keys; those under which points were set aside."""
    uses = await _locked_uses(tx, keys)
    held = {key: use for key, use in uses.items() if use.status == "held"}
    if held:
        await point_uses.change_held(tx, [part for use in held.values() for part in use.parts], -1)
        await point_uses.settle_uses(tx, list(held), "released")
    return {key: use.points for key, use in held.items()}


async def spend_hold(
    loyalty: Loyalty, tx: Connection, key: str, *, order_id: UUID, amount_minor: int, currency: str, at: datetime
) -> int:  # fmt: skip
    """Spends what was set aside, once; how many points that were now.

    Also where they were let go meanwhile: they took off what was paid. They are then taken of whatever there is, and
    what is missing is owed.
    """
    spent = await spend_holds(tx, [Spending(key, order_id, amount_minor, currency, at)])
    return spent.get(key, 0)


async def spend_holds(tx: Connection, spendings: Iterable[Spending]) -> dict[str, int]:
    """The same for many keys; how many points were spent now under which."""
    asked = {one.key: one for one in spendings}
    uses = await _locked_uses(tx, list(asked))
    present = await repository.lock_owners(tx, {use.driver_id for use in uses.values()}) if uses else {}
    due = {key: use for key, use in uses.items() if use.status != "spent" and use.driver_id in present}
    if not due:
        return {}
    held = [part for use in due.values() if use.status == "held" for part in use.parts]
    await point_uses.change_held(tx, held, -1)
    lots = await repository.find_lots(tx, {use.driver_id for use in due.values()})
    entries: list[Entry] = []
    for key, use in due.items():
        one, own = asked[key], lots[use.driver_id]
        told = {"amount_minor": one.amount_minor, "currency": one.currency}
        entry = _taken(use, own, f"{key}|spent", "order", one.at, order_id=one.order_id, told=told)
        own[:] = domain.after(own, entry.parts, entry.new_lots)
        entries.append(entry)
    await post(tx, entries)
    await point_uses.settle_uses(tx, list(due), "spent")
    await point_uses.replace_parts(tx, {key: _as_used(entry.parts) for key, entry in zip(due, entries, strict=True)})
    return {key: use.points for key, use in due.items()}


async def spend(
    loyalty: Loyalty, tx: Connection, driver_id: str, points: int, *, key: str, gift_order_id: UUID, at: datetime
) -> None:  # fmt: skip
    """Spends points on a gift, once for the key. Raises TooFewPoints."""
    await members.lock(tx, driver_id)
    if await point_uses.find_use(tx, key) is not None:
        return
    lots = (await repository.find_lots(tx, [driver_id]))[driver_id]
    use = Use(driver_id, points, "spent", 0, tuple(domain.choose(lots, points, datetime.now(UTC))))
    entry = _taken(use, lots, f"{key}|spent", "gift", at, gift_order_id=gift_order_id)
    await post(tx, [entry])
    await point_uses.insert_use(tx, key, use)


async def give_back(
    loyalty: Loyalty, tx: Connection, key: str, *, at: datetime, points: int | None = None
) -> int:  # fmt: skip
    """Gives back what was spent under the key; how many points that were now.

    `points` is how many in all are to have been given back by now (None: all), so the same again gives nothing more.
    They expire when they would have, but not within 30 days.
    """
    use = (await _locked_uses(tx, [key])).get(key)
    if use is None or use.status != "spent" or not await _is_present(tx, use.driver_id):
        return 0
    total = use.points if points is None else min(points, use.points)
    if total <= use.given_back:
        return 0
    grants = domain.give_back(use.parts, use.given_back, total, at)
    await _give(tx, use.driver_id, grants, f"{key}|given_back|{total}", "given_back", Counter.REDEEMED, at)
    await point_uses.note_given_back(tx, key, total)
    return total - use.given_back


async def post(tx: Connection, entries: Sequence[Entry]) -> None:
    """Posts entries of drivers who are locked, and tells of them."""
    posted = await repository.post(tx, entries)
    events = [event_of(entry, posted[entry.id].version, posted[entry.id].balance) for entry in entries]
    await append_to_outbox(tx, to_records([event for event in events if event]))


async def _give(
    tx: Connection, driver_id: str, grants: Sequence[Grant], key: str, reason: str, counter: Counter, at: datetime
) -> None:  # fmt: skip
    lots = await repository.find_lots(tx, [driver_id])
    parts, new = domain.give(lots[driver_id], grants, new_id)
    told = {"expires_at": min(grant.expires_at for grant in grants)}
    order_id = grants[0].order_id
    await post(
        tx, [Entry(new_id(), key, driver_id, Kind.ACCRUED, reason, counter, at, parts, new, order_id, told=told)]
    )


def _taken(
    use: Use, lots: Sequence[Lot], key: str, reason: str, at: datetime, *, order_id: UUID | None = None,
    gift_order_id: UUID | None = None, told: dict[str, object] | None = None,
) -> Entry:  # fmt: skip
    """The entry that takes a use's points, of the lots that it names as far as they still have them."""
    first = {part.lot_id: part.points for part in use.parts}
    parts, new = domain.take(use.driver_id, lots, use.points, first)
    return Entry(
        new_id(), key, use.driver_id, Kind.REDEEMED, reason, Counter.REDEEMED, at, parts, new, order_id, gift_order_id,
        told or {},
    )  # fmt: skip


def _as_used(parts: Sequence[Part]) -> list[Part]:
    return [Part(part.lot_id, -part.points, part.expires_at) for part in parts]


async def _locked_uses(tx: Connection, keys: Sequence[str]) -> dict[str, Use]:
    """The uses, whose drivers are locked: a merge may have given some to another account in the meantime."""
    uses = await point_uses.find_uses(tx, keys)
    while uses:
        await members.lock(tx, *_drivers_of(uses))
        before, uses = uses, await point_uses.find_uses(tx, keys)
        if _drivers_of(uses) <= _drivers_of(before):
            break
    return uses


def _drivers_of(uses: Mapping[str, Use]) -> set[str]:
    return {use.driver_id for use in uses.values()}


async def _is_present(tx: Connection, driver_id: str) -> bool:
    return driver_id in await repository.lock_owners(tx, [driver_id])
