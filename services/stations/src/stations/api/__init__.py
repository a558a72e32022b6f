"""The routes, a file for each area: parse, call the use case, answer."""
