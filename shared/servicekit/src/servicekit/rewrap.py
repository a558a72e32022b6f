"""Brings people's data keys under a service's newest key, while the service works: the middle of a key rotation.

`python -m servicekit.rewrap SERVICE` seals anew what an older key sealed; with `--count` it only looks. Either prints
`{"current": key id, "keys": [key ids], "uses": {"data keys": {key id: how many}}}`; progress goes to standard error.
It can be stopped at any time and begun again.
"""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from pydantic import ValidationError

from servicekit.data_keys import MongoDataKeys, PostgresDataKeys
from servicekit.keyring import KEY_ID_BYTES, FileKeys, KeyRing, KeyRingError
from servicekit.mongo import MongoStore
from servicekit.postgres import PostgresStore
from servicekit.settings import MongoSettings, PostgresSettings
from servicekit.store import Store, StoreUnavailable
from servicekit.vault import Vault

BATCH = 500
REPORT_EVERY = 20_000
DATA_KEYS = "data keys"
Note = Callable[[int], None]
"""Told how many more were dealt with."""


async def renew_data_keys(store: Store[Any], vault: Vault, note: Note = lambda _: None) -> int:
    """Seals every data key that is under an older key anew, a transaction for each batch; how many that were.

    People who come meanwhile get theirs under the current key. Whoever is erased in the middle stays erased.
    """
    renewed, after = 0, ""

    async def work(tx: Any) -> tuple[int, list[tuple[str, bytes]]]:
        page = await vault.page(tx, after, BATCH)
        return await vault.renew(tx, page), page

    while True:
        count, page = await store.transact(work)
        if not page:
            return renewed
        renewed, after = renewed + count, page[-1][0]
        note(len(page))


async def data_key_uses(store: Store[Any], vault: Vault, note: Note = lambda _: None) -> dict[str, int]:
    """How many data keys are under each key of the ring, by the key's id."""
    uses: Counter[str] = Counter()
    after = ""
    while page := await store.transact(lambda tx, after=after: vault.page(tx, after, BATCH)):
        uses.update(sealed[:KEY_ID_BYTES].hex() for _, sealed in page)
        after = page[-1][0]
        note(len(page))
    return dict(uses)


def report(ring: KeyRing, uses: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What a command prints: the ring's keys, and by kind how much is under which."""
    ids = [one.hex() for one in ring.key_ids]
    return {"current": ids[0], "keys": ids, "uses": uses}


def counting(what: str) -> Note:
    """A note that tells of its progress on standard error now and then."""
    done = 0

    def note(more: int) -> None:
        nonlocal done
        if (done + more) // REPORT_EVERY > done // REPORT_EVERY:
            sys.stderr.write(f"{done + more:,} {what}\n")
        done += more

    return note


@asynccontextmanager
async def service_vault(
    service: str, environment: Mapping[str, str]
) -> AsyncIterator[tuple[Store[Any], KeyRing, Vault]]:
    """A service's store, ring and vault, from the variables that it starts with itself."""
    prefix = f"{service.upper()}_"
    values: dict[str, Any] = {k.removeprefix(prefix).lower(): v for k, v in environment.items() if k.startswith(prefix)}
    values["service"] = service
    ring = KeyRing(FileKeys(values.get("keyring_file", "")))
    if "postgres_dsn" in values:
        async with PostgresStore.connect(PostgresSettings(**values)) as store:
            yield store, ring, Vault(ring, PostgresDataKeys())
    else:
        async with MongoStore.connect(MongoSettings(**values)) as store:
            yield store, ring, Vault(ring, MongoDataKeys(store.database))


async def run(service: str, environment: Mapping[str, str], *, count_only: bool) -> dict[str, Any]:
    """The command's work; its report."""
    async with service_vault(service, environment) as (store, ring, vault):
        if not count_only:
            await renew_data_keys(store, vault, counting("data keys sealed anew"))
        return report(ring, {DATA_KEYS: await data_key_uses(store, vault)})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="servicekit.rewrap", description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--count", action="store_true", help="only look")
    arguments = parser.parse_args()
    try:
        document = asyncio.run(run(arguments.service, os.environ, count_only=arguments.count))
    except (KeyRingError, StoreUnavailable, ValidationError) as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
