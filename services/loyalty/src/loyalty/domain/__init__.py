"""The rules of loyalty; no framework, driver or broker."""
