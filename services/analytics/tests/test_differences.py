"""How the documents of two generations differ, as an operator reads it."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.domain.differences import differences
from analytics.domain.reach import is_beyond

NOW = datetime(2026, 4, 30, 10, tzinfo=UTC)


def shown(old: object, new: object) -> list[tuple[str, str, str]]:
    return [(one.field, one.old, one.new) for one in differences("key", old, new)]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, [("b", "2", "3")]),
        ({"fuels": {"e5": {"orders": 1}}}, {"fuels": {"e5": {"orders": 2}}}, [("fuels.e5.orders", "1", "2")]),
        ({"a": None}, {}, [("a", "None", "(missing)")]),
        ({"fuels": {}}, {"fuels": {"e5": 1}}, [("fuels.e5", "(missing)", "1")]),
        ({"drivers": b"\x01" * 40}, {"drivers": b""}, [("drivers", "01" * 30 + "...", "")]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, [("", "(order of fields)", "(another order of fields)")]),
        (None, {"a": 1}, [("", "(missing)", "(is there)")]),
        (
            {"seen": b"a" * 16 + b"b" * 16}, {"seen": b"b" * 16},
            [("seen", f"1 only here, such as {b'a'.hex() * 16}", "0 only here")],
        ),
    ],
)  # fmt: skip
def test_fields_that_differ_are_named(old: object, new: object, expected: list[tuple[str, str, str]]):
    assert shown(old, new) == expected


@pytest.mark.parametrize(
    ("begins_at", "reach", "beyond"),
    [
        (NOW, None, False),
        (None, None, False),
        (None, NOW, True),
        (NOW - timedelta(seconds=1), NOW, True),
        (NOW + timedelta(minutes=59), NOW, True),
        (NOW + timedelta(hours=1), NOW, False),
    ],
)
def test_what_may_lack_facts_is_taken_over(begins_at: datetime | None, reach: datetime | None, beyond: bool):
    assert is_beyond(begins_at, reach) is beyond
