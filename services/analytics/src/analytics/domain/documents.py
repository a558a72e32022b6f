"""A report as a document: sheets of figures with their charts, for whoever writes it as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final, Literal


class Suppressed(Enum):
    """A figure that is left out since too few drivers stand behind it."""

    FEW = "<5"


SUPPRESSED: Final = Suppressed.FEW
Cell = int | str | date | datetime | Suppressed | None
"""A value in its metric's unit; None: there is none, such as the average of nothing."""


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
    """A word in lower case; the sheet's name in a file."""
    title: str
    title_zh: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    chart: Chart | None = None
    totals: Sequence[Cell] | None = None


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
