"""What the service does, a file for each area."""
