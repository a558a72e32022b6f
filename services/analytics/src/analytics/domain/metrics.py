"""What is told of each figure of a report; the table itself is metrics.toml."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

import msgspec

Unit = Literal[
    "moment", "date", "text", "count", "minor", "ml", "mills", "basis_points", "seconds", "metres", "points",
    "ml_per_100km", "per_mille", "hundredths",
]  # fmt: skip
"""How a value is stored and sent: `minor` of the report's currency, `mills` of it a litre, `ml`: millilitres, or grams
of CNG and hydrogen, `basis_points`: 10,000 are the whole, `hundredths`: of a number. All are integers, but moments,
dates and texts."""
LEAST_DRIVERS = 5
"""Groups of fewer drivers are suppressed: nobody is to be found in a report."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure. Its name is the same in JSON, CSV, XLSX, PDF and on topics; `definition` is one sentence."""

    name: str
    unit: Unit
    title: str
    title_zh: str
    definition: str
    definition_zh: str
    about: Literal["books", "people"] = "books"
    """`people`: it would say something of single drivers where a group is small; it is left out for fewer than
    LEAST_DRIVERS."""


_TEXT = files("analytics.domain").joinpath("metrics.toml").read_text("utf-8")
METRICS = {name: msgspec.convert({"name": name} | told, Metric) for name, told in tomllib.loads(_TEXT).items()}
TABLE = tuple(METRICS.values())
