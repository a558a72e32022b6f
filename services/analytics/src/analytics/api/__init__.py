"""The routes of the analytics service, a file per area."""
