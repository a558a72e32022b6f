"""What became of each yuan in a trial of payments: our books beside what the providers really did."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from forecourt.chaos_drivers import Trial
from forecourt.chaos_loyalty import compare_loyalty
from forecourt.chaos_monkey import Monkey
from forecourt.chaos_world import World
from forecourt.simulate_providers import Provider, Providers
from local_stack.config import Config
from local_stack.environment import service_environment

SETTLE_SECONDS = 240.0
SHOWN_CASES = 20
PAID = frozenset({"paid", "completed", "refunding", "refunded", "disputed"})
UNSETTLED = """
    SELECT 'order ' || order_id || ' is ' || status FROM orders
        WHERE order_id = ANY($1) AND status IN ('paying', 'unknown', 'refunding', 'authorised')
    UNION ALL SELECT 'attempt ' || attempt_id || ' is ' || status FROM attempts
        WHERE next_look_at IS NOT NULL AND closed_at IS NULL
    UNION ALL SELECT 'refund ' || refund_id || ' is ' || status FROM refunds
        WHERE next_look_at IS NOT NULL AND status NOT IN ('awaiting_approval')
    UNION ALL SELECT 'notification ' || notification_id FROM notifications WHERE next_look_at IS NOT NULL
    UNION ALL SELECT 'hold ' || hold_id FROM holds WHERE status = 'pending' AND subject = ANY($1)
    UNION ALL SELECT 'event ' || event_id FROM outbox"""
ATTEMPTS = "SELECT attempt_id, purpose, purpose_id, provider FROM attempts"
ORDERS = """
    SELECT order_id, mode, status, method, paid_minor, refunded_minor, discount_minor
    FROM orders WHERE order_id = ANY($1)"""
BOOKED = """
    SELECT t.subject, a.kind, sum(p.amount_minor)::bigint AS amount FROM postings p
    JOIN transfers t USING (transfer_id) JOIN accounts a USING (account_id)
    WHERE t.subject IS NOT NULL GROUP BY t.subject, a.kind"""
UNEVEN = """
    SELECT 'transfers in ' || currency || ' sum to ' || sum(amount_minor) FROM postings
        GROUP BY currency HAVING sum(amount_minor) <> 0
    UNION ALL
    SELECT 'account ' || account_id || ' is ' || known || ', its postings are ' || posted FROM (
        SELECT account_id,
               coalesce((SELECT sum(amount_minor) FROM postings p WHERE p.account_id = a.account_id), 0) AS posted,
               coalesce((SELECT posted_minor FROM balances b WHERE b.account_id = a.account_id), 0)
               + coalesce((SELECT sum(amount_minor) FROM balance_deltas d WHERE d.account_id = a.account_id), 0)
                   AS known
        FROM accounts a) AS each WHERE posted <> known"""
AT_PROVIDERS = """
    SELECT owner, sum(amount_minor)::bigint FROM postings JOIN accounts USING (account_id)
    WHERE kind = 'provider' GROUP BY owner"""


@dataclass
class Account:
    """The outcome: each list names its cases; all are empty where the money is what it should be."""

    by_state: dict[str, int]
    kills: dict[str, int]
    faults: dict[str, int]
    gave_up: dict[str, int]
    lost: list[str] = field(default_factory=list)
    """Orders that are gone, or money that a provider took and our books do not know."""
    doubled: list[str] = field(default_factory=list)
    """Orders that were charged or refunded more than they should be."""
    unbalanced: list[str] = field(default_factory=list)
    """Books that do not add up, with themselves or with a provider."""
    stuck: list[str] = field(default_factory=list)
    """What is still under way long after everything is well."""

    @property
    def is_clean(self) -> bool:
        """Whether there is no case."""
        return not any(self.cases().values())

    def cases(self) -> dict[str, list[str]]:
        """The cases by name, so many as one can read."""
        names = ("lost", "doubled", "unbalanced", "stuck")
        return {name: getattr(self, name)[:SHOWN_CASES] for name in names}

    def shown(self) -> dict[str, Any]:
        """As a document: the counts first."""
        counts = {name: len(getattr(self, name)) for name in self.cases()}
        return {
            "orders": self.by_state, **counts, "kills": self.kills, "faults": self.faults, "gave_up": self.gave_up,
            "cases": {name: cases for name, cases in self.cases().items() if cases},
        }  # fmt: skip


@dataclass(frozen=True)
class Books:
    """What our database says."""

    orders: Mapping[UUID, Any]
    attempts: Mapping[str, Any]
    """By our number at the provider."""
    booked: Mapping[UUID, Mapping[str, int]]
    """By subject: what each kind of account got, in minor units."""
    at_providers: Mapping[str, int]


async def gaps(config: Config, outside: Providers) -> dict[Provider, int]:
    """By how much our books and each provider differ already: a simulator forgets everything when it is restarted."""
    connection = await asyncpg.connect(service_environment(config, "payments")["PAYMENTS_POSTGRES_DSN"])
    try:
        booked = {row[0]: row[1] for row in await connection.fetch(AT_PROVIDERS)}
    finally:
        await connection.close()
    kept = {one: sum(trade["paid"] - trade["refunded"] for trade in await outside.trades(one)) for one in Provider}
    return {provider: -booked.get(provider, 0) - kept[provider] for provider in Provider}


async def take_account(
    config: Config, world: World, trial: Trial, monkey: Monkey, before: Mapping[Provider, int]
) -> Account:  # fmt: skip
    """Compares everything with everything, again until all is well or the time for that is over.

    `before` is what `gaps` said.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        account = await _compared(config, world, trial, monkey, before)
        if account.is_clean or time.monotonic() > deadline:
            return account
        await asyncio.sleep(1.0)


