"""A report as a document: sheets of figures with their charts, for whoever writes it as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final, Literal


class Suppressed(Enum):
    """A figure that is left out since too few drivers stand behind it: null in JSON, `<5` in files."""

    FEW = None

    def __str__(self) -> str:
        return "<5"


SUPPRESSED: Final = Suppressed.FEW
Cell = int | str | date | datetime | Suppressed | None
"""A value in its metric's unit; None: there is none, such as the average of nothing.

A text of a column `fuel` or `method` is a word of the events (`petrol_95`); files show it in their language."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of a sheet: one column along, others upwards. All of `y` have one unit."""

    kind: Literal["line", "bar", "stacked"]
    x: str
    y: tuple[str, ...]
    title: str
    title_zh: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: columns are names of `domain.metrics`, `rows` hold a cell for each."""

    name: str
    """A word in lower case; the sheet's name in a file. Those of a document differ."""
    title: str
    title_zh: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    chart: Chart | None = None
    totals: Sequence[Cell] | None = None
    """A cell for each column; the first is None: files write the word for it there."""
    currency: str | None = None
    """Of its amounts, where that is not the document's."""


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One of the few figures that a reader sees first, in large."""

    metric: str
    value: Cell
    before: Cell = None
    """The same figure of the period that is compared with; None where nothing is."""
    change_basis_points: int | None = None
    """From `before` to `value`; None where there was nothing to change from."""
    currency: str | None = None
    """As of a sheet."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    report: str
    """As in its path: hours, days, prices ..."""
    title: str
    title_zh: str
    about: str
    """Whose it is: the station's name, or the operators'."""
    first_day: date
    last_day: date
    """Both days count, in the station's own time."""
    currency: str | None
    made_at: datetime
    complete_until: datetime | None
    """Everything that was published before is in it; None: nothing has been read yet."""
    sheets: Sequence[Sheet]
    notes: Sequence[tuple[str, str]] = ()
    """(English, Chinese): what a reader must know to take the figures right."""
    key_figures: Sequence[KeyFigure] = ()
    """At most eight; six look best."""
    compared_with: tuple[date, date] | None = None
    """The days that `KeyFigure.before` is about, both count."""
    time_zone: str = "UTC"
    """In which files show moments; the station's own."""
