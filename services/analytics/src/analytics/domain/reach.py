"""How far back topics reach, and which documents a rebuild cannot make from them alone."""

from datetime import datetime, timedelta

AHEAD = timedelta(hours=1)
"""More than an event may lie after its own publication: so much longer ago may what a document lacks have come."""


def is_beyond(begins_at: datetime | None, reach: datetime | None) -> bool:
    """Whether some facts of a document that begins then may be older than what the topics still have.

    `reach`: everything that was published since is there; None: everything ever. `begins_at` is None for a document
    about all times.
    """
    return reach is not None and (begins_at is None or begins_at < reach + AHEAD)
