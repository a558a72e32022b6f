"""What every route reads and writes."""

from fastapi import Request

from servicekit.erasures import Erasures
from servicekit.postgres import PostgresStore


def store_of(request: Request) -> PostgresStore:
    """The service's store."""
    return request.app.state.store


def erasures_of(request: Request) -> Erasures:
    """Who is gone."""
    return request.app.state.erasures
