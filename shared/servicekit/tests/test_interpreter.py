"""The search for garbage waits for the largest batch that a process reads."""

import gc
from collections.abc import Iterator

import pytest

from servicekit.interpreter import OBJECTS_A_RECORD, expect_batches


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_the_largest_batch_counts_and_the_rest_stays() -> None:
    gc.set_threshold(1_000, 7, 8)
    expect_batches(500)
    assert gc.get_threshold() == (500 * OBJECTS_A_RECORD, 7, 8)
    expect_batches(10)
    assert gc.get_threshold() == (500 * OBJECTS_A_RECORD, 7, 8)
