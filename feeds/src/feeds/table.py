"""CSV files, plain or gzip, as numbered rows, with the trouble of a row kept apart from the trouble of the file."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from feeds.base import FeedError, RowProblem

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_LINE_BYTES = 1024 * 1024
_MAX_PROBLEM_CHARACTERS = 200

Record = TypeVar("Record")


def read_table(
    path: Path, columns: Sequence[str], parse: Callable[[int, list[str]], list[Record]]
) -> Iterator[Record | RowProblem]:
    """The records that `parse(line, cells)` makes of each row; its ValueError becomes a RowProblem. Raises FeedError.

    A record is one line, so a quote that is never closed costs its own row and no other.
    """
    lines = _lines(path)
    _check_header(path, next(lines)[1], columns)
    for line, text in lines:
        if not text.strip():
            continue
        try:
            records = parse(line, _cells(text, len(columns)))
        except ValueError as error:
            yield RowProblem(line, str(error), text.rstrip("\r\n")[:_MAX_PROBLEM_CHARACTERS])
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
        found = [text[:_MAX_PROBLEM_CHARACTERS]]
    if found == list(columns):
        return
    missing = ", ".join(column for column in columns if column not in found) or "none"
    foreign = ", ".join(column for column in found if column not in columns) or "none"
    raise FeedError(
        f"{path}: another table than expected; missing columns: {missing}; foreign columns: {foreign}; "
        f"expected the header {','.join(columns)}"
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1; at least one. Decoded one by one, so that all before a break are yielded."""
    with _open(path) as file:
        line = 0
        while raw := _read_line(path, file, line + 1):
            line += 1
            yield line, _decode(path, raw, line)
        if line == 0:
            raise FeedError(f"{path}: the file is empty; fetch it again")


def _open(path: Path) -> BinaryIO:
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        return io.BufferedReader(gzip.GzipFile(path)) if packed else path.open("rb")
    except OSError as error:
        raise FeedError(f"{path}: cannot be opened ({error.strerror}); check the path and its rights") from error


def _read_line(path: Path, file: BinaryIO, line: int) -> bytes:
    try:
        raw = file.readline(_MAX_LINE_BYTES)
    except (EOFError, OSError, zlib.error) as error:  # a cut, a bad checksum and bad data in a gzip
        raise FeedError(f"{path}: truncated or corrupt at line {line} ({error}); fetch it again") from error
    if len(raw) == _MAX_LINE_BYTES:
        raise FeedError(f"{path}: line {line} is over {_MAX_LINE_BYTES} bytes long, so this is not a table of rows")
    return raw


def _decode(path: Path, raw: bytes, line: int) -> str:
    try:
        return raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise FeedError(f"{path}: line {line} is not UTF-8; convert the file to UTF-8") from error
