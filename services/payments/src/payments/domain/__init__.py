"""What is true of orders, money, cards and bills, without I/O."""
