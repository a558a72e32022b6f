"""The rules of identity, pure, a file for each area."""
