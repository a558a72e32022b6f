"""The stall watch, by a clock and a client of the test's own: aiokafka's stalls cannot be made to order."""

from typing import Any

import pytest
from aiokafka import TopicPartition

from servicekit import reading
from servicekit.reading import LAG_CHECK_SECONDS, STALL_SECONDS, LagWatch, Stalled
from servicekit.telemetry import CONSUMER_LAG

PARTITION = TopicPartition("stations.pumps", 0)


class Client:
    """A client that stands at a position while the topic grows."""

    def __init__(self) -> None:
        self.at = self.end = 0
        self.assigned = {PARTITION}

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    async def end_offsets(self, partitions: set[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    async def position(self, _: TopicPartition) -> int:
        return self.at


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(reading, "time", clock)
    return clock


def watch(client: Any) -> LagWatch:
    return LagWatch(client, "kit-lag")


async def test_no_lag_is_never_a_stall(clock: Clock):
    client = Client()
    watching = watch(client)
    for _ in range(20):
        clock.now += LAG_CHECK_SECONDS
        await watching.observe(moved=False)
    assert CONSUMER_LAG.labels("kit-lag", PARTITION.topic, PARTITION.partition)._value.get() == 0


async def test_lag_without_movement_is_a_stall(clock: Clock):
    client = Client()
    watching = watch(client)
    client.end = 5
    while clock.now + LAG_CHECK_SECONDS <= 1_000 + STALL_SECONDS:
        clock.now += LAG_CHECK_SECONDS
        await watching.observe(moved=False)
    clock.now += LAG_CHECK_SECONDS
    with pytest.raises(Stalled, match="5 messages wait"):
        await watching.observe(moved=False)
    assert CONSUMER_LAG.labels("kit-lag", PARTITION.topic, PARTITION.partition)._value.get() == 5


async def test_lag_with_movement_is_work(clock: Clock):
    client = Client()
    watching = watch(client)
    client.end = 5
    for _ in range(20):
        clock.now += LAG_CHECK_SECONDS
        await watching.observe(moved=True)
    assert clock.now > 1_000 + STALL_SECONDS


async def test_a_member_without_partitions_does_not_stall(clock: Clock):
    client = Client()
    client.assigned, client.end = set(), 5
    watching = watch(client)
    for _ in range(20):
        clock.now += LAG_CHECK_SECONDS
        await watching.observe(moved=False)
    assert clock.now > 1_000 + STALL_SECONDS
