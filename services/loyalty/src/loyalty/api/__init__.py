"""The HTTP routes of the service, one module for each area."""
