"""What identity's routes take and give, a file for each area."""
