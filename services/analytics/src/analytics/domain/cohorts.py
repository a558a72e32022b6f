"""Who comes back: drivers by the month of their first order, and how many of them were there in each month after.

Nobody is to be found in the table, nor by what is known beside it: how many drivers were there in a month, of which
each cohort is a part, and how many of a cohort did not come back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from analytics.domain.documents import SUPPRESSED
from analytics.domain.metrics import LEAST_DRIVERS
from analytics.domain.months import months_later
from analytics.domain.reports import share
from analytics.domain.sales import Figure
from analytics.domain.suppression import is_small

Cell = tuple[str, str]
"""(month of the first order, month of some order)."""


@dataclass(frozen=True)
class CohortRow:
    """A cohort some months later."""

    cohort: str
    months_later: int
    cohort_drivers: Figure
    retained_drivers: Figure
    retention_basis_points: Figure
    suppressed: bool


@dataclass(frozen=True)
class RetentionRow:
    """All cohorts together that are shown, so many months later."""

    months_later: int
    cohort_drivers: int
    retained_drivers: int
    retention_basis_points: int | None


@dataclass(frozen=True)
class Cohorts:
    """How many drivers were there, by Cell; months in their order."""

    months: tuple[str, ...]
    counts: dict[Cell, int]
    earlier: dict[str, int] = field(default_factory=dict)
    """By month, the drivers of cohorts before the table."""

    def rows(self) -> list[CohortRow]:
        """The table, the oldest cohort first."""
        hidden = self.hidden()
        return [self._row(cell, hide=cell in hidden) for cell in self.cells()]

    def cells(self) -> list[Cell]:
        """All of them, by cohort and month; cohorts of nobody have none."""
        return [(one, month) for one in self.months if self._size(one) for month in self.months if month >= one]

    def _size(self, cohort: str) -> int:
        return self.counts.get((cohort, cohort), 0)

    def _row(self, cell: Cell, *, hide: bool) -> CohortRow:
        size, retained = self._size(cell[0]), self.counts.get(cell, 0)
        figures = (SUPPRESSED,) * 3 if hide else (size, retained, share(retained, size))
        return CohortRow(cell[0], months_later(cell[1], cell[0]), *figures, suppressed=hide)

    def hidden(self) -> set[Cell]:
        """The cells that are left out: small ones, and as many others as it takes to hide these."""
        hidden = {cell for cell in self.cells() if self._is_small(cell)}
        while more := self._more(hidden):
            hidden |= more
        return hidden

    def _is_small(self, cell: Cell) -> bool:
        size, retained = self._size(cell[0]), self.counts.get(cell, 0)
        return is_small(size) or is_small(retained) or is_small(size - retained)

    def _more(self, hidden: set[Cell]) -> set[Cell]:
        """What must be left out as well: a cohort whose size is, and a cell of each month in which the drivers of the
        month less those that are shown would tell of the hidden ones."""
        whole = {cell for cell in self.cells() if (cell[0], cell[0]) in hidden}
        return (whole | {cell for month in self.months for cell in self._cover(month, hidden)}) - hidden

    def _cover(self, month: str, hidden: set[Cell]) -> Iterable[Cell]:
        column = [cell for cell in self.cells() if cell[1] == month]
        unseen = [self.counts.get(cell, 0) for cell in column if cell in hidden]
        earlier = self.earlier.get(month, 0)
        if not unseen or (len(unseen) + bool(earlier) > 1 and sum(unseen) + earlier >= LEAST_DRIVERS):
            return ()
        shown = [(self.counts[cell], cell) for cell in column if cell not in hidden and self.counts.get(cell)]
        return [min(shown)[1]] if shown else ()


def cohorts_of(attendance: Iterable[Sequence[str]], months: Sequence[str]) -> Cohorts:
    """The table of these months; `attendance` has for each driver the months of all orders, the first one first."""
    counts: dict[Cell, int] = {}
    earlier: dict[str, int] = {}
    table = frozenset(months)
    for theirs in attendance:
        for month in set(theirs) & table:
            if theirs[0] in table:
                counts[theirs[0], month] = counts.get((theirs[0], month), 0) + 1
            else:
                earlier[month] = earlier.get(month, 0) + 1
    return Cohorts(tuple(months), counts, earlier)


def retention_of(rows: Iterable[CohortRow]) -> list[RetentionRow]:
    """What the rows that are shown say together: nothing that they do not say one by one."""
    sums: dict[int, tuple[int, int]] = {}
    for row in rows:
        if isinstance(row.cohort_drivers, int) and isinstance(row.retained_drivers, int):
            size, retained = sums.get(row.months_later, (0, 0))
            sums[row.months_later] = size + row.cohort_drivers, retained + row.retained_drivers
    return [RetentionRow(later, *of, share(of[1], of[0])) for later, of in sorted(sums.items())]
