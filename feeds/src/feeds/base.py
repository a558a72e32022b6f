"""What every price feed offers: a station list and price changes, each a stream of records and of unreadable rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol


class FeedError(Exception):
    """A file as a whole cannot be read, or breaks off; records before the break were already yielded."""


@dataclass(frozen=True, slots=True)
class StationRecord:
    """A station of the list; `payload` is its item for `POST /v1/station-imports`, read but not judged.

    `assumed` is what the reader had to assume.
    """

    line: int
    external_id: str
    payload: dict[str, Any]
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceRecord:
    """A changed price of one grade; `report` is a price report that still lacks its `station_id`.

    `price_mills` is in thousandths of the currency's major unit per litre, None where the grade is no longer sold.
    `report_id` is the same at every reading of the same change. `absence`: the feed only lists the grade as one that
    the station does not have, which is news where the platform shows a price of it. `assumed` is what the reader had to
    assume.
    """

    line: int
    external_id: str
    report: dict[str, Any]
    absence: bool = False
    assumed: tuple[str, ...] = ()


class Why(StrEnum):
    """Why a row, or a grade of it, gives no record."""

    UNREADABLE = "unreadable"
    UNKNOWN_GRADE = "unknown_grade"
    LEFT_OUT = "left_out"
    """A grade that is known, and that the one vocabulary of grades has no place for."""
    SECOND_PRICE = "second_price"
    """The row before it, or a better one, has given the station's price of this grade."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row without a record: its number as in a record, why, how it begins, and the feed's grade where it is at fault.

    The number is the line in a table (the header is line 1), and the place in the list, from 1, in JSON and XML.
    """

    line: int
    reason: str
    text: str
    why: Why = Why.UNREADABLE
    grade: str | None = None


class Feed(Protocol):
    """A public price feed. Its readers are pure: no network, and memory does not grow with the file."""

    @property
    def name(self) -> str:
        """The feed's name on the command line and the operator of its stations."""
        ...

    @property
    def country(self) -> str:
        """The ISO 3166 code of its stations' country or subdivision."""
        ...

    @property
    def description(self) -> str:
        """One line for people."""
        ...

    @property
    def shape(self) -> str:
        """What its files look like, in a line."""
        ...

    @property
    def one_file(self) -> bool:
        """Whether stations and prices come in the same file."""
        ...

    @property
    def has_pace(self) -> bool:
        """Whether the prices are changes in the order of time, and no list of what holds now."""
        ...

    @property
    def licence(self) -> str:
        """Under which terms the data may be used."""
        ...

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read a station list, plain or packed. Raises FeedError."""
        ...

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read price changes in file order, plain or packed. Raises FeedError."""
        ...
