"""Operators' commands: python -m payments.commands."""
