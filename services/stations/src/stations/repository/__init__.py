"""Every query, a file for each area."""
