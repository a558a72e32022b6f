"""How a route finds what its use case works with."""

from typing import cast

from fastapi import Request

from payments.use_cases.context import Payments


def payments_of(request: Request) -> Payments:
    """The process's Payments, which `main` made."""
    return cast(Payments, request.app.state.payments)
