"""What the analytics service does, a file per area."""
