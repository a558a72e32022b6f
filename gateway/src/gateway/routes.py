"""The one table of what clients can reach, and how a request finds its row. What is not here is 404."""

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


def _write(
    method: str, path: str, upstream: str, permission: Permission | None, rate: RateClass = RateClass.WRITES, *,
    body_bytes: int = 64 * KIB, timeout_seconds: float = 15.0,
) -> Route:  # fmt: skip
    return Route(method, path, upstream, permission, rate, body_bytes, timeout_seconds, Retry.UNSENT)


ROUTES: tuple[Route, ...] = (
    _write("POST", "/v1/oauth/token", "identity", None, RateClass.TOKENS, body_bytes=16 * KIB),
    _write("POST", "/v1/oauth/revoke", "identity", None, RateClass.TOKENS, body_bytes=16 * KIB),
    Route("GET", "/v1/oauth/authorize", "identity", rate=RateClass.TOKENS, retry=Retry.UNSENT),
    _write("POST", "/v1/oauth/authorize", "identity", None, RateClass.TOKENS, body_bytes=16 * KIB),
    _write("POST", "/v1/otp-requests", "identity", None, RateClass.TOKENS, body_bytes=4 * KIB),
    Route("GET", "/.well-known/jwks.json", "identity", cache=LIVE),
    Route("GET", "/.well-known/oauth-authorization-server", "identity", cache=LIVE),
    Route("GET", "/v1/me", "identity", Permission.ACCOUNT),
    _write("PATCH", "/v1/me", "identity", Permission.ACCOUNT, body_bytes=16 * KIB),
    _write("DELETE", "/v1/me", "identity", Permission.ACCOUNT_SECURE, body_bytes=0),
    Route("GET", "/v1/me/identities", "identity", Permission.ACCOUNT),
    _write("POST", "/v1/me/identities", "identity", Permission.ACCOUNT_SECURE, RateClass.TOKENS, body_bytes=16 * KIB),
    _write(
        "POST",
        "/v1/me/identities/{identity_id}/unlink",
        "identity",
        Permission.ACCOUNT_SECURE,
        RateClass.TOKENS,
        body_bytes=16 * KIB,
    ),
    _write("POST", "/v1/me/merges", "identity", Permission.ACCOUNT_SECURE, RateClass.TOKENS, body_bytes=16 * KIB),
    Route("GET", "/v1/me/vehicles", "identity", Permission.DRIVER),
    _write("POST", "/v1/me/vehicles", "identity", Permission.DRIVER, body_bytes=16 * KIB),
    _write("PATCH", "/v1/me/vehicles/{vehicle_id}", "identity", Permission.DRIVER, body_bytes=16 * KIB),
    _write("DELETE", "/v1/me/vehicles/{vehicle_id}", "identity", Permission.DRIVER, body_bytes=0),
    Route("GET", "/v1/me/sessions", "identity", Permission.ACCOUNT),
    _write("DELETE", "/v1/me/sessions", "identity", Permission.ACCOUNT, body_bytes=0),
    _write("DELETE", "/v1/me/sessions/{session_id}", "identity", Permission.ACCOUNT, body_bytes=0),
    Route("GET", "/v1/me/consents", "identity", Permission.ACCOUNT),
    _write("PUT", "/v1/me/consents", "identity", Permission.ACCOUNT, body_bytes=16 * KIB),
    _write("POST", "/v1/me/export", "identity", Permission.ACCOUNT_SECURE, body_bytes=0),
    Route("GET", "/v1/me/export/{export_id}", "identity", Permission.ACCOUNT),
    Route("GET", "/v1/me/export/{export_id}/archive", "identity", Permission.ACCOUNT_SECURE, timeout_seconds=30.0),
    _write("POST", "/v1/me/password", "identity", Permission.ACCOUNT_SECURE, RateClass.TOKENS, body_bytes=16 * KIB),
    _write("POST", "/v1/me/recovery-codes", "identity", Permission.ACCOUNT_SECURE, RateClass.TOKENS, body_bytes=0),
    Route("GET", "/v1/staff", "identity", Permission.STAFF_READ),
    _write("POST", "/v1/staff", "identity", Permission.STAFF_MANAGE, body_bytes=16 * KIB),
    _write("PATCH", "/v1/staff/{user_id}", "identity", Permission.STAFF_MANAGE, body_bytes=16 * KIB),
    _write("DELETE", "/v1/staff/{user_id}", "identity", Permission.STAFF_MANAGE, body_bytes=0),
    _write("POST", "/v1/staff/{user_id}/sign-in-resets", "identity", Permission.STAFF_MANAGE, body_bytes=4 * KIB),
    Route("GET", "/v1/staff-invitations", "identity", Permission.STAFF_READ),
    _write("DELETE", "/v1/staff-invitations/{invitation_id}", "identity", Permission.STAFF_MANAGE, body_bytes=0),
    _write("POST", "/v1/staff-invitations/accept", "identity", None, RateClass.TOKENS, body_bytes=8 * KIB),
    _write("POST", "/v1/staff-invitations/confirm", "identity", None, RateClass.TOKENS, body_bytes=4 * KIB),
    Route("GET", "/v1/clients", "identity", Permission.CLIENTS_READ),
    _write("POST", "/v1/clients", "identity", Permission.CLIENTS_MANAGE, body_bytes=16 * KIB),
    _write("DELETE", "/v1/clients/{client_id}", "identity", Permission.CLIENTS_MANAGE, body_bytes=0),
    _write("POST", "/v1/clients/{client_id}/secrets", "identity", Permission.CLIENTS_MANAGE, body_bytes=4 * KIB),
    Route("GET", "/v1/stations/nearby", "stations", cache=LIVE),
    Route("GET", "/v1/stations/along", "stations", cache=LIVE),
    Route("GET", "/v1/stations/clusters", "stations", cache=LIVE),
    Route("GET", "/v1/stations", "stations", cache=LIVE),
    Route("GET", "/v1/stations/{station_id}", "stations", cache=LIVE),
    Route("GET", "/v1/stations/{station_id}/pumps", "stations", cache=LIVE),
    Route("GET", "/v1/stations/{station_id}/navigation", "stations", cache=Cache(max_age_seconds=300)),
    Route("GET", "/v1/stations/{station_id}/reviews", "stations", cache=LIVE),
    _write("POST", "/v1/stations/{station_id}/reviews", "stations", Permission.DRIVER, body_bytes=16 * KIB),
    _write("DELETE", "/v1/stations/{station_id}/reviews/mine", "stations", Permission.DRIVER, body_bytes=0),
    Route("GET", "/v1/me/favourites", "stations", Permission.DRIVER),
    Route("GET", "/v1/me/favourites/{station_id}", "stations", Permission.DRIVER),
    _write("PUT", "/v1/me/favourites/{station_id}", "stations", Permission.DRIVER, body_bytes=16 * KIB),
    _write("DELETE", "/v1/me/favourites/{station_id}", "stations", Permission.DRIVER, body_bytes=0),
    _write("POST", "/v1/stations", "stations", Permission.STATIONS_WRITE),
    _write("PATCH", "/v1/stations/{station_id}", "stations", Permission.STATIONS_WRITE),
    _write("PUT", "/v1/stations/{station_id}/pumps/{pump_id}", "stations", Permission.PUMPS_WRITE),
    _write("POST", "/v1/stations/{station_id}/closures", "stations", Permission.STATIONS_WRITE),
    _write(
        "POST", "/v1/station-imports", "stations", Permission.STATIONS_WRITE, body_bytes=2 * MIB, timeout_seconds=30.0
    ),
    _write("POST", "/v1/price-reports", "pricing", Permission.PRICES_WRITE, RateClass.REPORTS, body_bytes=2 * MIB),
    Route("GET", "/v1/price-reports", "pricing", Permission.PRICES_WRITE),
    Route("GET", "/v1/prices", "pricing", cache=LIVE),
    Route("GET", "/v1/stations/{station_id}/prices/history", "pricing", timeout_seconds=15.0, cache=LIVE),
    Route("GET", "/v1/stations/{station_id}/prices/position", "pricing", cache=LIVE),
    Route("GET", "/v1/prices/levels", "pricing", cache=LIVE),
    Route("GET", "/v1/me/price-alerts", "pricing", Permission.DRIVER),
    _write("POST", "/v1/me/price-alerts", "pricing", Permission.DRIVER),
    _write("DELETE", "/v1/me/price-alerts", "pricing", Permission.DRIVER),
    _write("DELETE", "/v1/me/price-alerts/{alert_id}", "pricing", Permission.DRIVER),
    _write("POST", "/v1/price-changes", "pricing", Permission.PRICE_CHANGES_WRITE),
    Route("GET", "/v1/price-changes", "pricing", Permission.PRICE_CHANGES_WRITE),
    Route("GET", "/v1/price-changes/{change_id}", "pricing", Permission.PRICE_CHANGES_WRITE),
    _write("POST", "/v1/price-changes/{change_id}/approve", "pricing", Permission.PRICE_CHANGES_APPROVE),
    _write("POST", "/v1/price-changes/{change_id}/cancel", "pricing", Permission.PRICE_CHANGES_WRITE),
    _write("POST", "/v1/price-changes/{change_id}/rollback", "pricing", Permission.PRICE_CHANGES_WRITE),
    Route("GET", "/v1/price-rules/{region}", "pricing"),  # not cached: its ETag is the service's own, for If-Match
    _write("PUT", "/v1/price-rules/{region}", "pricing", Permission.PRICE_RULES_WRITE, body_bytes=256 * KIB),
    Route("GET", "/v1/price-rules/{region}/versions", "pricing", Permission.PRICE_RULES_WRITE),
    _write(
        "POST",
        "/v1/price-rules/{region}/dry-runs",
        "pricing",
        Permission.PRICE_RULES_WRITE,
        body_bytes=256 * KIB,
        timeout_seconds=30.0,
    ),
    Route("GET", "/v1/stations/{station_id}/exceptions", "payments", Permission.ORDERS_WRITE),
    _write("POST", "/v1/exceptions/{exception_id}/resolve", "payments", Permission.REFUNDS_WRITE),
    _write("POST", "/v1/exceptions/{exception_id}/approve", "payments", Permission.REFUNDS_APPROVE, body_bytes=0),
    _write("POST", "/v1/exceptions/{exception_id}/reject", "payments", Permission.REFUNDS_APPROVE, body_bytes=0),
    _write("POST", "/v1/exceptions/{exception_id}/undo", "payments", Permission.REFUNDS_WRITE, body_bytes=0),
    Route("GET", "/v1/reconciliations/{date}", "payments", Permission.FINANCE),
    _write("POST", "/v1/reconciliations/{date}/run", "payments", Permission.FINANCE, body_bytes=0),
    Route("GET", "/v1/stations/{station_id}/shifts", "payments", Permission.ORDERS_WRITE),
    _write("POST", "/v1/stations/{station_id}/shifts", "payments", Permission.ORDERS_WRITE, body_bytes=0),
    Route("GET", "/v1/shifts/{shift_id}", "payments", Permission.ORDERS_WRITE),
    _write("POST", "/v1/shifts/{shift_id}/close", "payments", Permission.ORDERS_WRITE),
    _write("POST", "/v1/orders", "payments", Permission.PAY, body_bytes=16 * KIB),
    Route("GET", "/v1/orders", "payments", Permission.PAY),
    Route("GET", "/v1/orders/{order_id}", "payments", Permission.PAY),
    _write("POST", "/v1/orders/{order_id}/accept", "payments", Permission.PAY, body_bytes=0),
    _write("POST", "/v1/orders/{order_id}/cancel", "payments", Permission.PAY, body_bytes=0),
    _write("POST", "/v1/orders/{order_id}/pay", "payments", Permission.PAY, body_bytes=16 * KIB, timeout_seconds=30.0),
    _write("POST", "/v1/orders/{order_id}/refunds", "payments", Permission.REFUNDS_WRITE, body_bytes=16 * KIB),
    Route("GET", "/v1/orders/{order_id}/refunds", "payments", Permission.REFUNDS_WRITE),
    _write("POST", "/v1/refunds/{refund_id}/approve", "payments", Permission.REFUNDS_APPROVE, body_bytes=0),
    _write("POST", "/v1/refunds/{refund_id}/reject", "payments", Permission.REFUNDS_APPROVE, body_bytes=0),
    _write("POST", "/v1/orders/{order_id}/disputes", "payments", Permission.PAY, body_bytes=16 * KIB),
    Route("GET", "/v1/ledger/accounts", "payments", Permission.FINANCE),
    Route("GET", "/v1/ledger/accounts/{account_id}", "payments", Permission.FINANCE),
    Route("GET", "/v1/records", "payments", Permission.PAY),
    Route("GET", "/v1/bills/{month}.csv", "payments", Permission.PAY, timeout_seconds=15.0),
    Route("GET", "/v1/bills/{month}.pdf", "payments", Permission.PAY, timeout_seconds=15.0),
    Route("GET", "/v1/bills/{month}", "payments", Permission.PAY, timeout_seconds=15.0),
    Route("GET", "/v1/invoice-titles", "payments", Permission.PAY),
    _write("POST", "/v1/invoice-titles", "payments", Permission.PAY, body_bytes=8 * KIB),
    _write("PATCH", "/v1/invoice-titles/{title_id}", "payments", Permission.PAY, body_bytes=8 * KIB),
    _write("DELETE", "/v1/invoice-titles/{title_id}", "payments", Permission.PAY, body_bytes=0),
    Route("GET", "/v1/invoices", "payments", Permission.PAY),
    _write("POST", "/v1/invoices", "payments", Permission.PAY, body_bytes=8 * KIB),
    Route("GET", "/v1/invoices/{invoice_id}", "payments", Permission.PAY),
    Route("GET", "/v1/invoices/{invoice_id}/preview", "payments", Permission.PAY, timeout_seconds=15.0),
    Route("GET", "/v1/fuel-cards", "payments", Permission.PAY),
    _write("POST", "/v1/fuel-cards", "payments", Permission.CARDS_SECURE, body_bytes=16 * KIB),
    Route("GET", "/v1/fuel-cards/{card_id}", "payments", Permission.PAY),
    _write("DELETE", "/v1/fuel-cards/{card_id}", "payments", Permission.CARDS_SECURE, body_bytes=0),
    Route("GET", "/v1/fuel-cards/{card_id}/transactions", "payments", Permission.PAY),
    _write("POST", "/v1/fuel-cards/{card_id}/freeze", "payments", Permission.PAY, body_bytes=0),
    _write("POST", "/v1/fuel-cards/{card_id}/unfreeze", "payments", Permission.CARDS_SECURE, body_bytes=0),
    _write("PUT", "/v1/fuel-cards/{card_id}/limits", "payments", Permission.PAY),
    _write("PUT", "/v1/fuel-cards/{card_id}/holder", "payments", Permission.CARDS_SECURE, body_bytes=16 * KIB),
    _write("POST", "/v1/fuel-cards/{card_id}/recharges", "payments", Permission.PAY, body_bytes=4 * KIB),
    Route("GET", "/v1/fuel-cards/{card_id}/recharges/{recharge_id}", "payments", Permission.PAY),
    Route("GET", "/v1/companies", "payments", Permission.PAY),
    _write("POST", "/v1/companies", "payments", Permission.CARDS_SECURE, body_bytes=4 * KIB),
    _write("POST", "/v1/companies/claims", "payments", Permission.CARDS_SECURE, body_bytes=4 * KIB),
    Route("GET", "/v1/companies/{company_id}", "payments", Permission.PAY),
    _write("DELETE", "/v1/companies/{company_id}", "payments", Permission.CARDS_SECURE, body_bytes=0),
    _write("POST", "/v1/companies/{company_id}/managers", "payments", Permission.CARDS_SECURE, body_bytes=0),
    _write("DELETE", "/v1/companies/{company_id}/managers/{manager_id}", "payments", Permission.CARDS_SECURE),
    Route("GET", "/v1/companies/{company_id}/cards", "payments", Permission.PAY),
    _write("POST", "/v1/companies/{company_id}/cards", "payments", Permission.CARDS_SECURE),
    _write("DELETE", "/v1/companies/{company_id}/cards/{card_id}", "payments", Permission.PAY, body_bytes=0),
    _write("POST", "/v1/companies/{company_id}/cards/{card_id}/freeze", "payments", Permission.PAY, body_bytes=0),
    _write("POST", "/v1/companies/{company_id}/cards/{card_id}/unfreeze", "payments", Permission.CARDS_SECURE),
    _write("PUT", "/v1/companies/{company_id}/cards/{card_id}/limits", "payments", Permission.PAY),
    _write("POST", "/v1/companies/{company_id}/recharges", "payments", Permission.PAY, body_bytes=4 * KIB),
    Route("GET", "/v1/companies/{company_id}/recharges/{recharge_id}", "payments", Permission.PAY),
    Route("GET", "/v1/companies/{company_id}/transactions", "payments", Permission.PAY),
    Route("GET", "/v1/me/payers", "payments", Permission.PAY),
    _write("PUT", "/v1/me/payers/{provider}", "payments", Permission.PAY, body_bytes=4 * KIB),
    _write("DELETE", "/v1/me/payers/{provider}", "payments", Permission.PAY, body_bytes=0),
    _write("POST", "/v1/webhooks/wechatpay/payments", "payments", None, RateClass.WEBHOOKS),
    _write("POST", "/v1/webhooks/wechatpay/refunds", "payments", None, RateClass.WEBHOOKS),
    _write("POST", "/v1/webhooks/alipay", "payments", None, RateClass.WEBHOOKS),
    Route("GET", "/v1/stations/{station_id}/orders", "payments", Permission.ORDERS_WRITE),
    _write("POST", "/v1/orders/{order_id}/confirm", "payments", Permission.ORDERS_WRITE, body_bytes=4 * KIB),
    _write("POST", "/v1/orders/{order_id}/adjust", "payments", Permission.ORDERS_WRITE, body_bytes=4 * KIB),
    _write("POST", "/v1/orders/{order_id}/reject", "payments", Permission.ORDERS_WRITE, body_bytes=4 * KIB),
    _write("POST", "/v1/orders/{order_id}/complete", "payments", Permission.ORDERS_WRITE, body_bytes=0),
    _write("POST", "/v1/orders/{order_id}/fuelling", "payments", Permission.ORDERS_WRITE, body_bytes=0),
    _write("POST", "/v1/orders/{order_id}/dispenses", "payments", Permission.ORDERS_WRITE, body_bytes=4 * KIB),
    Route("GET", "/v1/orders/{order_id}/events", "payments", Permission.PAY, stream=True),
    Route("GET", "/v1/stations/{station_id}/orders/stream", "payments", Permission.ORDERS_WRITE, stream=True),
    Route("GET", "/v1/prices/stream", None),
    Route("GET", "/openapi.json", None),
    Route("GET", "/docs", None),
    Route("GET", "/docs/{asset}", None),
)


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
