"""Events as rows: a column's type follows from the event's model, so that files say what schemas say."""

import types
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel

from schemas.base import Event

MOMENT = pa.timestamp("us", tz="UTC")
ENVELOPE = (
    pa.field("event_id", pa.string()), pa.field("published_at", MOMENT), pa.field("partition", pa.int32()),
    pa.field("offset", pa.int64()),
)  # fmt: skip
"""What each row has beside the event's own fields. The same `event_id` twice is one event."""
HAPPENED = ("occurred_at", "effective_at", "confirmed_at", "begins_at", "submitted_at")
"""Fields that say when it happened, the best first."""
_SCALARS: tuple[tuple[Any, pa.DataType], ...] = (
    (bool, pa.bool_()), (Enum, pa.string()), (str, pa.string()), (UUID, pa.string()), (int, pa.int64()),
    (float, pa.float64()), (datetime, MOMENT), (AwareDatetime, MOMENT),
)  # fmt: skip


@cache
def schema_of(event: type[Event]) -> pa.Schema:
    """The columns of an event's files."""
    return pa.schema([*_fields(event), *ENVELOPE])


def row_of(event: Event, envelope: dict[str, Any]) -> dict[str, Any]:
    """The event as a row of such a file."""
    return {name: _plain(value) for name, value in event.__dict__.items()} | envelope


def happened_at(event: Event, published_at: datetime) -> datetime:
    """When what the event says happened, in UTC; when it was published where the event does not say."""
    moments = (event.__dict__.get(name) for name in HAPPENED)
    return next((one for one in moments if one is not None), published_at).astimezone(UTC)


def _fields(model: type[BaseModel]) -> list[pa.Field]:
    return [pa.field(name, arrow_type(field.annotation)) for name, field in model.model_fields.items()]


def arrow_type(annotation: Any) -> pa.DataType:
    """The column type of a field's type; TypeError for one that no event has had yet."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return arrow_type(arguments[0])
    if origin in (Union, types.UnionType):
        return _either([one for one in arguments if one is not type(None)])
    if origin is list:
        return pa.list_(arrow_type(arguments[0]))
    if origin is Literal:
        return arrow_type(type(arguments[0]))
    if isinstance(annotation, type):
        if issubclass(annotation, BaseModel):
            return pa.struct(_fields(annotation))
        for kind, column in _SCALARS:
            if issubclass(annotation, kind):
                return column
    raise TypeError(f"there is no column type for {annotation}")


def _either(kinds: Iterable[Any]) -> pa.DataType:
    """One type for all: several models become one struct with the fields of each, of which some are null."""
    found = [arrow_type(kind) for kind in kinds]
    if all(pa.types.is_struct(one) for one in found):
        return pa.struct(list({field.name: field for one in found for field in one}.values()))
    if any(one != found[0] for one in found):
        raise TypeError(f"there is no one column type for {found}")
    return found[0]


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return {name: _plain(one) for name, one in value.__dict__.items()}
        case list():
            return [_plain(one) for one in value]
        case UUID():
            return str(value)
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC)
    return value
