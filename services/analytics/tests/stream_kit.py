"""A day of events as topics really are: late, twice, shuffled, and with records among them that are no events."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bson.raw_bson import RawBSONDocument

from analytics.domain.sources import FACTS
from analytics.domain.views import View
from analytics.use_cases.context import Analytics
from schemas.base import Event
from schemas.events import OrderPaidV1
from schemas.examples import EXAMPLES
from servicekit.envelope import Message
from servicekit.ids import new_id
from servicekit.mongo import CODEC

from .view_kit import message, offsets

DAY = datetime(2026, 4, 30, tzinfo=UTC)
RAW = CODEC.with_options(document_class=RawBSONDocument)


def examples() -> list[Event]:
    """The first golden example of every event that views are folded from: the others contradict these."""
    return [event for event, *_ in EXAMPLES if type(event) in FACTS]


def purchases(stations: Sequence[UUID], number: int, seed: int = 1) -> list[Message]:
    """Paid orders over a day, by thirty drivers."""
    chance, paid = random.Random(seed), next(event for event in examples() if isinstance(event, OrderPaidV1))  # noqa: S311
    drivers = [str(new_id()) for _ in range(30)]
    made: list[Message] = []
    for _ in range(number):
        at = DAY + timedelta(seconds=chance.randrange(24 * 60 * 60))
        which: dict[str, Any] = {"order_id": new_id(), "station_id": chance.choice(stations), "occurred_at": at}
        which |= {"driver_id": chance.choice(drivers), "paid_minor": chance.randrange(1, 90_000)}
        made.append(message(paid.model_copy(update=which)))
    return made


def a_day(stations: Sequence[UUID]) -> list[Message]:
    """Purchases, all other events, and purchases of a year ago that come only now."""
    late = [one._replace(published_at=DAY + timedelta(days=365)) for one in purchases(stations, 5, seed=2)]
    others = [message(_of_its_own(event, stations[0])) for event in examples()]
    return [*purchases(stations, 60), *others, *late]


def _of_its_own(event: Event, station: UUID) -> Event:
    """The example at a station, about an order and a refund of its own: no two events contradict each other."""
    ids = {name: new_id() for name in ("order_id", "refund_id") if hasattr(event, name)}
    return event.model_copy(update={"station_id": station} | ids)


def no_events(about: Message) -> list[Message]:
    """Records that no view can be folded from; each is at a place of its own."""
    unknown = about.headers | {"ce_type": "forecourt.payments.OrderPaid.v9", "ce_id": str(new_id())}
    records = [
        about._replace(headers=unknown),
        about._replace(value=b'{"order_id": '),
        about._replace(value=(about.value or b"")[:-1] + b',"newer":' + b"[" * 3_000 + b"]" * 3_000 + b"}"),
        about._replace(value=None),
        about._replace(headers=about.headers | {"ce_id": "not-a-uuid"}),
        about._replace(headers={}),
        about._replace(headers=about.headers | {"ce_id": str(new_id())}, published_at=DAY - timedelta(days=1)),
    ]
    return [one._replace(offset=next(offsets)) for one in records]


def as_topics_are(events: Sequence[Message], seed: int) -> list[Message]:
    """Every event, a third of them twice, in any order, and what is no event between them."""
    chance = random.Random(seed)  # noqa: S311 - an order is no secret
    found = [*events, *chance.sample(list(events), len(events) // 3), *no_events(events[0])]
    chance.shuffle(found)
    return found


async def bytes_of(analytics: Analytics, view: View, generation: int) -> dict[str, bytes]:
    """The documents of a generation, byte for byte."""
    collection = analytics.store.database.get_collection(f"{view.collection}.g{generation}", codec_options=RAW)
    return {document["_id"]: document.raw async for document in collection.find()}
