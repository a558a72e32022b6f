"""Each line of the security requirements has tests that carry its number: `test_security_NN_<what they show>`.

A test that holds two lines says so: `test_security_NN_and_NN_<what it shows>`.
"""

import re
from collections import defaultdict

import pytest

from .sources import SOURCES

NUMBERED = re.compile(r"test_security_(\d\d(?:_and_\d\d)*)_(?!and_)(\w+)")
LINES = frozenset(range(1, 44))
"""Login, OAuth and tokens, the API, payments, and data with its audit. The platform comes with a later issue."""


def numbered() -> dict[int, list[str]]:
    """What the tests of each line show."""
    tests: dict[int, list[str]] = defaultdict(list)
    for source in SOURCES:
        if source.is_test:
            for function in source.functions():
                if named := NUMBERED.fullmatch(function.name):
                    for line in named[1].split("_and_"):
                        tests[int(line)].append(named[2].replace("_", " "))
    return tests


def test_every_line_has_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    tests = numbered()
    with capsys.disabled():
        print()  # noqa: T201 - the table is what the test shows
        for line in sorted(LINES):
            print(f"  security {line:02}: {'; '.join(tests[line]) or 'NO TEST'}")  # noqa: T201 - as above
    assert sorted(LINES - {line for line, found in tests.items() if found}) == []


def test_a_number_stands_for_a_line_that_is_known() -> None:
    assert sorted(numbered().keys() - LINES) == []
