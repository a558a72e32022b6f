"""Identity's routes, a file for each area."""
