"""Page cursors: opaque to clients, checked when they come back."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from servicekit.problems import Problem

MAX_CURSOR_CHARACTERS = 512
Position = TypeVar("Position")
Item = TypeVar("Item")


def encode_cursor(position: object) -> str:
    """A JSON-able position as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def next_cursor(found: Sequence[Item], limit: int, position: Callable[[Item], object]) -> str | None:
    """Where the page after the first `limit` of `found` begins; None where there are no more than those."""
    return encode_cursor(position(found[limit - 1])) if len(found) > limit else None


def decode_cursor(cursor: str, kind: type[Position]) -> Position:
    """The position of a cursor made by `encode_cursor`; Problem 400 for anything else."""
    try:
        if len(cursor) > MAX_CURSOR_CHARACTERS:
            raise ValueError("too long")
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise Problem(400, "bad-cursor", "This cursor was not made here; start again without one.") from error
