"""Rows as the arrays that `unnest` takes."""

from collections.abc import Iterable
from typing import Any


def columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows turned into the arrays that unnest takes; there is at least one row."""
    return [list(column) for column in zip(*rows, strict=True)]
