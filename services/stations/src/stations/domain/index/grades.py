"""The prices of all stations, a set of columns for each grade that anyone sells."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stations.domain.index.columns import Codes, Columns
from stations.domain.index.geometry import Rows

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
TIMES = ("effective", "submitted", "received", "published")


def milliseconds(moment: datetime) -> int:
    """Since 1970, as exactly as MongoDB keeps a moment."""
    return (moment - EPOCH) // MILLISECOND


@dataclass(frozen=True, slots=True)
class Price:
    """A price as an event or the store tells it; `mills` 0: no longer sold. Times are milliseconds since 1970."""

    version: int
    mills: int
    currency: str
    effective: int
    submitted: int
    received: int
    published: int
    confirmed: int


def stored_price(price: Mapping[str, Any]) -> Price:
    """From the read model's document."""
    effective, submitted, received, published = (milliseconds(price[f"{name}_at"]) for name in TIMES)
    confirmed_at = price.get("confirmed_at")
    confirmed = effective if confirmed_at is None else max(effective, milliseconds(confirmed_at))
    return Price(
        price["version"], price["price_mills"] or 0, price["currency"], effective, submitted, received, published,
        confirmed,
    )  # fmt: skip


class Grades:
    """Prices by grade and row."""

    def __init__(self) -> None:
        self.currencies: Codes[str] = Codes()
        self._columns: dict[str, Columns] = {}
        self._rows = 0

    @property
    def bytes(self) -> int:
        """What the columns take."""
        return sum(columns.bytes for columns in self._columns.values())

    def names(self) -> list[str]:
        """The grades that anyone sells or sold, in order."""
        return sorted(self._columns)

    def reserve(self, rows: int) -> None:
        """Makes room for so many rows in every grade."""
        if rows > self._rows:
            self._rows = rows
            for columns in self._columns.values():
                columns.reserve(rows)

    def columns(self, fuel: str) -> Columns:
        """The grade's columns, with room for all rows."""
        columns = self._columns.get(fuel)
        if columns is None:
            columns = self._columns[fuel] = Columns(
                mills="i4", currency="i2", version="i4", effective="i8", submitted="i8", received="i8", published="i8",
                confirmed="i8",
            )  # fmt: skip
            columns.reserve(self._rows)
        return columns

    def put(self, row: int, fuel: str, price: Price) -> None:
        """Takes the price if it is newer than the known one."""
        columns = self.columns(fuel)
        if price.version > columns["version"][row]:
            columns.set(row, {
                "mills": price.mills, "currency": self.currencies.code(price.currency), "version": price.version,
                "effective": price.effective, "submitted": price.submitted, "received": price.received,
                "published": price.published, "confirmed": price.confirmed,
            })  # fmt: skip
        elif price.version == columns["version"][row]:
            self.confirm(row, fuel, price.version, price.confirmed)

    def confirm(self, row: int, fuel: str, version: int, confirmed: int) -> None:
        """The price of that version was still right at that time."""
        columns = self.columns(fuel)
        if version == columns["version"][row] and confirmed > columns["confirmed"][row]:
            columns["confirmed"][row] = confirmed

    def forget(self, row: int) -> None:
        """The row has no station any more."""
        for columns in self._columns.values():
            columns.set(row, {"mills": 0, "version": 0, "confirmed": 0})

    def mills(self, fuel: str, rows: Rows) -> NDArray[np.int64]:
        """What a litre costs, 0 where the grade is not sold."""
        return self._gather(fuel, "mills", rows)

    def confirmed(self, fuel: str, rows: Rows) -> NDArray[np.int64]:
        """When the prices were last known to be right."""
        return self._gather(fuel, "confirmed", rows)

    def currency_codes(self, fuel: str, rows: Rows) -> NDArray[np.int64]:
        """Each price's currency, as numbers of `currencies`."""
        return self._gather(fuel, "currency", rows)

    def currency_ranks(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The currencies' places in alphabetical order."""
        order = sorted(range(len(self.currencies.values)), key=self.currencies.values.__getitem__)
        ranks = np.zeros(len(order) + 1, np.int64)
        ranks[order] = np.arange(len(order))
        return ranks[codes]

    def _gather(self, fuel: str, name: str, rows: Rows) -> NDArray[np.int64]:
        columns = self._columns.get(fuel)
        if columns is None:
            return np.zeros(len(rows), np.int64)
        return columns[name][rows].astype(np.int64)
