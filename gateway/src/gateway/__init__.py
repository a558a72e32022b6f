"""The one door for clients: routes, token check, limits, live prices, one OpenAPI document."""
