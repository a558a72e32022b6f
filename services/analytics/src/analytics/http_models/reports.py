"""What the routes of reports give: the fields of the reports' own dataclasses, described by the table of metrics."""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import BaseModel, Field, create_model

from analytics.domain.documents import Suppressed
from analytics.domain.metrics import METRICS, Unit
from schemas.base import Moment
from schemas.vocabulary import Currency
from servicekit.http_models import Operator, Shown

EXAMPLES: Mapping[Unit, Any] = {
    "count": 42, "minor": 23_550, "ml": 31_000, "mills": 7_890, "basis_points": 450, "seconds": 240, "metres": 1_200,
    "points": 231, "ml_per_100km": 7_400, "per_mille": 120, "hundredths": 1_250,
}  # fmt: skip
TEXTS: Mapping[str, str] = {
    "campaign": "Spring, 2 off each litre", "campaign_id": "0199a000-0000-7000-8000-00000000ca01",
    "cohort": "2026-09", "discount": "campaign", "driver_group": "returning", "fills": "2",
    "finding": "About +12 % litres (between +4.0 % and +20 %).", "finding_zh": "销量约 +12 %。", "method": "wechat",
    "neighbour": "Forecourt Xicheng", "neighbour_brand": "Forecourt", "price_kind": "own",
    "station": "Forecourt Chaoyang",
}  # fmt: skip
"""Examples of texts, where their names alone do not say how they look."""
STRUCTURE: Mapping[str, str] = {
    "suppressed": "What is about people is left out: fewer than 5 different drivers stand behind the row, or it would "
    "tell of such by a difference",
    "rows": "In the order of time, unless said otherwise",
    "totals": "Of the whole period",
    "methods": "By way of paying; empty where what is about people is left out",
    "discounts": "By kind; an order may have several",
}
_LISTS = (tuple, list, Sequence)


class Days(Shown):
    """Days in the station's own time; both count."""

    first_day: Annotated[date, Field(examples=["2026-10-01"])]
    last_day: Annotated[date, Field(examples=["2026-10-30"])]


CompleteUntil = Annotated[
    Moment | None, Field(description="All that was published before is in it; null: nothing has been read yet")
]


class Freshness(Shown):
    """How fresh something is."""

    made_at: Moment
    complete_until: CompleteUntil


class ReportHead(Days, Freshness):
    """What is said above a report of a station."""

    report: Annotated[str, Field(examples=["days"])]
    station_id: UUID
    station: Annotated[str, Field(description="Its name", examples=["Forecourt Chaoyang"])]
    operator: Operator
    time_zone: Annotated[str, Field(description="IANA name; in which its days begin", examples=["Asia/Shanghai"])]
    currency: Annotated[Currency, Field(description="Of all amounts; what was paid in another one is not counted")]


class Changes(Shown):
    """How much figures changed."""

    changes: Annotated[
        dict[str, int | None],
        Field(
            description="By figure, in basis points of the one before: 10,000 are twice as much; null where one is "
            "missing, or there was nothing to change from", examples=[{"orders": 250}],
        ),
    ]  # fmt: skip


@cache
def answer_of(name: str, shape: type) -> type[BaseModel]:
    """The model of a report's whole answer; `shape` is its dataclass."""
    title = name.title().replace("-", "")
    totals, rows = (_shown(get_type_hints(shape)[field]) for field in ("totals", "rows"))
    row = get_args(rows)[0]
    compared_row = _made(
        f"{title}ComparedRow", (Changes,), "The earlier row; null: there is none.", before=(row | None, ...)
    )
    comparison = _made(
        f"{title}Comparison", (Days, Changes), "The same of other days.", totals=(totals, _described("totals", totals)),
        rows=(list[compared_row] | None, Field(description="One for each row, in their order; null: see `totals`")),
    )  # fmt: skip
    return _made(
        f"{title}Answer", (model_of(shape), ReportHead), shape.__doc__,
        comparison=(comparison | None, Field(description="Where `compare` asks for one")),
    )  # fmt: skip


@cache
def model_of(kind: type) -> type[BaseModel]:
    """A dataclass of figures as a model."""
    hints = get_type_hints(kind)
    described = {one.name: (_shown(hints[one.name]), _described(one.name, hints[one.name])) for one in fields(kind)}
    return _made(kind.__name__, (Shown,), kind.__doc__, **described)


def _made(name: str, bases: tuple[type[BaseModel], ...], about: str | None, **described: Any) -> type[BaseModel]:
    return create_model(name, __base__=bases, __doc__=about, **described)


def _shown(hint: Any) -> Any:
    """A type as JSON has it: what may be suppressed may be null, and rows are a list."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        shown = [_shown(None if one is Suppressed else one) for one in get_args(hint)]
        return Union[tuple(shown)]  # noqa: UP007 - its members are known only now
    if origin in _LISTS:
        return list[_shown(get_args(hint)[0])]
    return model_of(hint) if isinstance(hint, type) and is_dataclass(hint) else hint


def _described(name: str, hint: Any) -> Any:
    """By the metric of the name; a list of rows may be called as one is."""
    metric = None if get_origin(hint) in _LISTS else METRICS.get(name)
    if metric is None:
        return Field(description=STRUCTURE.get(name), examples=[None] if hint is types.NoneType else None)
    example = TEXTS.get(name) or EXAMPLES.get(metric.unit)
    return Field(description=metric.definition, examples=None if example is None else [example])
