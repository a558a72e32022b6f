"""Loyalty: points, tiers, campaigns, coupons and gifts."""