async def _compared(
    config: Config, world: World, trial: Trial, monkey: Monkey, before: Mapping[Provider, int]
) -> Account:  # fmt: skip
    connection = await asyncpg.connect(service_environment(config, "payments")["PAYMENTS_POSTGRES_DSN"])
    try:
        order_ids = [UUID(order_id) for order_id in trial.order_ids]
        stuck = [row[0] for row in await connection.fetch(UNSETTLED, order_ids)]
        books = await _books(connection, order_ids)
        unbalanced = [row[0] for row in await connection.fetch(UNEVEN)]
    finally:
        await connection.close()
    apart, on_its_way = await compare_loyalty(config, books.orders)
    states = Counter(row["status"] for row in books.orders.values())
    account = Account(
        dict(states.most_common()), dict(monkey.killed), dict(monkey.struck), dict(trial.gave_up),
        stuck=stuck + on_its_way, unbalanced=unbalanced + apart,
    )  # fmt: skip
    account.lost += [f"order {order_id} is gone" for order_id in order_ids if order_id not in books.orders]
    for provider in Provider:
        _compare_provider(account, books, provider, await world.outside.trades(provider), before[provider])
    _compare_cards(account, books)
    return account


async def _books(connection: asyncpg.Connection, order_ids: list[UUID]) -> Books:
    booked: dict[UUID, dict[str, int]] = defaultdict(dict)
    for row in await connection.fetch(BOOKED):
        booked[row["subject"]][row["kind"]] = row["amount"]
    return Books(
        {row["order_id"]: row for row in await connection.fetch(ORDERS, order_ids)},
        {row["attempt_id"].hex: row for row in await connection.fetch(ATTEMPTS)},
        booked, {row[0]: row[1] for row in await connection.fetch(AT_PROVIDERS)},
    )  # fmt: skip


def _compare_provider(
    account: Account, books: Books, provider: str, trades: list[dict[str, Any]], gap: int
) -> None:  # fmt: skip
    """What the provider kept of each order and recharge is what we think it kept."""
    kept: dict[UUID, int] = defaultdict(int)
    for trade in trades:
        if trade["paid"] and trade["number"] not in books.attempts:
            account.lost.append(f"{provider} charged {trade['number']}, which we do not know")
        elif trade["number"] in books.attempts:
            kept[books.attempts[trade["number"]]["purpose_id"]] += trade["paid"] - trade["refunded"]
    for subject, minor in kept.items():
        order = books.orders.get(subject)
        if order is None:
            _judge(account, f"recharge {subject}", minor, -books.booked.get(subject, {}).get("provider", 0))
        else:
            due = order["paid_minor"] - order["refunded_minor"] if order["method"] == provider else 0
            _judge(account, f"{provider}, order {subject} ({order['status']})", minor, due)
    said = -books.at_providers.get(provider, 0) - gap
    if sum(kept.values()) != said:
        account.unbalanced.append(f"{provider} has {sum(kept.values())} of ours, our books say {said}")


def _compare_cards(account: Account, books: Books) -> None:
    """What each order took off a card is what it cost."""
    for order_id, order in books.orders.items():
        taken = -books.booked.get(order_id, {}).get("card", 0)
        due = order["paid_minor"] - order["refunded_minor"] if order["method"] == "fuel_card" else 0
        _judge(account, f"card of order {order_id} ({order['status']})", taken, due)
        earned = books.booked.get(order_id, {}).get("station", 0) + books.booked.get(order_id, {}).get("deposit", 0)
        if earned != (worth := _worth(order)):
            account.unbalanced.append(f"order {order_id} ({order['status']}) is worth {worth}, the books say {earned}")


def _worth(order: Any) -> int:
    """What the station has of an order: what was paid and, until all of that went back, what loyalty paid for it."""
    net = order["paid_minor"] - order["refunded_minor"]
    is_given_back = net == 0 < order["paid_minor"]
    return net if is_given_back or order["status"] not in PAID else net + order["discount_minor"]


def _judge(account: Account, what: str, taken: int, due: int) -> None:
    if taken > due:
        account.doubled.append(f"{what}: {taken} taken, {due} due")
    elif taken < due:
        account.lost.append(f"{what}: {taken} taken, {due} due")
