"""The peer of `bench views`: a plain Faust app with a table, as its documentation shows it, on the same events.

`python -m forecourt.bench_views_peer TOPIC APP PARTITIONS`; BENCH_BROKER has the broker's address and a login. It
prints a line for every thousand events: how many, and the seconds since the first. Each event changes a station's hour,
and the table puts the change into its changelog. What a view must see to, and this does not: repetitions, drivers, the
parts of discounts, and that an order's station may be in any partition.
"""

import asyncio
import json
import logging
import os
import sys
import time
from typing import Any

import faust
from faust.types.auth import SASLMechanism

EVENTS_A_LINE = 1_000


def make_app(topic: str, name: str, partitions: int) -> faust.App:
    """An app that folds the topic into hours of stations."""
    broker = json.loads(os.environ["BENCH_BROKER"])
    credentials = faust.SASLCredentials(
        username=broker["username"], password=broker["password"], mechanism=SASLMechanism.SCRAM_SHA_256
    )
    app = faust.App(
        name, broker=f"kafka://{broker['address']}", broker_credentials=credentials, web_enabled=False,
        autodiscover=False, topic_partitions=partitions, topic_replication_factor=1,
        consumer_auto_offset_reset="earliest", store="memory://",
    )  # fmt: skip
    hours = app.Table("hours", default=dict, partitions=partitions)
    orders = app.topic(topic, value_serializer="json")
    count = Count()

    @app.agent(orders)
    async def fold(stream: Any) -> None:
        async for event in stream.events():
            order = event.value
            key = f"{order['station_id']}|{order['occurred_at'][:13]}Z|{order['currency']}"
            figures = hours[key]
            _add(figures, event.headers["ce_type"].split(b".")[-2], order)
            hours[key] = figures
            count.one()

    return app


class Count:
    """How many events were folded, told now and then."""

    def __init__(self) -> None:
        self._count, self._began = 0, 0.0

    def one(self) -> None:
        """One more."""
        self._count += 1
        if self._count == 1:
            self._began = time.monotonic()
        if self._count % EVENTS_A_LINE == 0:
            print(self._count, time.monotonic() - self._began, flush=True)  # noqa: T201 - it is what the peer says


def _add(figures: dict[str, Any], kind: bytes, order: dict[str, Any]) -> None:
    """What the view of hours adds, but for parts of discounts, and for who came."""
    match kind:
        case b"OrderPlaced":
            _sum(figures, placed=1)
        case b"OrderPaid":
            paid = {"orders": 1, "volume_ml": order["volume_ml"], "paid_minor": order["paid_minor"]}
            _sum(figures, **paid, gross_minor=order["gross_minor"])
            _sum(figures.setdefault("fuels", {}).setdefault(order["fuel"], {}), **paid)
            _sum(figures.setdefault("methods", {}).setdefault(order["method"], {}), **paid)
        case b"OrderRefunded":
            _sum(figures, refunds=1, refunded_minor=order["amount_minor"])
        case _:
            pass


def _sum(figures: dict[str, Any], **more: int) -> None:
    for name, amount in more.items():
        figures[name] = figures.get(name, 0) + amount


async def main(topic: str, name: str, partitions: int) -> None:
    """Runs until it is ended; what goes wrong is on its error stream."""
    logging.basicConfig(level=logging.ERROR)
    app = make_app(topic, name, partitions)
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
