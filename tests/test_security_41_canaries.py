"""Runs after all other tests: none of the personal data that they used is in a log, trace, event or dead letter."""

import pytest

from local_stack.testing import RUNNING

from .canaries import hunt_in_stack


async def test_security_41_no_canary_is_left_behind_by_the_suite() -> None:
    if not RUNNING:
        pytest.skip("no test of this session used a stack")
    leaks = {config.data.name: await hunt_in_stack(config) for config in RUNNING}
    assert leaks == {name: [] for name in leaks}
