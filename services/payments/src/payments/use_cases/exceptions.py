"""The exception queue: what only people can settle, raised once."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from payments.domain.exceptions import Kind
from payments.domain.orders import Order
from payments.repository import exceptions as repository
from servicekit.ids import new_id
from servicekit.postgres import Connection

ITSELF = "payments"
"""The actor of what no person did."""


async def raise_exception(
    tx: Connection, kind: Kind | str, *, order: Order | None = None, station_id: UUID | None = None,
    operator: str | None = None, key: str, details: Mapping[str, Any],
) -> None:  # fmt: skip
    """Puts something before people, once for each key (`<kind>|<id of what it is about>`), in the caller's transaction.

    `details` are the numbers of both sides, for whoever decides; nothing personal. An order says its station itself.
    """
    exception_id = new_id()
    fresh = await repository.insert(
        tx, exception_id, Kind(kind), key,
        station_id=order.station_id if order else station_id, operator=order.operator if order else operator,
        order_id=order.order_id if order else None, details=details,
    )  # fmt: skip
    if fresh:
        await repository.insert_step(tx, exception_id, "raise", None, "open", ITSELF, {})
