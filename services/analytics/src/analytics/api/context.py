"""How a route finds what its use case works with, and who asks."""

from typing import Annotated, cast

from fastapi import Request

from analytics.use_cases.context import Analytics
from servicekit.access import Permission
from servicekit.auth import Principal, Requires

Reader = Annotated[Principal, Requires(Permission.REPORTS_READ)]
Scheduler = Annotated[Principal, Requires(Permission.REPORTS_SCHEDULE)]
Driver = Annotated[Principal, Requires(Permission.DRIVER)]


def analytics_of(request: Request) -> Analytics:
    """The process's Analytics, which `main` made."""
    return cast(Analytics, request.app.state.analytics)
