"""What figures mean, as routes give it."""

from typing import Annotated

from pydantic import Field

from analytics.domain.metrics import Unit
from analytics.http_models.reports import CompleteUntil, Freshness
from servicekit.http_models import Shown


class MetricShown(Shown):
    """One figure."""

    name: Annotated[str, Field(description="In JSON, in files and on topics", examples=["paid_minor"])]
    unit: Annotated[
        Unit,
        Field(
            description="minor: of the currency; mills: thousandths of it a litre; ml: millilitres, or grams of CNG "
            "and hydrogen; basis_points: 10,000 are the whole; all are whole numbers"
        ),
    ]
    title: Annotated[str, Field(examples=["Revenue"])]
    title_zh: Annotated[str, Field(examples=["收入"])]
    definition: Annotated[str, Field(examples=["What drivers paid: at the pump less discounts, before refunds."])]
    definition_zh: Annotated[str, Field(examples=["车主在优惠之后、退款之前支付的金额。"])]
    about: Annotated[
        str, Field(description="books: of the station's own; people: left out for fewer than 5 drivers",
                   examples=["books"])
    ]  # fmt: skip


class MetricsShown(Shown):
    """What every figure means, in the order of the table."""

    metrics: list[MetricShown]


class TopicFreshness(Shown):
    """How far a topic was read."""

    topic: Annotated[str, Field(examples=["payments.orders"])]
    complete_until: CompleteUntil


class ReportFreshness(Freshness):
    """How fresh a report is: as its stalest topic."""

    report: Annotated[str, Field(examples=["days"])]
    topics: Annotated[list[TopicFreshness], Field(description="What it is read from")]
