"""`bench ledger`: transfers per second of the double-entry ledger, beside pgbench's TPC-B on the same server.

Both keep their data in a database that exists only for the benchmark, under the server's own settings: each commit
waits for the disk. They take turns, so that what else the machine does falls on both.
"""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from local_stack.config import Config, StackError
from local_stack.postgres import SUPERUSER, binary, dsn
from local_stack.secrets import Secrets, load
from payments.domain.ledger import Account, AccountKind, Posting, Transfer, TransferKind
from payments.repository import ledger
from payments.use_cases.group_commit import GroupCommit
from servicekit.ids import new_id
from servicekit.migrations import folder_of, migrate_postgres

ROUNDS = 3
SECONDS = 4
PGBENCH_CLIENTS = (8, 20)
"""Its best of these counts."""
SCALE = 20
"""At least one branch for each client, as its manual asks."""
PAYERS = 1_024
WRITERS = 2
CARDS = 2_000
STATIONS = 2_000
ON_CARD = 10**9
WANTED_RATIO = 3.0

Figures = list[dict[str, Any]]


async def measure_ledger(config: Config) -> Figures:
    """Payments by fuel card: all at one station, and spread over many; each is a transfer of two postings."""
    async with _database(config) as url:
        await asyncio.to_thread(_pgbench, url, "--initialize", f"--scale={SCALE}", "--quiet")
        async with asyncpg.create_pool(url, min_size=WRITERS, max_size=WRITERS) as pool:
            await _fill_cards(pool)
            best: dict[str, float] = {}
            for _ in range(ROUNDS):
                rates = {"tpc-b": await asyncio.to_thread(_tpc_b, url)}
                rates |= {"hot": await _transfers(pool, 1), "cold": await _transfers(pool, STATIONS)}
                best = {name: max(rate, best.get(name, 0.0)) for name, rate in rates.items()}
            await _require_balance(pool)
    return _figures(best)


def _figures(best: dict[str, float]) -> Figures:
    floor, hot, cold = best["tpc-b"], best["hot"], best["cold"]
    wanted = f">= {WANTED_RATIO:g} x pgbench"
    return [
        {"figure": f"transfers to one hot account by {PAYERS:,} at once, floor: pgbench TPC-B", "value": hot,
         "unit": "/s", "floor": floor, "ratio": hot / floor, "wanted": wanted, "kept": hot >= WANTED_RATIO * floor},
        {"figure": f"transfers to {STATIONS:,} accounts, floor: the same", "value": cold,
         "unit": "/s", "floor": floor, "ratio": cold / floor, "wanted": wanted, "kept": cold >= WANTED_RATIO * floor},
        {"figure": "transfers to a hot account, floor: to cold ones", "value": hot, "unit": "/s", "floor": cold,
         "ratio": hot / cold, "wanted": ">= cold", "kept": hot >= cold},
    ]  # fmt: skip


@asynccontextmanager
async def _database(config: Config) -> AsyncIterator[str]:
    """An empty database with the schema of payments; it is gone afterwards."""
    secrets, name = load(config), f"bench_{new_id().hex}"
    url = dsn(config, secrets, SUPERUSER)
    administrator = await asyncpg.connect(url)
    try:
        await administrator.execute(f"CREATE DATABASE {name}")
        try:
            yield await _migrated(config, secrets, name)
        finally:
            await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await administrator.close()


async def _migrated(config: Config, secrets: Secrets, name: str) -> str:
    url = f"{dsn(config, secrets, SUPERUSER).rpartition('/')[0]}/{name}"
    await migrate_postgres(url, folder_of("payments"))
    return url


def _tpc_b(url: str) -> float:
    """Transactions per second of pgbench's standard script, prepared; the best of some counts of clients."""
    return max(_tpc_b_with(url, clients) for clients in PGBENCH_CLIENTS)


def _tpc_b_with(url: str, clients: int) -> float:
    text = _pgbench(url, f"--client={clients}", "--jobs=2", f"--time={SECONDS}", "--protocol=prepared", "--no-vacuum")
    found = re.search(r"tps = ([0-9.]+)", text)
    if found is None:
        raise StackError(f"pgbench said nothing of its speed: {text[-300:]}")
    return float(found[1])


def _pgbench(url: str, *arguments: str) -> str:
    server = urlsplit(url)
    environment = {
        "PATH": os.environ["PATH"], "PGHOST": server.hostname or "", "PGPORT": str(server.port),
        "PGUSER": server.username or "", "PGPASSWORD": server.password or "", "PGDATABASE": server.path[1:],
        "PGOPTIONS": "-c client_min_messages=error",
    }  # fmt: skip
    result = subprocess.run(  # noqa: S603 - the command is ours, no shell is involved
        [str(binary("pgbench")), *arguments], env=environment, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    if result.returncode != 0:
        raise StackError(f"pgbench failed: {result.stderr[-500:].strip()}")
    return result.stdout


async def _fill_cards(pool: asyncpg.Pool) -> None:
    provider = Account(AccountKind.PROVIDER, "bench", "CNY")
    recharges = [_transfer(provider, _card(number), ON_CARD) for number in range(CARDS)]
    async with pool.acquire() as connection:
        await ledger.post(connection, recharges)


async def _transfers(pool: asyncpg.Pool, stations: int) -> float:
    """Transfers per second by group commit: each payer pays again as soon as the last payment is committed."""

    async def write(transfers: Sequence[Transfer]) -> Sequence[UUID]:
        async with pool.acquire() as connection:
            fresh = await ledger.post(connection, transfers)
        if len(fresh) != len(transfers):
            raise StackError("the ledger took a new transfer for an old one")
        return [transfer.id for transfer in transfers]

    group, numbers, end = GroupCommit(write, name="The ledger", most_writers=WRITERS), count(), perf_counter() + SECONDS

    async def pay() -> None:
        while perf_counter() < end:
            number = next(numbers)
            await group.submit(_transfer(_card(number % CARDS), _station(number % stations), 1))

    began = perf_counter()
    await asyncio.gather(*(pay() for _ in range(PAYERS)))
    return next(numbers) / (perf_counter() - began)


def _transfer(source: Account, target: Account, amount_minor: int) -> Transfer:
    transfer_id = new_id()
    postings = (Posting(source, -amount_minor), Posting(target, amount_minor))
    return Transfer(transfer_id, TransferKind.PAYMENT, f"payment|{transfer_id}", postings, transfer_id)


def _card(number: int) -> Account:
    return Account(AccountKind.CARD, f"bench-{number}", "CNY")


def _station(number: int) -> Account:
    return Account(AccountKind.STATION, f"bench-{number}", "CNY")


async def _require_balance(pool: asyncpg.Pool) -> None:
    """StackError unless all that was measured is in the books, and the books balance."""
    wrong = await pool.fetchval(
        """SELECT count(*) FROM account_sums WHERE (posted_minor, held_minor) <> (kept_posted_minor, kept_held_minor)"""
    )
    if wrong or await pool.fetchval("SELECT sum(amount_minor) FROM postings"):
        raise StackError("the ledger does not balance after the benchmark")
