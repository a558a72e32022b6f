"""Identifiers: UUIDv7, which sort by the time they were minted."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7; ids minted by one process never go backwards."""
    return uuid7()
