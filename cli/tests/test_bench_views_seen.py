"""What views are measured with leaves nothing on the platform."""

import pytest

from forecourt import bench_views, bench_views_seen
from local_stack.config import Config
from servicekit.testkit import KafkaProbe


async def test_events_that_are_made_up_to_be_seen_are_on_no_topic_of_the_platform(
    infrastructure: Config, kafka: KafkaProbe, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bench_views_seen, "WARM_UP_SECONDS", 1)
    monkeypatch.setattr(bench_views_seen, "SECONDS", 1)
    monkeypatch.setattr(bench_views_seen, "PER_SECOND", 50)
    median, p99 = await bench_views._seen_figures(infrastructure)
    assert 0 < median["value"] <= p99["value"]
    assert not [one for one in await kafka.read("payments.orders") if b'"operator":"bench"' in (one.value or b"")]
