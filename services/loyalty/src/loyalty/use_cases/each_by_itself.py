"""Does work for many, each in a transaction of its own: one that cannot be done stops no other."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from loyalty.use_cases.context import Loyalty
from servicekit.postgres import Connection
from servicekit.store import StoreUnavailable

log = logging.getLogger(__name__)

Item = TypeVar("Item")


async def each_by_itself(
    loyalty: Loyalty, items: Sequence[Item], work: Callable[[Connection, Item], Awaitable[bool]], what: str
) -> int:
    """How many were done; what was wrong with the others is logged, and they are due still. Raises StoreUnavailable."""
    done = 0
    for item in items:
        try:
            done += await loyalty.store.transact(lambda tx, item=item: work(tx, item))
        except StoreUnavailable:
            raise
        except Exception as error:  # whatever is wrong with one must not stop the others
            log.exception("one is left for the next time", exc_info=error, extra={"work": what})
    return done
