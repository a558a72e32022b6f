"""Operators' commands: python -m loyalty.commands."""
