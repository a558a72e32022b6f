"""Putting printed cards into stock: a file with a line for each, `number,activation_code,currency`."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

import msgspec

from payments.domain.card_binding import activation_code_of
from payments.domain.card_numbers import number_of
from payments.domain.card_rules import CARD_RULES
from payments.repository import card_stock as repository
from payments.repository.card_stock import NewStock
from payments.use_cases.card_binding import PrintedCard, stock_context
from payments.use_cases.cards import NUMBER
from payments.use_cases.context import Payments
from servicekit.ids import new_id
from servicekit.postgres import Connection

COLUMNS = ("number", "activation_code", "currency")
BATCH = 500
MIN_CODE_CHARACTERS = 8
"""With five tries a card nobody guesses one of eight letters and digits."""
MAX_WRONG_LINES = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file that makes sense."""

    printed: PrintedCard
    currency: str


@dataclass(slots=True)
class Imported:
    """What became of a file: how many cards were added, got a new code, or are bound and so were left alone."""

    cards: Counter[str] = field(default_factory=Counter[str])
    wrong: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """(line, why) of lines that were left out, the first of them; the text does not repeat the line."""
    wrong_lines: int = 0

    def add_wrong(self, line: int, why: str) -> None:
        """Notes a line that was left out."""
        self.wrong_lines += 1
        if len(self.wrong) < MAX_WRONG_LINES:
            self.wrong.append((line, why))


async def import_cards(payments: Payments, text: Iterable[str]) -> Imported:
    """Takes the cards of a CSV file into stock, in batches; what was imported before the file ended early stays.

    The same file again changes nothing but the codes. Raises ValueError where the first line does not name the columns.
    """
    imported = Imported()
    lines = _lines(text, imported)
    while batch := list(islice(lines, BATCH)):
        imported.cards.update(await payments.store.transact(lambda tx, batch=batch: _add(payments, tx, batch)))
    return imported


async def _add(payments: Payments, tx: Connection, lines: list[Line]) -> Counter[str]:
    at = datetime.now(UTC)
    return Counter([await repository.add(tx, _new(payments, line), at) for line in lines])


def _new(payments: Payments, line: Line) -> NewStock:
    stock_id, number = new_id(), line.printed.number
    return NewStock(
        stock_id, payments.ring.hash(number, NUMBER), payments.ring.hashes(number, NUMBER),
        payments.ring.seal(msgspec.json.encode(line.printed), stock_context(stock_id)), line.currency,
    )  # fmt: skip


def _lines(text: Iterable[str], imported: Imported) -> Iterator[Line]:
    rows = csv.DictReader(text)
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise ValueError(f"the first line has to name the columns {','.join(COLUMNS)}")
    for row in rows:
        try:
            yield _line(row)
        except ValueError as error:
            imported.add_wrong(rows.line_num, str(error))


def _line(row: dict[str, str | None]) -> Line:
    number, code, currency = (row[name] or "" for name in COLUMNS)
    code = activation_code_of(code)
    if len(code) < MIN_CODE_CHARACTERS or not code.isalnum():
        raise ValueError(f"an activation code has at least {MIN_CODE_CHARACTERS} letters and digits")
    if currency not in CARD_RULES:
        raise ValueError(f"there are no fuel cards in its currency, only in {', '.join(sorted(CARD_RULES))}")
    return Line(PrintedCard(number_of(number), code), currency)
