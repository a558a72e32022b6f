"""The rules of pricing, pure, a file for each area."""
