"""Operators' commands: python -m analytics.commands."""
