"""Before the events of a batch are handled, all whom they are about are locked at once.

Handlers lock their drivers one after the other, and campaigns after each: two replicas, or a replica and a driver who
pays, would wait for each other in a circle. With all locked before, and in one order, nobody does.
"""

from collections.abc import Sequence

from loyalty.repository.points import lock_owners
from loyalty.use_cases.context import Loyalty
from loyalty.use_cases.purchases import OF_ORDERS
from schemas.events import UserErasedV1, UserMergedV1, UserRegisteredV1
from servicekit.consumer import Received
from servicekit.postgres import Connection


async def lock_all(loyalty: Loyalty, tx: Connection, received: Sequence[Received]) -> None:
    """See servicekit.consumer.Prepare: the turns of those who go come first, as everywhere, then the members."""
    leaving = {subject for one in received for subject in _leaving(one)}
    for subject in sorted(leaving):
        await loyalty.erasures.turn(tx, subject)
    drivers = {driver_id for one in received for driver_id in _drivers(one)}
    if everybody := leaving | drivers:
        await lock_owners(tx, everybody)


def _leaving(one: Received) -> list[str]:
    match one.event:
        case UserErasedV1():
            return [str(one.event.user_id)]
        case UserMergedV1():
            return [str(one.event.user_id), str(one.event.into_user_id)]
        case _:
            return []


def _drivers(one: Received) -> list[str]:
    if isinstance(one.event, OF_ORDERS):
        return [one.event.driver_id]
    is_driver = isinstance(one.event, UserRegisteredV1) and one.event.kind == "driver"
    return [str(one.event.user_id)] if is_driver else []
