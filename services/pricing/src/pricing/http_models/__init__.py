"""What pricing's routes take and give, a file for each area."""
