"""How a route finds what its use case works with."""

from typing import cast

from fastapi import Request

from loyalty.use_cases.context import Loyalty


def loyalty_of(request: Request) -> Loyalty:
    """The process's Loyalty, which `main` made."""
    return cast(Loyalty, request.app.state.loyalty)
