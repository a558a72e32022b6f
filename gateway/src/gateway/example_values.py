"""What the suite's fields and errors look like in the examples of the API's document."""

from typing import Any

from servicekit.problems import TYPE_PREFIX

STATION_ID = "01930b5e-7c1a-7000-8000-3f0e2a9b4c11"

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"

_NOON = "2026-05-01T12:00:00Z"
_PRICE_EVENT = (
    f'{{"station_id":"{STATION_ID}","fuel":"e5","price_mills":1789,"previous_price_mills":1799,"currency":"EUR",'
    f'"version":7,"effective_at":"{_NOON}","submitted_at":"{_NOON}","received_at":"{_NOON}","published_at":"{_NOON}"}}'
)

BY_NAME: dict[str, Any] = {
    "access_token": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJzdGF0aW9uLXN5c3RlbSJ9.c2lnbmF0dXJl",
    "age_seconds": 240,
    "app_android": "androidamap://navi?lat=52.5219&lon=13.4132&dev=0",
    "app_ios": "iosamap://navi?lat=52.5219&lon=13.4132&dev=0",
    "bbox": "13.2,52.4,13.6,52.6",
    "brand": "ARAL",
    "busy": 3,
    "changed_at": _NOON,
    "city": "Berlin",
    "client_id": "01930b5e-7c1a-7000-8000-0d5f6e7a8b90",
    "client_secret": "the secret that was shown once",
    "closed_reason": "The lease has ended",
    "closes": "22:00",
    "count": 12,
    "country": "DE",
    "currency": "EUR",
    "cursor": "WyIwMTkzMGI1ZS03YzFhLTcwMDAtODAwMC0zZjBlMmE5YjRjMTEiXQ",
    "data": _PRICE_EVENT,
    "detour_m": 1200,
    "detour_mills_per_litre": 9,
    "detour_minor": 18,
    "discount_mills": 30,
    "distance_m": 830,
    "east": 13.6,
    "error_description": "The client id or secret is wrong.",
    "event": "price",
    "expires_in": 900,
    "external_id": "DE-4711",
    "facilities": ["toilet", "shop"],
    "facility": "toilet",
    "from": ("2026-04-01T00:00:00Z", "2026-12-24"),
    "free": 4,
    "fuel": "e5",
    "grant_types_supported": ["client_credentials"],
    "holiday_region": "DE-BE",
    "house_number": "12a",
    "id": "120.98.0.7.5.33",
    "idempotency-key": "01930b5e-7c1a-7000-8000-5b1d2c3e4f50",
    "index": 0,
    "issuer": "https://api.forecourt.example",
    "jwks_uri": "https://api.forecourt.example/.well-known/jwks.json",
    "kid": "01930b5e-7c1a-7000-8000-9a8b7c6d5e4f",
    "last-event-id": "120.98.0.7.5.33",
    "lat": 52.5219,
    "limit": 20,
    "lon": 13.4132,
    "name": "Tankstelle am Alexanderplatz",
    "operator": "tankerkoenig",
    "net_price_mills": 1768,
    "north": 52.6,
    "noted": 2,
    "opens": "06:00",
    "out_of_order": 1,
    "post_code": "10178",
    "previous_price_mills": 1799,
    "price_mills": 1789,
    "pump_id": "3",
    "pump_price_mills": 1789,
    "q": "alexander",
    "radius_m": 5000,
    "region": "AT",
    "rejected": 5,
    "reports": 1200,
    "report_id": "shift-7-0042",
    "response_types_supported": [],
    "route_m": 48200,
    "scope": "prices:write",
    "scopes_supported": ["prices:write", "stations:write", "pumps:write"],
    "south": 52.4,
    "station_id": STATION_ID,
    "stations_met": 3,
    "status": "free",
    "street": "Karl-Liebknecht-Str.",
    "threshold_mills": 1699,
    "time_zone": "Europe/Berlin",
    "title": "Invalid input",
    "to": "2026-05-01T00:00:00Z",
    "token_endpoint": "https://api.forecourt.example/v1/oauth/token",
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    "total": 5,
    "trace_id": TRACE_ID,
    "until": "2026-12-26",
    "unknown_stations": [],
    "version": 7,
    "volume_ml": 30_000,
    "waiting_vehicles": 2,
    "west": 13.2,
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "zoom": 11,
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}

"""A tuple holds what the name looks like in different places."""

BY_FORMAT: dict[str, Any] = {
    "date": "2026-05-01",
    "date-time": _NOON,
    "time": "12:00:00",
    "uri": "https://api.forecourt.example",
    "uuid": "01930b5e-7c1a-7000-8000-1c2d3e4f5a6b",
}

NULL_WHERE_IT_MAY_BE = frozenset({"closed", "closed_at", "closed_reason", "detail", "next_cursor", "reason"})
"""What most answers do not have."""


def _problem(status: int, slug: str, detail: str) -> dict[str, Any]:
    title = slug.replace("-", " ").capitalize()
    return {"type": TYPE_PREFIX + slug, "title": title, "status": status, "detail": detail, "trace_id": TRACE_ID}


PROBLEMS: dict[str, dict[str, Any]] = {
    str(status): _problem(status, slug, detail)
    for status, slug, detail in (
        (400, "malformed-json", "The body is not valid JSON: Expecting value."),
        (401, "unauthorised", "Send an access token: Authorization: Bearer <token> (POST /v1/oauth/token gives one)."),
        (403, "missing-scope", "This needs the scope prices:write."),
        (404, "not-found", "There is nothing with this id."),
        (408, "body-too-slow", "The body did not arrive in time; send it again."),
        (409, "conflict", "Somebody else changed this at the same time; load it again."),
        (413, "body-too-large", "The body is larger than 65,536 bytes."),
        (414, "query-too-long", "The query is longer than 8,192 bytes; ask for less."),
        (422, "invalid-input", "1 field(s) are wrong, first query /lat: Input should be less than or equal to 90."),
        (429, "rate-limited", "Too many requests; wait 3 s."),
        (431, "headers-too-large", "The headers are longer than 65,536 bytes; send less of them."),
        (502, "bad-gateway", "The pricing service broke off its answer; try again."),
        (503, "unavailable", "The pricing service is not available right now; send the same request again shortly."),
        (504, "timeout", "The pricing service took longer than 10 s."),
    )
}
"""An error of each status; the slugs of a service say more."""
