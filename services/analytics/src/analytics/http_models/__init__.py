"""Requests and answers of the analytics service, a file per area."""
