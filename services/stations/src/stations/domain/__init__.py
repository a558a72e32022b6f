"""Stations, their hours and prices: pure."""
