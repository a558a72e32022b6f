"""The account of a replay: what became of each change, and what the stations must show in the end."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal, NamedTuple, Protocol

from feeds.base import PriceRecord, RowProblem, Why
from feeds.watching import moment

MAX_SHOWN_PROBLEMS = 1_000
MAX_GRADES = 200
OTHER_GRADES = "(others)"
"""Names beyond the first two hundred; a file with so many has something else in the grades' place."""

PriceKey = tuple[str, str]
Phase = Literal["send", "publish", "show"]


class Advance(Protocol):
    """Told of progress: so many more in a phase, of so many where that is known."""

    def __call__(self, phase: Phase, count: int, total: int | None = None) -> None:
        """Moves the phase's bar."""
        ...


class Difference(Enum):
    """How a shown price differs from the last word on it."""

    NONE = auto()
    OVERTAKEN = auto()
    """Somebody reported a later price meanwhile."""
    WRONG = auto()


class Expected(NamedTuple):
    """The last word on a price: what the stations service must show in the end."""

    price_mills: int | None
    effective_at: datetime
    superseded: bool = False
    """Pricing had a later word already, which may have confirmed a price that began to hold earlier than this one."""

    def difference(self, shown: dict[str, Any] | None) -> Difference:
        """How what is shown differs; a grade that is no longer sold is not shown."""
        if shown is not None and moment(shown["effective_at"]) > self.effective_at:
            return Difference.OVERTAKEN
        if (shown and shown["price_mills"]) == self.price_mills:
            return Difference.NONE
        return Difference.OVERTAKEN if self.superseded else Difference.WRONG


@dataclass
class ReplayReport:
    """The account of a replay. Everything that the file says is in exactly one of its counts.

    A change is sent, or its station is not in the list or was refused. What is no change is unreadable, of a grade that
    is not mapped, a second price of a grade, or the word that a grade is not sold that nobody thought was.
    """

    rows: int = 0
    changes: int = 0
    unreadable: int = 0
    unmapped: Counter[str] = field(default_factory=Counter)
    unmapped_because: dict[str, str] = field(default_factory=dict)
    second_price: int = 0
    not_sold: int = 0
    assumed: Counter[str] = field(default_factory=Counter)
    problems: list[RowProblem] = field(default_factory=list)
    station_not_in_list: int = 0
    station_refused: int = 0
    sent: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    """Price rules by name, with how many reports they refused or remarked on."""
    repeated: int = 0
    published: int = 0
    published_twice: int = 0
    rejections_published: int = 0
    visible: int = 0
    overtaken: int = 0
    lost: int = 0
    mismatched: int = 0
    seconds: float = 0.0
    send_seconds: float = 0.0
    probes: list[float] = field(default_factory=list)

    def note_change(self, record: PriceRecord, is_new_row: bool) -> None:
        """Counts a change, its row, and what had to be assumed to read it."""
        self.rows += is_new_row
        self.changes += 1
        self.assumed.update(record.assumed)

    def note_problem(self, problem: RowProblem) -> None:
        """Counts what gives no change; grades by name, and the first thousand unreadable rows are kept to show."""
        if problem.grade is not None:
            known = problem.grade in self.unmapped or len(self.unmapped) < MAX_GRADES
            grade = problem.grade if known else OTHER_GRADES
            self.unmapped[grade] += 1
            self.unmapped_because.setdefault(grade, problem.reason)
        elif problem.why is Why.SECOND_PRICE:
            self.second_price += 1
        else:
            self.unreadable += 1
            if len(self.problems) < MAX_SHOWN_PROBLEMS:
                self.problems.append(problem)
