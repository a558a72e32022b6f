"""Each line of the security requirements has tests that carry its number: `test_security_NN_<what they show>`.

A test that holds two lines says so: `test_security_NN_and_NN_<what it shows>`.
"""

import re
from collections import defaultdict
from collections.abc import Callable

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


def test_every_line_has_a_test(record_property: Callable[[str, object], None]) -> None:
    tests = numbered()
    table = (f"security {line:02}: {'; '.join(tests[line]) or 'NO TEST'}" for line in sorted(LINES))
    record_property("lines", "\n".join(table))
    assert sorted(LINES - {line for line, found in tests.items() if found}) == []


def test_a_number_stands_for_a_line_that_is_known() -> None:
    assert sorted(numbered().keys() - LINES) == []
