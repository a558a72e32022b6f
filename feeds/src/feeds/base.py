"""What every price feed offers: a station list and price changes, each a stream of records and of unreadable rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class FeedError(Exception):
    """A file as a whole cannot be read, or breaks off; records before the break were already yielded."""


@dataclass(frozen=True, slots=True)
class StationRecord:
    """A station of the list; `payload` is its item for `POST /v1/station-imports`, read but not judged."""

    line: int
    external_id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PriceRecord:
    """A changed price of one grade; `report` is a price report that still lacks its `station_id`.

    `price_mills` is in thousandths of the currency's major unit per litre, None where the grade is no longer sold.
    `report_id` is the same at every reading of the same change.
    """

    line: int
    external_id: str
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be read: the line (the header is line 1), why, and how the row begins."""

    line: int
    reason: str
    text: str


class Feed(Protocol):
    """A public price feed. Its readers are pure: no network, and memory does not grow with the file."""

    @property
    def name(self) -> str:
        """The feed's name on the command line and the operator of its stations."""
        ...

    @property
    def description(self) -> str:
        """One line for people."""
        ...

    @property
    def licence(self) -> str:
        """Under which terms the data may be used."""
        ...

    def stations(self, path: Path) -> Iterator[StationRecord | RowProblem]:
        """Read a station list, plain or gzip. Raises FeedError."""
        ...

    def prices(self, path: Path) -> Iterator[PriceRecord | RowProblem]:
        """Read price changes in file order, plain or gzip. Raises FeedError."""
        ...
