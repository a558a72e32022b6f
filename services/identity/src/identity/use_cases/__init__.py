"""What identity does, a file for each area."""
