"""Plumbing that two services or more use; no domain logic lives here."""
