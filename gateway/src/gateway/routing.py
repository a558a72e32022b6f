"""What a row of the routes table says, and how a request finds its row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from servicekit.access import Permission
from servicekit.problems import Problem

KIB = 1024
MIB = 1024 * KIB
_SEGMENT = r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}"
"""A path parameter: no percent, no slash, no leading dot, so a path reads the same here and upstream."""


class RateClass(StrEnum):
    """Requests that share one limit per caller; `GATEWAY_RATE_<NAME>` sets it."""

    TOKENS = "tokens"
    READS = "reads"
    WRITES = "writes"
    REPORTS = "reports"
    WEBHOOKS = "webhooks"
    REFUSED = "refused"


class Retry(StrEnum):
    """When a request may be sent a second time."""

    NEVER = "never"
    UNSENT = "unsent"
    """Only where no byte of it left: the connection was refused."""
    SAFE = "safe"
    """After any connection failure, 502 or 503 too."""


@dataclass(frozen=True, slots=True)
class Cache:
    """For a public read whose answer depends on nothing but its path and query.

    It gets an entity tag and is compressed, and those who ask for the same at the same time share one call. It may be
    kept for `max_age_seconds`; with 0 a copy must be checked each time: a price is never late.
    """

    max_age_seconds: int = 0

    @property
    def control(self) -> bytes:
        """The Cache-Control header, where the service sets none."""
        return b"public, max-age=%d" % self.max_age_seconds if self.max_age_seconds else b"no-cache"


LIVE = Cache()


@dataclass(frozen=True, slots=True)
class Route:
    """One row: a method and a path, who serves it, who may call it, and its limits."""

    method: str
    path: str
    upstream: str | None
    """None: the gateway itself."""
    permission: Permission | None = None
    """What the access token must hold, a row of servicekit.access; None: anyone may call it."""
    rate: RateClass = RateClass.READS
    body_bytes: int = 0
    timeout_seconds: float = 10.0
    retry: Retry = Retry.SAFE
    cache: Cache | None = None
    stream: bool = False
    """Its answer has no end: it is passed on as it comes, in a number of its own, without a deadline once it began."""


class RouteTable:
    """Finds the row of a request: fixed paths first, then patterns."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._fixed: dict[str, dict[str, Route]] = {}
        patterns: dict[str, dict[str, Route]] = {}
        for route in routes:
            table = patterns if "{" in route.path else self._fixed
            table.setdefault(route.path, {})[route.method] = route
        self._patterns = [(_pattern(path), by_method) for path, by_method in patterns.items()]

    def match(self, method: str, path: str) -> Route:
        """The row for a request; Problem 404 where the path is unknown, 405 where only the method is."""
        by_method = self._fixed.get(path) or self._match_pattern(path)
        if by_method is None:
            raise Problem(404, "not-found", "There is nothing at this path; /openapi.json lists what there is.")
        if (route := by_method.get(method)) is None:
            allowed = ", ".join(sorted(by_method))
            raise Problem(405, "method-not-allowed", f"This path takes {allowed}.", headers={"Allow": allowed})
        return route

    def _match_pattern(self, path: str) -> dict[str, Route] | None:
        return next((by_method for pattern, by_method in self._patterns if pattern.fullmatch(path)), None)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{\w+\\\}", lambda _: _SEGMENT, re.escape(path)), re.ASCII)
