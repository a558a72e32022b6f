"""Every query of the analytics service, a file per area."""
