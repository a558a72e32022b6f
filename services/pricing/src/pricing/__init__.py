"""Price reports, current prices and their history."""
