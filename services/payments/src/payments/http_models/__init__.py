"""What payments' routes take and give, a file for each area."""
