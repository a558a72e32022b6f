"""CSV files as numbered rows, with the trouble of a row kept apart from the trouble of the file."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from feeds.base import FeedError, RowProblem
from feeds.files import read_lines

MAX_PROBLEM_CHARACTERS = 200

Record = TypeVar("Record")


def read_table(
    path: Path, columns: Sequence[str], parse: Callable[[int, list[str]], list[Record]]
) -> Iterator[Record | RowProblem]:
    """The records that `parse(line, cells)` makes of each row; its ValueError becomes a RowProblem. Raises FeedError.

    A record is one line, so a quote that is never closed costs its own row and no other.
    """
    lines = read_lines(path)
    _check_header(path, next(lines)[1], columns)
    for line, text in lines:
        if not text.strip():
            continue
        try:
            records = parse(line, _cells(text, len(columns)))
        except ValueError as error:
            yield RowProblem(line, str(error), text.rstrip("\r\n")[:MAX_PROBLEM_CHARACTERS])
        else:
            yield from records


def _cells(text: str, count: int) -> list[str]:
    try:
        # A csv.reader per line costs as much as all else in reading a row, and most rows need none.
        cells = next(csv.reader((text,), strict=True)) if '"' in text else text.rstrip("\r\n").split(",")
    except csv.Error as error:
        raise ValueError(f"not a CSV row: {error}") from error
    if len(cells) != count:
        raise ValueError(f"{len(cells)} columns instead of {count}")
    return cells


def _check_header(path: Path, text: str, columns: Sequence[str]) -> None:
    try:
        found = next(csv.reader((text,)), [])
    except csv.Error:
        found = [text[:MAX_PROBLEM_CHARACTERS]]
    if found != list(columns):
        raise another_table(path, found, columns)


def another_table(path: Path, found: Sequence[str], columns: Sequence[str]) -> FeedError:
    """The error of a table without the columns that are wanted; it names what is missing and what is foreign."""
    missing = ", ".join(column for column in columns if column not in found) or "none"
    foreign = ", ".join(column for column in found if column not in columns) or "none"
    return FeedError(
        f"{path}: another table than expected; missing columns: {missing}; foreign columns: {foreign}; "
        f"expected the header {','.join(columns)}"
    )
