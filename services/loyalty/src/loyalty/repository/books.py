"""Queries about everything that a replay of orders must leave as it is."""

from collections.abc import Mapping

from servicekit.postgres import Connection

_DIGEST = "SELECT {key}::text, md5(row({what})::text) FROM {table}"
KEPT: Mapping[str, tuple[str, str, str]] = {
    "balances": ("members", "driver_id", "balance, version"),
    "tiers": ("members", "driver_id", "tier"),
    "purchases": ("purchases", "order_id", "paid_minor, refunded_minor, points_due, points_posted"),
    "coupons": ("coupons", "coupon_id", "status, driver_id, version"),
    "campaigns": ("campaign_use", "campaign_id", "used_minor, uses"),
    "gift orders": ("gift_orders", "gift_order_id", "status"),
    "stamps": ("stamps", "order_id, campaign_id", "campaign_id, order_id"),
}
"""What is compared, by a name for people: table, key, columns."""


async def digests(tx: Connection) -> dict[str, dict[str, str]]:
    """What there is of each, by key, as digests."""
    found: dict[str, dict[str, str]] = {}
    for name, (table, key, what) in KEPT.items():
        query = _DIGEST.format(table=table, key=f"concat_ws('|', {key})", what=what)
        found[name] = dict(await tx.fetch(query))
    return found
