"""What the service does, one module for each area."""
