"""What the overview across stations gives."""

from typing import Annotated

from pydantic import BaseModel, Field

from analytics.domain.overview import OverviewFigures, OverviewRow
from analytics.http_models.reports import Changes, Days, Freshness, model_of
from schemas.vocabulary import Currency
from servicekit.http_models import Shown

Figures: type[BaseModel] = model_of(OverviewFigures)
Row: type[BaseModel] = model_of(OverviewRow)


class Compared(Changes):
    """The same figures of other days; `before` is null where there are none."""

    before: Annotated[Figures | None, Field()]  # pyright: ignore[reportInvalidTypeForm] - made from the dataclass


class OverviewStation(Row):  # pyright: ignore[reportGeneralTypeIssues, reportUntypedBaseClass] - made from the dataclass
    """A station."""

    comparison: Annotated[Compared | None, Field(description="Where `compare` asks for one")]


class OverviewCurrency(Shown):
    """All stations of a currency together."""

    currency: Annotated[Currency, Field(examples=["CNY"])]
    stations: Annotated[int, Field(description="How many", examples=[12])]
    totals: Figures  # pyright: ignore[reportInvalidTypeForm]
    comparison: Annotated[Compared | None, Field(description="Where `compare` asks for one")]


class OverviewShown(Days, Freshness):
    """What stations sold: sums by currency, and a page of the stations, by currency and then by revenue."""

    compared_with: Annotated[Days | None, Field(description="The days that figures are compared with")]
    currencies: list[OverviewCurrency]
    stations: list[OverviewStation]
    next_cursor: str | None
