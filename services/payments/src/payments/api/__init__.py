"""Routes: parse, call a use case, answer."""
