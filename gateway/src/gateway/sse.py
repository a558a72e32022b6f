"""Server-sent events as bytes, and the position that each carries as its id."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from gateway.http_models import PriceEvent
from schemas.base import rfc3339

RETRY_MILLISECONDS = 3_000
OPENING = f"retry: {RETRY_MILLISECONDS}\n\n".encode()
COPIED_FIELDS = tuple(name for name in PriceEvent.model_fields if name != "published_at")
_POSITION = re.compile(r"\d{1,18}(\.\d{1,18}){0,255}", re.ASCII)

Position = tuple[int, ...]
"""The next offset to read of each partition of `pricing.prices`, by partition number; the same on every replica."""


class Push(NamedTuple):
    """One price change as it came from Kafka; most are never asked for, so it is encoded only when somebody listens."""

    partition: int
    offset: int
    station_id: str
    value: bytes
    published_at_ms: int
    position: Position
    """The position after it."""


def encode_position(position: Sequence[int]) -> str:
    """The position as an event id, e.g. `120.98.0.7.5.33`."""
    return ".".join(map(str, position))


def decode_position(text: str) -> Position | None:
    """The position of an id made by `encode_position`; None for anything else."""
    return tuple(map(int, text.split("."))) if _POSITION.fullmatch(text) else None


def price_frame(push: Push) -> tuple[str, bytes]:
    """(fuel, the SSE event) of a PriceChanged record, whose times are RFC 3339 texts already.

    Raises ValueError or KeyError where the record is no PriceChanged.
    """
    fields = msgspec.json.decode(push.value, type=dict[str, msgspec.Raw])
    copied = {name: fields[name] for name in COPIED_FIELDS}
    published_at = rfc3339(datetime.fromtimestamp(push.published_at_ms / 1000, UTC))
    data = msgspec.json.encode(copied | {"published_at": published_at})
    frame = b"id: %b\nevent: price\ndata: %b\n\n" % (encode_position(push.position).encode(), data)
    return msgspec.json.decode(fields["fuel"], type=str), frame


def position_frame(position: Sequence[int]) -> bytes:
    """Moves a reader's position on without an event; the comment keeps proxies from closing a quiet connection."""
    return f": alive\nid: {encode_position(position)}\n\n".encode()


def reset_frame(position: Sequence[int]) -> bytes:
    """Tells a reader that events may be missing: it should load the prices again and then go on from here."""
    return f'id: {encode_position(position)}\nevent: reset\ndata: {{"reason":"gap"}}\n\n'.encode()
