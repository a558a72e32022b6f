"""What is done with a driver's points, always in the caller's transaction: award, hold, spend, give back.

Each takes the driver's turn (the row of `members`) by itself; whoever holds the turn already waits for nobody.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from loyalty.domain import points as domain
from loyalty.domain.point_words import about_debt
from loyalty.domain.points import Counter, Entry, Grant, Kind, Part, event_of
from loyalty.repository import points as repository
from loyalty.repository.points import Use
from loyalty.use_cases.context import Loyalty
from servicekit.envelope import to_records
from servicekit.ids import new_id
from servicekit.postgres import Connection, append_to_outbox

MOST_EXPIRIES = 24


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
    await repository.lock_members(tx, [driver_id])
    if await repository.find_use(tx, key) is not None:
        return
    parts = await _choose(tx, driver_id, points)
    await repository.insert_use(tx, key, Use(driver_id, points, "held", 0, tuple(parts)))
    await repository.change_held(tx, parts, 1)


async def release_hold(tx: Connection, key: str) -> int:
    """Lets points go that are set aside; how many that were. 0: none are, or not any more."""
    use = await _locked_use(tx, key)
    if use is None or use.status != "held":
        return 0
    await repository.change_held(tx, use.parts, -1)
    await repository.settle_use(tx, key, "released", use.parts)
    return use.points


async def spend_hold(
    loyalty: Loyalty, tx: Connection, key: str, *, order_id: UUID, amount_minor: int, currency: str, at: datetime
) -> int:  # fmt: skip
    """Spends what was set aside, once; how many points that were now.

    Also where they were let go meanwhile: they took off what was paid. They are then taken of whatever there is, and
    what is missing is owed.
    """
    use = await _locked_use(tx, key)
    if use is None or use.status == "spent" or not await _is_present(tx, use.driver_id):
        return 0
    if use.status == "held":
        await repository.change_held(tx, use.parts, -1)
    told = {"amount_minor": amount_minor, "currency": currency}
    entry = await _taken(tx, use, f"{key}|spent", "order", at, order_id=order_id, told=told)
    await post(tx, [entry])
    await repository.settle_use(tx, key, "spent", _as_used(entry.parts))
    return use.points


async def spend(
    loyalty: Loyalty, tx: Connection, driver_id: str, points: int, *, key: str, gift_order_id: UUID, at: datetime
) -> None:  # fmt: skip
    """Spends points on a gift, once for the key. Raises TooFewPoints."""
    await repository.lock_members(tx, [driver_id])
    if await repository.find_use(tx, key) is not None:
        return
    use = Use(driver_id, points, "spent", 0, tuple(await _choose(tx, driver_id, points)))
    entry = await _taken(tx, use, f"{key}|spent", "gift", at, gift_order_id=gift_order_id)
    await post(tx, [entry])
    await repository.insert_use(tx, key, use)


async def give_back(
    loyalty: Loyalty, tx: Connection, key: str, *, at: datetime, points: int | None = None
) -> int:  # fmt: skip
    """Gives back what was spent under the key; how many points that were now.

    `points` is how many in all are to have been given back by now (None: all), so the same again gives nothing more.
    They expire when they would have, but not within 30 days.
    """
    use = await _locked_use(tx, key)
    if use is None or use.status != "spent" or not await _is_present(tx, use.driver_id):
        return 0
    total = use.points if points is None else min(points, use.points)
    if total <= use.given_back:
        return 0
    grants = domain.give_back(use.parts, use.given_back, total, at)
    await _give(tx, use.driver_id, grants, f"{key}|given_back|{total}", "given_back", Counter.REDEEMED, at)
    await repository.note_given_back(tx, key, total)
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
    parts, new = domain.give(lots[driver_id], grants)
    told = {"expires_at": min(grant.expires_at for grant in grants)}
    order_id = grants[0].order_id
    await post(
        tx, [Entry(new_id(), key, driver_id, Kind.ACCRUED, reason, counter, at, parts, new, order_id, told=told)]
    )


async def _choose(tx: Connection, driver_id: str, points: int) -> list[Part]:
    lots = await repository.find_lots(tx, [driver_id])
    return domain.choose(lots[driver_id], points, datetime.now(UTC))


async def _taken(
    tx: Connection, use: Use, key: str, reason: str, at: datetime, *, order_id: UUID | None = None,
    gift_order_id: UUID | None = None, told: dict[str, object] | None = None,
) -> Entry:  # fmt: skip
    """The entry that takes a use's points, of the lots that it names as far as they still have them."""
    lots = await repository.find_lots(tx, [use.driver_id])
    first = {part.lot_id: part.points for part in use.parts}
    parts, new = domain.take(use.driver_id, lots[use.driver_id], use.points, first)
    return Entry(
        new_id(), key, use.driver_id, Kind.REDEEMED, reason, Counter.REDEEMED, at, parts, new, order_id, gift_order_id,
        told or {},
    )  # fmt: skip


def _as_used(parts: Sequence[Part]) -> list[Part]:
    return [Part(part.lot_id, -part.points, part.expires_at) for part in parts]


async def _locked_use(tx: Connection, key: str) -> Use | None:
    """The use, whose driver is locked: a merge may have given it to another account in the meantime."""
    use = await repository.find_use(tx, key)
    while use is not None:
        await repository.lock_members(tx, [use.driver_id])
        before, use = use, await repository.find_use(tx, key)
        if use is not None and use.driver_id == before.driver_id:
            return use
    return None


async def _is_present(tx: Connection, driver_id: str) -> bool:
    return driver_id in await repository.lock_owners(tx, [driver_id])
