"""What is known of people by what they asked for: what staff did to campaigns, and the answers kept for repeats."""

from typing import Any

from loyalty.repository import people as repository
from loyalty.use_cases.context import Loyalty
from servicekit.postgres import Connection


async def collect_changes(_: Loyalty, tx: Connection, actor: str) -> list[dict[str, Any]]:
    """See people.COLLECTS; who changed which campaign when is the books' and stays, under the id alone."""
    return await repository.changes_by(tx, actor)


async def erase_replies(_: Loyalty, tx: Connection, caller: str) -> int:
    """See people.ERASES; an answer may repeat what the person sent."""
    return await repository.delete_replies(tx, caller)


async def drop_replies(_: Loyalty, tx: Connection, caller: str, into: str) -> None:
    """See people.MOVES: nobody asks again under the old account."""
    await repository.delete_replies(tx, caller)
