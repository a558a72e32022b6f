"""Price rules: each version of a region's rules is a row that never changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from pydantic import TypeAdapter

from pricing.domain.rule_book import RuleBook, RuleVersion
from pricing.domain.rules import Rules
from servicekit.ids import new_id
from servicekit.postgres import Connection

RULES = TypeAdapter(Rules)
"""Rules as JSON and back."""

NEWEST_RULES = "SELECT id FROM price_rules ORDER BY position DESC LIMIT 1"
"""Tells whether a book is still up to date, as part of another query or alone."""

_book: dict[UUID | None, RuleBook] = {}
"""The newest book that was read, by the id of its newest version."""


class StoredVersion(NamedTuple):
    """A version with who made it and when."""

    rules: RuleVersion
    made_by: str
    made_at: datetime


async def rule_book(tx: Connection, newest_id: UUID | None) -> RuleBook:
    """All rules; `newest_id` is what NEWEST_RULES gave in this transaction. They are read only where it is new."""
    if (book := _book.get(newest_id)) is None:
        rows = await tx.fetch("SELECT region, version, valid_from, rules FROM price_rules")
        book = RuleBook(_version(*row) for row in rows)
        _book.clear()
        _book[newest_id] = book
    return book


async def current_rule_book(tx: Connection) -> RuleBook:
    """All rules as they are now."""
    return await rule_book(tx, await tx.fetchval(NEWEST_RULES))


async def lock_rules(tx: Connection) -> datetime:
    """Lets nobody else make a version until the transaction ends; returns the time from then on.

    One writer at a time, of all regions: the newest position then is the newest commit, which readers rely on.
    """
    await tx.execute("LOCK TABLE price_rules IN SHARE ROW EXCLUSIVE MODE")
    return cast(datetime, await tx.fetchval("SELECT clock_timestamp()"))


async def versions_of(
    tx: Connection, region: str, before_version: int | None = None, limit: int | None = None
) -> list[StoredVersion]:
    """The versions of a region, the newest first."""
    rows = await tx.fetch(
        """SELECT region, version, valid_from, rules, made_by, made_at FROM price_rules
           WHERE region = $1 AND (version < $2 OR $2 IS NULL) ORDER BY version DESC LIMIT $3""",
        region, before_version, limit,
    )  # fmt: skip
    return [StoredVersion(_version(*row[:4]), row["made_by"], row["made_at"]) for row in rows]


def _version(region: str, version: int, valid_from: datetime, rules: str) -> RuleVersion:
    return RuleVersion(region, version, valid_from, RULES.validate_json(rules))


async def regions_with_rules(tx: Connection) -> set[str]:
    """Regions for which there was ever a version."""
    return {row["region"] for row in await tx.fetch("SELECT DISTINCT region FROM price_rules")}


async def add_versions(tx: Connection, versions: Sequence[StoredVersion]) -> None:
    """Stores new versions; the caller holds the lock."""
    await tx.executemany(
        """INSERT INTO price_rules (id, region, version, valid_from, rules, made_by, made_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        [
            (new_id(), r.region, r.version, r.valid_from, RULES.dump_json(r.rules).decode(), made_by, made_at)
            for r, made_by, made_at in versions
        ],
    )
