"""Orders and money: a driver fuels and pays once, exactly, whatever fails."""
