"""What comes in and goes out over HTTP, one module for each area."""
