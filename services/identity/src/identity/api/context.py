"""How a route finds what its use case works with."""

from typing import cast

from fastapi import Request

from identity.domain.caller import Caller
from identity.use_cases.context import Identity


def identity_of(request: Request) -> Identity:
    """The process's Identity, which `main` made."""
    return cast(Identity, request.app.state.identity)


def caller_of(request: Request) -> Caller:
    """Where the request comes from: the gateway names its client, and nobody else reaches this port."""
    peer = request.client.host if request.client else ""
    address = request.headers.get("x-forwarded-for", peer)
    return Caller(address.strip(), request.headers.get("user-agent", "")[:200])
