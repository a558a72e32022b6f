"""What is told of each figure of a report."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal[
    "moment", "date", "text", "count", "minor", "ml", "mills", "basis_points", "seconds", "metres", "points",
    "ml_per_100km", "per_mille", "hundredths",
]  # fmt: skip
"""How a value is stored and sent: `minor` of the report's currency, `mills` of it a litre, `ml`: millilitres, or grams
of CNG and hydrogen, `basis_points`: 10,000 are the whole, `hundredths`: of a number. All are integers, but moments,
dates and texts."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. Its name is the same in JSON, CSV, XLSX, PDF and on topics."""

    name: str
    unit: Unit
    title: str
    title_zh: str
    definition: str
    """One sentence that says exactly what is counted, when, and what is not."""
    definition_zh: str
    """The same sentence in Chinese."""
    about: Literal["books", "people"] = "books"
    """`people`: it would say something of single drivers where a group is small; it is left out for fewer than
    `metrics.LEAST_DRIVERS`."""
