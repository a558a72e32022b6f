"""CSV files that any spreadsheet reads, and none runs. Pure.

RFC 4180, in UTF-8 with a byte order mark, by which Excel knows that it is that. A text that a spreadsheet would take
for a formula gets an apostrophe before it (OWASP, CSV Injection), so that a station's name stays a name.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BYTE_ORDER_MARK = "\ufeff"
FORMULA_BEGINS = tuple("=+-@\t\r\n|%＝＋－＠﹦﹢﹣﹫")  # noqa: RUF001 - the wide ones are meant: some spreadsheets take them too
"""What a formula, or a command of the old data exchange, begins with; also in full width."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that we wrote ourselves: it is left as it is, a minus before it too."""

    text: str

    def __post_init__(self) -> None:
        if not self.text.removeprefix("-").replace(".", "", 1).isdecimal() or not self.text.isascii():
            raise ValueError("a number in a CSV file is digits, with a point and a minus at most")


Cell = str | Number


def csv_bytes(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The file."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        [_cell(one) for one in row] for row in rows
    )
    return (BYTE_ORDER_MARK + written.getvalue()).encode()


def _cell(cell: Cell) -> str:
    return cell.text if isinstance(cell, Number) else harmless(cell)


def harmless(text: str) -> str:
    """The text, with an apostrophe before it where it would be taken for a formula, spaces before it left out."""
    return f"'{text}" if text.lstrip().startswith(FORMULA_BEGINS) or text.startswith(FORMULA_BEGINS) else text
