"""What pricing does, a file for each area."""
