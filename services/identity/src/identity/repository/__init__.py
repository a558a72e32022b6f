"""Every query of identity, a file for each area."""
