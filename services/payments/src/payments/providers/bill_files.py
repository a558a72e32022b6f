"""A provider's bill: fetched whole to a bound into a scratch file, then read in pieces that do not stop the service."""

import asyncio
import csv
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO

from payments.providers.channel import BillLine, ProviderAway

MAX_FILE_BYTES = 256 * 1024 * 1024
"""Of a file as it is fetched."""
MAX_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024
MEMORY_BYTES = 4 * 1024 * 1024
PIECE_BYTES = 256 * 1024
LINES_AT_ONCE = 2_000
AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:[.]([0-9]{1,2}))?")

Row = Mapping[str, str]
"""A line's values by the names of their columns."""


def scratch_file() -> IO[bytes]:
    """A file that is gone when it is closed, in memory while it is small."""
    return SpooledTemporaryFile(MEMORY_BYTES)


async def lines_of(rows: Iterator[Row], line_of: Callable[[Row], BillLine | None]) -> AsyncIterator[BillLine]:
    """The lines that the rows are, read in another thread. ProviderAway where one cannot be understood."""

    def some() -> list[Row]:
        try:
            return list(islice(rows, LINES_AT_ONCE))
        except (csv.Error, UnicodeDecodeError, OSError, EOFError) as error:
            raise ProviderAway("a bill that cannot be read") from error

    while batch := await asyncio.to_thread(some):
        for row in batch:
            try:
                line = line_of(row)
            except (KeyError, ValueError) as error:
                raise ProviderAway("a bill with a line that cannot be understood") from error
            if line is not None:
                yield line


def minor_of(yuan: str) -> int:
    """An amount in fen, exactly. Raises ValueError where it is none, or has a part of a fen."""
    amount = AMOUNT.fullmatch(yuan)
    if amount is None:
        raise ValueError("an amount that is none")
    sign, whole, part = amount.groups(default="")
    fen = int(whole) * 100 + int(part.ljust(2, "0"))
    return -fen if sign else fen


def yuan_of(minor: int) -> str:
    """An amount in yuan with two decimals."""
    return f"{minor // 100}.{minor % 100:02d}"
