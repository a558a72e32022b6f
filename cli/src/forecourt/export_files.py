"""Rows into files: a folder for each event, in it one for each day, in bounded memory and with few files open."""

import csv
import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.base import rfc3339
from servicekit.csv_text import harmless

ROWS_IN_MEMORY = 50_000
FILES_OPEN = 64
Row = dict[str, Any]


class RowFile(Protocol):
    """A file that takes rows, many at a time."""

    def write(self, rows: Sequence[Row]) -> None:
        """Adds the rows."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class ParquetFile:
    """Columns with types, compressed; each `write` is a row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        """See RowFile."""
        self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        """See RowFile."""
        self._writer.close()


class CsvFile:
    """Texts under a head; what has parts is JSON, and what a spreadsheet would run has an apostrophe before it."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._stream, schema.names)
        self._writer.writeheader()

    def write(self, rows: Sequence[Row]) -> None:
        """See RowFile."""
        self._writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)

    def close(self) -> None:
        """See RowFile."""
        self._stream.close()


class JsonLinesFile:
    """An object a line."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._stream = path.open("w", encoding="utf-8")

    def write(self, rows: Sequence[Row]) -> None:
        """See RowFile."""
        self._stream.writelines(f"{json.dumps(row, ensure_ascii=False, default=_json)}\n" for row in rows)

    def close(self) -> None:
        """See RowFile."""
        self._stream.close()


FORMATS: Mapping[str, Callable[[Path, pa.Schema], RowFile]] = {
    "parquet": ParquetFile, "csv": CsvFile, "jsonl": JsonLinesFile
}  # fmt: skip
"""What files may be; the name is also how theirs end."""


class DayFiles:
    """Files below a folder: `EVENT/day=2026-04-30/part-0.parquet`, as DuckDB, Spark and pandas find days themselves.

    At most ROWS_IN_MEMORY rows wait and FILES_OPEN files are open: a day that was closed and comes again has another
    part.
    """

    def __init__(self, folder: Path, ending: str) -> None:
        self.rows: Counter[tuple[str, date]] = Counter()
        """What was added, by event and day."""
        self._folder, self._ending = folder, ending
        self._waiting: defaultdict[tuple[str, date], list[Row]] = defaultdict(list)
        self._schemas: dict[str, pa.Schema] = {}
        self._count = 0
        self._open: OrderedDict[tuple[str, date], RowFile] = OrderedDict()
        self._parts: Counter[tuple[str, date]] = Counter()

    def add(self, event: str, schema: pa.Schema, day: date, row: Row) -> None:
        """Keeps the row for its file."""
        self._schemas[event] = schema
        self._waiting[event, day].append(row)
        self.rows[event, day] += 1
        self._count += 1
        if self._count >= ROWS_IN_MEMORY:
            self._write_largest()

    def close(self) -> None:
        """Writes what waits."""
        for place in sorted(self._waiting):
            self._write(place)
        while self._open:
            self._open.popitem()[1].close()

    def _write_largest(self) -> None:
        """Half of what waits, in as large pieces as there are."""
        for place in sorted(self._waiting, key=lambda one: len(self._waiting[one]), reverse=True):
            self._write(place)
            if self._count < ROWS_IN_MEMORY / 2:
                return

    def _write(self, place: tuple[str, date]) -> None:
        rows = self._waiting.pop(place)
        self._count -= len(rows)
        self._file(place).write(rows)

    def _file(self, place: tuple[str, date]) -> RowFile:
        if place not in self._open:
            if len(self._open) >= FILES_OPEN:
                self._open.popitem(last=False)[1].close()
            event, day = place
            folder = self._folder / event / f"day={day.isoformat()}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"part-{self._parts[place]}.{self._ending}"
            self._parts[place] += 1
            self._open[place] = FORMATS[self._ending](path, self._schemas[event])
        self._open.move_to_end(place)
        return self._open[place]


def _json(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    raise TypeError(f"there is no JSON for {type(value)}")


def _cell(value: Any) -> Any:
    match value:
        case str():
            return harmless(value)
        case datetime():
            return rfc3339(value)
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=_json)
    return value
