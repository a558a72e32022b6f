"""The search index of stations reads its topics raw, without an inbox: it takes every golden record too."""

import json
from types import SimpleNamespace
from uuid import UUID

import pytest

from schemas.events import StationRegisteredV1, StationUpdatedV1
from stations.consumer import LIVE, LiveMemory
from stations.domain.index.index import StationIndex
from stations.settings import Settings
from stations.use_cases.indexing import Indexer

from .golden import GOLDEN, Golden

READ = [golden for golden in GOLDEN if golden.entry.event in LIVE]


class Taken(Indexer):
    """An indexer that notes what it is told, and does it."""

    def __init__(self) -> None:
        super().__init__(None, StationIndex())  # pyright: ignore[reportArgumentType] - no store is asked here
        self.changed: set[UUID] = self._changed


def record(golden: Golden, **extra: object) -> SimpleNamespace:
    """As aiokafka gives it."""
    headers = [(name, text.encode()) for name, text in golden.headers.items()]
    return SimpleNamespace(
        topic=golden.topic.name, partition=0, offset=0, key=golden.key.encode(), headers=headers,
        value=json.dumps(golden.value | extra).encode(), timestamp=1_777_543_202_000,
    )  # fmt: skip


@pytest.mark.parametrize("golden", READ, ids=str)
def test_the_index_takes_the_golden_record(golden: Golden):
    settings = Settings.model_construct()
    for extra in ({}, {"added_in_a_later_release": {"x": [1]}}):
        indexer = Taken()
        LiveMemory(settings, indexer).take(record(golden, **extra))
        is_state = golden.entry.event in (StationRegisteredV1, StationUpdatedV1)
        assert indexer.changed == ({UUID(golden.key)} if is_state else set())


@pytest.mark.parametrize("golden", READ, ids=str)
def test_the_index_refuses_what_is_no_such_event(golden: Golden):
    with pytest.raises(ValueError, match=r"validation error"):
        LiveMemory(Settings.model_construct(), Taken()).take(record(golden, version="a lot"))


def test_the_index_passes_over_what_a_later_release_tells():
    later = record(READ[0])
    later.headers = [("ce_type", b"forecourt.pricing.PriceDreamtOf.v1")]
    indexer = Taken()
    LiveMemory(Settings.model_construct(), indexer).take(later)
    assert len(indexer.index) == 0
