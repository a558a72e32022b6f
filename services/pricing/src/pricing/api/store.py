"""What every route reads and writes."""

from fastapi import Request

from servicekit.postgres import PostgresStore


def store_of(request: Request) -> PostgresStore:
    """The service's store."""
    return request.app.state.store
